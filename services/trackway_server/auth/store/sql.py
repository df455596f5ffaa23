"""AuthUnit over a SQLAlchemy connection: SQLite and PostgreSQL. What each method promises: domain/ports.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, and_, select, update

from trackway_server.auth.domain.model import (
    BOOTSTRAP_ADMIN,
    ApiKey,
    Principal,
    PrincipalKind,
    Role,
    RoleBinding,
    SigningKey,
    Workspace,
)
from trackway_server.auth.domain.ports import AuthUnit
from trackway_server.auth.store.tables import API_KEYS, PRINCIPALS, ROLES, SIGNING_KEYS, WORKSPACES
from trackway_server.core.db.database import Database

T = TypeVar("T")


class SqlAuthStore:
    """See AuthStore. The database is at the head of `migrations`; the caller closes it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, work: Callable[[AuthUnit], T]) -> T:
        """See AuthStore."""
        return await self._database.read(_in_unit, work)

    async def write(self, work: Callable[[AuthUnit], T]) -> T:
        """See AuthStore."""
        return await self._database.write(_alone_in_unit, work)


_LOCK = select(PRINCIPALS.c.name).where(PRINCIPALS.c.name == BOOTSTRAP_ADMIN).with_for_update()


def _alone_in_unit(connection: Connection, work: Callable[[AuthUnit], T]) -> T:
    """What a writer decides by, no other writer changes meanwhile: one after the other, they lock a row that is always
    there. SQLite has one writer as it is and ignores FOR UPDATE."""
    connection.execute(_LOCK)
    return _in_unit(connection, work)


def _in_unit(connection: Connection, work: Callable[[AuthUnit], T]) -> T:
    return work(SqlAuthUnit(connection))


class SqlAuthUnit:
    """See AuthUnit; within the transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def workspace(self, name: str) -> Workspace | None:
        """See AuthUnit."""
        row = self._connection.execute(select(WORKSPACES).where(WORKSPACES.c.name == name)).mappings().first()
        return None if row is None else Workspace(**row)

    def workspaces(self, after: str, limit: int) -> Sequence[Workspace]:
        """See AuthUnit."""
        query = select(WORKSPACES).where(WORKSPACES.c.name > after, WORKSPACES.c.delete_time_us == 0)
        rows = self._connection.execute(query.order_by(WORKSPACES.c.name).limit(limit)).mappings()
        return [Workspace(**row) for row in rows]

    def put_workspace(self, workspace: Workspace) -> None:
        """See AuthUnit."""
        self._put(WORKSPACES, asdict(workspace))

    def principal(self, name: str) -> Principal | None:
        """See AuthUnit."""
        row = self._connection.execute(select(PRINCIPALS).where(PRINCIPALS.c.name == name)).mappings().first()
        return None if row is None else _principal(row)

    def principals(self, kind: PrincipalKind | None, after: str, limit: int) -> Sequence[Principal]:
        """See AuthUnit."""
        query = select(PRINCIPALS).where(PRINCIPALS.c.name > after, PRINCIPALS.c.delete_time_us == 0)
        if kind is not None:
            query = query.where(PRINCIPALS.c.kind == int(kind))
        rows = self._connection.execute(query.order_by(PRINCIPALS.c.name).limit(limit)).mappings()
        return [_principal(row) for row in rows]

    def put_principal(self, principal: Principal) -> None:
        """See AuthUnit."""
        self._put(PRINCIPALS, asdict(principal) | {"kind": int(principal.kind)})

    def roles_of(self, principal: str) -> Sequence[RoleBinding]:
        """See AuthUnit."""
        query = select(ROLES).where(ROLES.c.principal == principal).order_by(ROLES.c.workspace)
        return [_binding(row) for row in self._connection.execute(query).mappings()]

    def roles_in(self, workspace: str, after: str, limit: int) -> Sequence[RoleBinding]:
        """See AuthUnit."""
        query = select(ROLES).where(ROLES.c.workspace == workspace, ROLES.c.principal > after)
        rows = self._connection.execute(query.order_by(ROLES.c.principal).limit(limit)).mappings()
        return [_binding(row) for row in rows]

    def put_role(self, binding: RoleBinding) -> None:
        """See AuthUnit."""
        self._put(ROLES, asdict(binding) | {"role": int(binding.role)})

    def delete_roles(self, *, workspace: str = "", principal: str = "") -> int:
        """See AuthUnit."""
        conditions = [ROLES.c.workspace == workspace] if workspace else []
        conditions += [ROLES.c.principal == principal] if principal else []
        return self._connection.execute(ROLES.delete().where(and_(*conditions))).rowcount

    def key(self, key_id: str) -> ApiKey | None:
        """See AuthUnit."""
        row = self._connection.execute(select(API_KEYS).where(API_KEYS.c.key_id == key_id)).mappings().first()
        return None if row is None else ApiKey(**row)

    def keys_of(self, principal: str) -> Sequence[ApiKey]:
        """See AuthUnit."""
        query = select(API_KEYS).where(API_KEYS.c.principal == principal)
        query = query.order_by(API_KEYS.c.create_time_us.desc(), API_KEYS.c.key_id.desc())
        return [ApiKey(**row) for row in self._connection.execute(query).mappings()]

    def put_key(self, key: ApiKey) -> None:
        """See AuthUnit."""
        self._put(API_KEYS, asdict(key))

    def signing_keys(self) -> Sequence[SigningKey]:
        """See AuthUnit."""
        query = select(SIGNING_KEYS).order_by(SIGNING_KEYS.c.create_time_us.desc(), SIGNING_KEYS.c.kid.desc())
        return [SigningKey(**row) for row in self._connection.execute(query).mappings()]

    def put_signing_key(self, key: SigningKey) -> None:
        """See AuthUnit."""
        self._put(SIGNING_KEYS, asdict(key))

    def delete_signing_key(self, kid: str) -> None:
        """See AuthUnit."""
        self._connection.execute(SIGNING_KEYS.delete().where(SIGNING_KEYS.c.kid == kid))

    def _put(self, table: Table, row: dict[str, Any]) -> None:
        keys = [column.name for column in table.primary_key]
        same = and_(*(table.c[name] == row[name] for name in keys))
        if not self._connection.execute(update(table).where(same).values(row)).rowcount:
            self._connection.execute(table.insert().values(row))


def _principal(row: Any) -> Principal:
    return Principal(**{**row, "kind": PrincipalKind(row["kind"])})


def _binding(row: Any) -> RoleBinding:
    return RoleBinding(row["workspace"], row["principal"], Role(row["role"]))

"""The roles on single models in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, func, select

from trackway_server.registry.domain.model import ModelKey
from trackway_server.registry.store.tables import BINDINGS, VERSIONS


class SqlBindings:
    """See Bindings."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def role(self, model: ModelKey, principal: str) -> int:
        query = select(BINDINGS.c.role).where(_of(model), BINDINGS.c.principal == principal)
        return self._connection.execute(query).scalar() or 0

    def role_in(self, workspace: str, principal: str) -> int:
        query = select(func.max(BINDINGS.c.role)).where(_in(workspace, principal))
        return self._connection.execute(query).scalar() or 0

    def models_of(self, workspace: str, principal: str) -> Sequence[str]:
        query = select(BINDINGS.c.name).where(_in(workspace, principal)).order_by(BINDINGS.c.name)
        return self._connection.execute(query).scalars().all()

    def role_on_files(self, workspace: str, manifest_digest: str, principal: str) -> int:
        same = and_(VERSIONS.c.workspace == BINDINGS.c.workspace, VERSIONS.c.name == BINDINGS.c.name)
        query = select(func.max(BINDINGS.c.role)).select_from(BINDINGS.join(VERSIONS, same))
        query = query.where(_in(workspace, principal), VERSIONS.c.manifest_digest == manifest_digest)
        return self._connection.execute(query).scalar() or 0

    def page(self, model: ModelKey, after: str, limit: int) -> Sequence[tuple[str, int]]:
        query = select(BINDINGS.c.principal, BINDINGS.c.role).where(_of(model), BINDINGS.c.principal > after)
        rows = self._connection.execute(query.order_by(BINDINGS.c.principal).limit(limit))
        return [(row.principal, row.role) for row in rows]

    def count(self, model: ModelKey) -> int:
        return self._connection.execute(select(func.count()).where(_of(model))).scalar_one()

    def put(self, model: ModelKey, principal: str, role: int) -> None:
        of_both = and_(_of(model), BINDINGS.c.principal == principal)
        if not self._connection.execute(BINDINGS.update().where(of_both).values(role=role)).rowcount:
            row = {"workspace": model.workspace, "name": model.name, "principal": principal, "role": role}
            self._connection.execute(BINDINGS.insert().values(row))

    def drop(self, model: ModelKey, principal: str) -> bool:
        gone = BINDINGS.delete().where(_of(model), BINDINGS.c.principal == principal)
        return bool(self._connection.execute(gone).rowcount)


def _of(model: ModelKey) -> ColumnElement[bool]:
    return and_(BINDINGS.c.workspace == model.workspace, BINDINGS.c.name == model.name)


def _in(workspace: str, principal: str) -> ColumnElement[bool]:
    return and_(BINDINGS.c.workspace == workspace, BINDINGS.c.principal == principal)

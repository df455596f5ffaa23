"""What the ports of the auth service promise, over every adapter; and what the domain makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.postgres import opened_postgres
from trackway_server.auth.domain import directory, keys, signing
from trackway_server.auth.domain.model import (
    MAX_ROLES,
    ApiKey,
    Caller,
    Principal,
    PrincipalKind,
    Role,
    RoleBinding,
    SigningKey,
    Workspace,
)
from trackway_server.auth.domain.ports import AuthStore, AuthUnit
from trackway_server.auth.module import MIGRATIONS
from trackway_server.auth.store.memory import MemoryAuthStore
from trackway_server.auth.store.sql import SqlAuthStore
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.core.errors import DomainError, Reason

ADMIN = Caller("admin", True)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AuthStore]:
    if request.param == "memory":
        yield MemoryAuthStore()
        return
    if request.param == "postgres":
        async with opened_postgres("auth") as postgres:
            yield SqlAuthStore(postgres)
        return
    upgrade(tmp_path / "auth.db", MIGRATIONS)
    database = open_sqlite(tmp_path / "auth.db")
    try:
        yield SqlAuthStore(database)
    finally:
        await database.close()
        assert database.open_connections == 0


def user(name: str) -> Principal:
    return Principal(name, PrincipalKind.USER, "", False, 1)


async def test_a_new_store_has_the_bootstrap_administrator(store: AuthStore) -> None:
    identity = await store.read(lambda unit: keys.identity_of(unit, "admin", "x"))
    assert identity is not None
    assert (identity.server_admin, identity.roles) == (True, {"default": Role.ADMIN})


async def test_lists_are_in_order_and_in_pages_and_leave_out_what_is_deleted(store: AuthStore) -> None:
    def work(unit: AuthUnit) -> None:
        for name in ("bob", "ann", "zed"):
            directory.create_principal(unit, user(name))
            directory.create_workspace(unit, Workspace(f"w-{name}", "", 1), ADMIN)
            directory.grant_role(unit, RoleBinding("default", name, Role.VIEWER))
        directory.delete_principal(unit, "zed", ADMIN, 5)
        directory.delete_workspace(unit, "w-zed", 5)

    await store.write(work)
    found = await store.read(lambda unit: unit.principals(None, "admin", 2))
    assert [each.name for each in found] == ["ann", "bob"]
    assert [each.name for each in await store.read(lambda unit: unit.workspaces("default", 9))] == ["w-ann", "w-bob"]
    bindings = await store.read(lambda unit: unit.roles_in("default", "", 9))
    assert [each.principal for each in bindings] == ["admin", "ann", "bob"]
    assert await store.read(lambda unit: unit.principals(PrincipalKind.SERVICE_ACCOUNT, "", 9)) == []


async def test_what_raises_is_undone(store: AuthStore) -> None:
    def work(unit: AuthUnit) -> None:
        directory.create_principal(unit, user("ann"))
        raise DomainError(Reason.INTERNAL, "no")

    with pytest.raises(DomainError):
        await store.write(work)
    assert await store.read(lambda unit: unit.principal("ann")) is None


async def test_a_role_is_replaced_and_their_number_is_limited(store: AuthStore) -> None:
    def work(unit: AuthUnit) -> None:
        directory.create_principal(unit, user("ann"))
        directory.grant_role(unit, RoleBinding("default", "ann", Role.VIEWER))
        directory.grant_role(unit, RoleBinding("default", "ann", Role.EDITOR))
        for number in range(MAX_ROLES):
            directory.create_workspace(unit, Workspace(f"w{number}", "", 1), Caller("nobody", True))
        for number in range(MAX_ROLES - 1):
            directory.grant_role(unit, RoleBinding(f"w{number}", "ann", Role.VIEWER))

    await store.write(work)
    roles = await store.read(lambda unit: {each.workspace: each.role for each in unit.roles_of("ann")})
    assert (len(roles), roles["default"]) == (MAX_ROLES, Role.EDITOR)
    with pytest.raises(DomainError) as refused:
        last = RoleBinding(f"w{MAX_ROLES - 1}", "ann", Role.VIEWER)
        await store.write(lambda unit: directory.grant_role(unit, last))
    assert refused.value.reason is Reason.LIMIT_EXCEEDED


async def test_a_key_opens_while_it_is_valid_and_right(store: AuthStore) -> None:
    key, secret = keys.make_key("ann", "mine", 10, 100)
    presented = keys.parse(secret)
    assert presented is not None

    def work(unit: AuthUnit) -> ApiKey:
        directory.create_principal(unit, user("ann"))
        return keys.add_key(unit, key, ADMIN, 10)

    await store.write(work)

    async def opens(what: keys.Presented, now_us: int) -> bool:
        return await store.read(lambda unit: keys.identify(unit, what, now_us)) is not None

    assert await opens(presented, 99)
    assert not await opens(presented, 100)
    assert not await opens(replace(presented, secret="x" * 43), 99)
    assert not await opens(replace(presented, key_id="0" * 12), 99)
    await store.write(lambda unit: keys.revoke_key(unit, key.key_id, Caller("ann", False), 50))
    assert not await opens(presented, 60)
    assert secret.split("_", 2)[2].encode() not in key.digest + key.salt


async def test_signing_keys_retire_and_are_forgotten(store: AuthStore) -> None:
    first, second, third = (SigningKey(name, "x", "d", at) for name, at in (("a", 10), ("b", 20), ("c", 30)))
    await store.write(lambda unit: signing.ensure_signing_key(unit, first, 0, 0))
    assert await store.write(lambda unit: signing.ensure_signing_key(unit, second, 5, 0)) == first
    assert await store.write(lambda unit: signing.ensure_signing_key(unit, second, 15, 0)) == second
    published = await store.write(lambda unit: signing.rotate(unit, third, 25, drop_old=False))
    assert [key.kid for key in published] == ["c", "b"]
    assert "d=" not in repr(first)


async def test_writers_at_once_see_what_the_others_did(store: AuthStore) -> None:
    key, secret = keys.make_key("ann", "mine", 10, 0)
    presented = keys.parse(secret)
    assert presented is not None

    def begin(unit: AuthUnit) -> None:
        directory.create_principal(unit, user("ann"))
        keys.add_key(unit, key, ADMIN, 10)
        for number in range(MAX_ROLES + 5):
            directory.create_workspace(unit, Workspace(f"w{number}", "", 1), Caller("nobody", True))

    await store.write(begin)
    grants = [
        store.write(lambda unit, n=number: directory.grant_role(unit, RoleBinding(f"w{n}", "ann", Role.VIEWER)))  # type: ignore[misc]
        for number in range(MAX_ROLES + 5)
    ]
    refused = [each for each in await asyncio.gather(*grants, return_exceptions=True) if isinstance(each, Exception)]
    assert [each.reason for each in refused if isinstance(each, DomainError)] == [Reason.LIMIT_EXCEEDED] * 5
    assert len(await store.read(lambda unit: unit.roles_of("ann"))) == MAX_ROLES
    uses = [
        store.write(lambda unit, n=number: keys.note_use(unit, key.key_id, n * keys.LAST_USE_RESOLUTION_US))  # type: ignore[misc]
        for number in range(1, 20)
    ]
    revoking = store.write(lambda unit: keys.revoke_key(unit, key.key_id, ADMIN, 50))
    await asyncio.gather(*uses[:10], revoking, *uses[10:])
    assert await store.read(lambda unit: keys.identify(unit, presented, 60)) is None
    made = [SigningKey(f"k{number}", "x", "d", 10) for number in range(10)]
    ensured = [
        store.write(lambda unit, new=each: signing.ensure_signing_key(unit, new, 0, 0))  # type: ignore[misc]
        for each in made
    ]
    assert len({each.kid for each in await asyncio.gather(*ensured)}) == 1
    assert len(await store.read(lambda unit: unit.signing_keys())) == 1

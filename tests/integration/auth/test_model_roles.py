"""A role on one registered model: what its holder may do with that, and that they may do nothing with anything else.

The RPCs are GrantModelRole, RevokeModelRole, ListModelRoles and GetManifestAccess.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.auth_serving import AuthServer, auth_server
from trackway.aio import AsyncClient
from trackway.errors import InvalidArgument, NotFound, PermissionDenied, ResourceExhausted
from trackway.types import Role
from trackway_server.registry.domain import bindings

HERS, OTHER = "hers", "other"
RUNS = {HERS: "aa" * 16, OTHER: "bb" * 16}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuthServer]:
    async with auth_server(tmp_path) as running, client_of(running, running.admin_key) as admin:
        for name, run_id in RUNS.items():
            experiment = await admin.tracking.create_experiment(f"for {name}")
            await admin.tracking.create_run(experiment_id=experiment.experiment_id, run_id=run_id)
            await admin.artifacts.upload_bytes(run_id, name.encode(), "model/weights.bin")
            await admin.registry.create_model(name)
            await admin.registry.create_version(name, f"runs:/{run_id}/model")
        yield running


def client_of(server: AuthServer, key: str) -> AsyncClient:
    return AsyncClient(f"trackway://127.0.0.1:{server.port}", token=key)


async def bound(server: AuthServer, name: str, role: Role | None, **workspace: str) -> AsyncClient:
    """A client of a new principal with that role on the model `hers`."""
    key = await server.principal(name, **workspace)
    if role is not None:
        async with client_of(server, server.admin_key) as admin:
            await admin.auth.grant_model_role(HERS, name, role)
    return client_of(server, key)


async def test_a_model_server_needs_no_more_than_a_role_on_its_model(server: AuthServer, tmp_path: Path) -> None:
    async with await bound(server, "vera", "VIEWER") as vera, client_of(server, server.admin_key) as admin:
        assert [each.name async for each in vera.registry.search_models()] == [HERS]
        assert [each.name async for each in vera.registry.search_models(f"name IN ('{OTHER}', '{HERS}')")] == [HERS]
        for found in (vera.registry.search_versions(), vera.registry.search_versions(name=HERS)):
            assert [each.name async for each in found] == [HERS]
        with pytest.raises(NotFound, match="no registered model"):
            await anext(vera.registry.search_versions(name=OTHER))
        resolved = await vera.registry.resolve(f"models:/{HERS}/1")
        folder = await vera.artifacts.download_manifest(resolved.manifest.digest, tmp_path)
        assert (folder / "weights.bin").read_bytes() == HERS.encode()
        theirs = await admin.registry.resolve(f"models:/{OTHER}/1")
        with pytest.raises(NotFound, match="no workspace"):
            await vera.artifacts.download_manifest(theirs.manifest.digest, tmp_path / "other")
        with pytest.raises(NotFound, match="no registered model"):
            await vera.registry.resolve(f"models:/{OTHER}/1")
        with pytest.raises(NotFound, match="no registered model"):
            await vera.registry.get_model("nowhere")
        with pytest.raises(PermissionDenied):
            await vera.registry.set_alias(HERS, "champion", 1)
        with pytest.raises(PermissionDenied):
            await vera.registry.create_model("mine")


async def test_who_has_neither_role_nor_binding_sees_no_workspace(server: AuthServer) -> None:
    async with await bound(server, "nobody", None) as nobody:
        for asked in (nobody.registry.get_model(HERS), nobody.registry.resolve(f"models:/{HERS}/1")):
            with pytest.raises(NotFound, match="no workspace"):
                await asked
        with pytest.raises(NotFound, match="no workspace"):
            [each async for each in nobody.registry.search_models()]
        with pytest.raises(NotFound, match="no workspace"):
            await anext(nobody.registry.watch(from_start=True))


async def test_events_are_those_of_its_model(server: AuthServer) -> None:
    async with await bound(server, "vera", "VIEWER") as vera, client_of(server, server.admin_key) as admin:
        told = [(each.kind, each.model_name) async for each in vera.registry.list_events()]
        assert told == [("MODEL_CREATED", HERS), ("VERSION_CREATED", HERS)]
        watching = vera.registry.watch(from_start=True)
        assert [(await anext(watching)).kind for _ in told] == [kind for kind, _ in told]
        await admin.registry.set_alias(OTHER, "champion", 1)
        await admin.registry.set_alias(HERS, "champion", 1)
        event = await asyncio.wait_for(anext(watching), 60)
        assert (event.kind, event.model_name) == ("ALIAS_SET", HERS)
        with pytest.raises(NotFound, match="no registered model"):
            await anext(vera.registry.watch(OTHER, from_start=True))


async def test_an_editor_changes_its_model_and_registers_what_they_may_read(server: AuthServer) -> None:
    async with await bound(server, "ed", "EDITOR") as ed, client_of(server, server.admin_key) as admin:
        await ed.registry.transition_stage(HERS, 1, "Production")
        await ed.registry.set_alias(HERS, "champion", 1)
        with pytest.raises(NotFound):
            await ed.registry.set_alias(OTHER, "champion", 1)
        assert (await ed.registry.create_version(HERS, f"models:/{HERS}/1")).version == 2
        with pytest.raises(NotFound, match="no registered model"):
            await ed.registry.create_version(HERS, f"models:/{OTHER}/1")
        with pytest.raises(PermissionDenied):  # a name is the workspace's
            await ed.registry.rename_model(HERS, "mine")
        with pytest.raises(NotFound):  # the registry reaches no further than its caller
            await ed.registry.create_version(HERS, f"runs:/{RUNS[OTHER]}/model")
        run = await admin.tracking.get_run(RUNS[HERS])
        await admin.auth.grant_experiment_role(run.info.experiment_id, "ed", "EDITOR")
        assert (await ed.registry.create_version(HERS, f"runs:/{RUNS[HERS]}/model")).version == 3


async def test_a_binding_adds_to_the_role_in_the_workspace(server: AuthServer) -> None:
    async with await bound(server, "vera", "EDITOR", default="VIEWER") as vera:
        assert [each.name async for each in vera.registry.search_models()] == [HERS, OTHER]
        await vera.registry.set_alias(HERS, "champion", 1)
        with pytest.raises(PermissionDenied):
            await vera.registry.set_alias(OTHER, "champion", 1)


async def test_administrators_of_a_model_give_and_take_roles_on_it(server: AuthServer) -> None:
    async with await bound(server, "ada", "ADMIN") as ada, await bound(server, "ed", "EDITOR") as ed:
        given = await ada.auth.grant_model_role(HERS, "zoe", "VIEWER")
        assert (given.name, given.workspace, given.principal, given.role) == (HERS, "default", "zoe", "VIEWER")
        listed = [(each.principal, each.role) async for each in ed.auth.list_model_roles(HERS, page_size=2)]
        assert listed == [("ada", "ADMIN"), ("ed", "EDITOR"), ("zoe", "VIEWER")]
        with pytest.raises(PermissionDenied):
            await ed.auth.grant_model_role(HERS, "ed", "ADMIN")
        with pytest.raises(NotFound):
            await ada.auth.grant_model_role(OTHER, "ada", "ADMIN")
        await ada.auth.revoke_model_role(HERS, "ed")
        with pytest.raises(NotFound, match="no role"):
            await ada.auth.revoke_model_role(HERS, "ed")
        with pytest.raises(NotFound):  # at once: nothing of it is in the token
            await ed.registry.get_model(HERS)


async def test_roles_go_with_the_model_and_are_bounded(server: AuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "MAX_BINDINGS", 1)
    async with client_of(server, server.admin_key) as admin, await bound(server, "vera", "VIEWER") as vera:
        with pytest.raises(ResourceExhausted):
            await admin.auth.grant_model_role(HERS, "ann", "VIEWER")
        with pytest.raises(InvalidArgument):
            [each async for each in _page(admin, "roles/other/x")]
        await admin.registry.delete_model(HERS)
        await admin.registry.create_model(HERS)
        with pytest.raises(NotFound):
            await vera.registry.get_model(HERS)


async def _page(admin: AsyncClient, token: str) -> AsyncIterator[object]:
    from trackway.api.registry.v1 import model_registry_service_pb2 as pb

    auth = admin.auth
    yield await auth._connection.unary(
        auth._registry.ListModelRoles, pb.ListModelRolesRequest(name=HERS, page_token=token)
    )

"""The auth service over gRPC: keys, tokens, principals, workspaces, roles, rotation."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.auth_serving import AuthServer, auth_server, bearer
from support.refusals import refusal_of
from trackway.api.auth.v1 import auth_service_pb2 as pb
from trackway.api.auth.v1 import resources_pb2
from trackway.api.metrics.v1.ingest_pb2 import RunStart
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.app.options import Target

USER = resources_pb2.PRINCIPAL_KIND_USER


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuthServer]:
    async with auth_server(tmp_path) as serving:
        yield serving


async def reason(call: Any) -> str:
    return (await refusal_of(call)).reason


async def test_a_key_becomes_a_token_that_every_service_takes(server: AuthServer) -> None:
    key = await server.principal("ann", default="EDITOR")
    assert key.startswith("twk_")
    token = await server.token(key)
    me = await server.stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(token))
    assert (me.name, me.server_admin, [(each.workspace, each.role) for each in me.roles]) == (
        "ann",
        False,
        [("default", resources_pb2.ROLE_EDITOR)],
    )
    experiments = TrackingServiceStub(server.channel)
    made = await experiments.CreateExperiment(tracking.CreateExperimentRequest(name="hers"), metadata=bearer(token))
    assert made.experiment.name == "hers"
    assert (
        await reason(experiments.SearchRuns(tracking.SearchRunsRequest(), metadata=bearer(key)))
        == "CREDENTIALS_INVALID"
    )


async def test_the_admin_key_is_taken_directly_and_in_exchange(server: AuthServer) -> None:
    for credential in (server.admin_key, await server.token(server.admin_key)):
        me = await server.stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(credential))
        assert (me.name, me.server_admin) == ("admin", True)


async def test_the_secret_is_nowhere(server: AuthServer) -> None:
    key = await server.principal("ann", default="VIEWER")
    (listed,) = (await server.stub.ListKeys(pb.ListKeysRequest(principal="ann"), metadata=server.admin)).keys
    assert listed.key_id == key.split("_")[1]
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    secret = key.split("_", 2)[2].encode()
    assert not [path for path in files if secret in path.read_bytes()]
    assert stat.S_IMODE((server.data_dir / "auth.db").stat().st_mode) == 0o600


async def test_keys_expire_and_are_revoked(server: AuthServer) -> None:
    key = await server.principal("ann", default="VIEWER")
    short = await server.stub.CreateKey(
        pb.CreateKeyRequest(principal="ann", name="short", lifetime_us=300_000), metadata=server.admin
    )
    await server.token(short.secret)
    await asyncio.sleep(0.35)
    assert await reason(server.stub.ExchangeKey(pb.ExchangeKeyRequest(key=short.secret))) == "CREDENTIALS_INVALID"
    token = await server.token(key)
    revoked = await server.stub.RevokeKey(pb.RevokeKeyRequest(key_id=key.split("_")[1]), metadata=bearer(token))
    assert revoked.key.revoke_time_us
    assert revoked.key.last_use_time_us
    assert await reason(server.stub.ExchangeKey(pb.ExchangeKeyRequest(key=key))) == "CREDENTIALS_INVALID"


async def test_a_token_ends_within_five_minutes_and_with_its_key(server: AuthServer) -> None:
    await server.principal("ann", default="VIEWER")
    answer = await server.stub.ExchangeKey(pb.ExchangeKeyRequest(key=server.admin_key))
    assert 0 < answer.lifetime_us <= 295_000_000
    short = await server.stub.CreateKey(
        pb.CreateKeyRequest(principal="ann", lifetime_us=2_000_000), metadata=server.admin
    )
    answer = await server.stub.ExchangeKey(pb.ExchangeKeyRequest(key=short.secret))
    assert answer.expire_time_us == short.key.expire_time_us


async def test_own_keys_and_those_of_others(server: AuthServer) -> None:
    ann = bearer(await server.token(await server.principal("ann", default="ADMIN")))
    foreign = await server.principal("bob", default="VIEWER")
    mine = await server.stub.CreateKey(pb.CreateKeyRequest(name="mine"), metadata=ann)
    assert mine.key.principal == "ann"
    assert len((await server.stub.ListKeys(pb.ListKeysRequest(), metadata=ann)).keys) == 2
    page = await server.stub.ListKeys(pb.ListKeysRequest(page_size=1), metadata=ann)
    rest = await server.stub.ListKeys(pb.ListKeysRequest(page_token=page.next_page_token), metadata=ann)
    assert [key.name for key in (*page.keys, *rest.keys)] == ["mine", ""]
    stub = server.stub
    assert await reason(stub.CreateKey(pb.CreateKeyRequest(principal="bob"), metadata=ann)) == "PERMISSION_DENIED"
    assert await reason(stub.ListKeys(pb.ListKeysRequest(principal="bob"), metadata=ann)) == "PERMISSION_DENIED"
    key_id = foreign.split("_")[1]
    for each in (key_id, "0" * 12):
        assert await reason(stub.RevokeKey(pb.RevokeKeyRequest(key_id=each), metadata=ann)) == "KEY_NOT_FOUND"


async def test_a_deleted_principal_is_gone_and_its_name_stays_taken(server: AuthServer) -> None:
    key = await server.principal("ann", default="VIEWER")
    stub, admin = server.stub, server.admin
    await stub.DeletePrincipal(pb.DeletePrincipalRequest(name="ann"), metadata=admin)
    assert await reason(stub.ExchangeKey(pb.ExchangeKeyRequest(key=key))) == "CREDENTIALS_INVALID"
    again = stub.CreatePrincipal(pb.CreatePrincipalRequest(name="ann", kind=USER), metadata=admin)
    assert await reason(again) == "PRINCIPAL_ALREADY_EXISTS"
    listed = (await stub.ListPrincipals(pb.ListPrincipalsRequest(), metadata=admin)).principals
    assert [each.name for each in listed] == ["admin"]
    gone = stub.DeletePrincipal(pb.DeletePrincipalRequest(name="ann"), metadata=admin)
    assert await reason(gone) == "PRINCIPAL_NOT_FOUND"
    itself = stub.DeletePrincipal(pb.DeletePrincipalRequest(name="admin"), metadata=admin)
    assert await reason(itself) == "PRINCIPAL_PROTECTED"


async def test_workspaces_and_roles(server: AuthServer) -> None:
    stub, admin = server.stub, server.admin
    await stub.CreateWorkspace(pb.CreateWorkspaceRequest(name="team"), metadata=admin)
    taken = stub.CreateWorkspace(pb.CreateWorkspaceRequest(name="team"), metadata=admin)
    assert await reason(taken) == "WORKSPACE_ALREADY_EXISTS"
    lead = bearer(await server.token(await server.principal("lead", team="ADMIN")))
    await server.principal("new")
    seen = (await stub.ListWorkspaces(pb.ListWorkspacesRequest(), metadata=lead)).workspaces
    assert [each.name for each in seen] == ["team"]
    assert len((await stub.ListWorkspaces(pb.ListWorkspacesRequest(), metadata=admin)).workspaces) == 2
    role = resources_pb2.ROLE_VIEWER
    await stub.GrantRole(pb.GrantRoleRequest(workspace="team", principal="new", role=role), metadata=lead)
    elsewhere = stub.GrantRole(pb.GrantRoleRequest(principal="new", role=role), metadata=lead)
    assert await reason(elsewhere) == "WORKSPACE_NOT_FOUND"
    listed = await stub.ListRoles(pb.ListRolesRequest(workspace="team"), metadata=lead)
    assert [each.principal for each in listed.bindings] == ["admin", "lead", "new"]
    await stub.RevokeRole(pb.RevokeRoleRequest(workspace="team", principal="new"), metadata=lead)
    twice = stub.RevokeRole(pb.RevokeRoleRequest(workspace="team", principal="new"), metadata=lead)
    assert await reason(twice) == "ROLE_NOT_FOUND"
    await stub.DeleteWorkspace(pb.DeleteWorkspaceRequest(name="team"), metadata=admin)
    assert not (await stub.ListWorkspaces(pb.ListWorkspacesRequest(), metadata=lead)).workspaces
    protected = stub.DeleteWorkspace(pb.DeleteWorkspaceRequest(name="default"), metadata=admin)
    assert await reason(protected) == "WORKSPACE_PROTECTED"


async def test_a_run_is_there_for_its_workspace_alone(server: AuthServer) -> None:
    await server.stub.CreateWorkspace(pb.CreateWorkspaceRequest(name="team"), metadata=server.admin)
    mine = bearer(await server.token(await server.principal("ann", team="EDITOR")))
    reader = bearer(await server.token(await server.principal("bea", team="VIEWER", default="EDITOR")))
    other = bearer(await server.token(await server.principal("bob", default="ADMIN")))
    stub, run_id = TrackingServiceStub(server.channel), "ab" * 16
    request = tracking.CreateRunRequest(run_id=run_id, workspace="team", start=RunStart(start_time_us=5))
    await stub.CreateRun(request, metadata=mine)
    assert (await stub.GetRun(tracking.GetRunRequest(run_id=run_id), metadata=mine)).run.workspace == "team"
    assert await reason(stub.GetRun(tracking.GetRunRequest(run_id=run_id), metadata=other)) == "RUN_NOT_FOUND"
    assert await reason(stub.GetRun(tracking.GetRunRequest(run_id="cd" * 16), metadata=other)) == "RUN_NOT_FOUND"
    assert (await stub.GetRun(tracking.GetRunRequest(run_id=run_id), metadata=reader)).run.run_id == run_id
    written = stub.DeleteRun(tracking.DeleteRunRequest(run_id=run_id), metadata=reader)
    assert await reason(written) == "PERMISSION_DENIED"


async def test_signing_keys_rotate(server: AuthServer) -> None:
    stub, admin = server.stub, server.admin
    old = await server.token(server.admin_key)
    await stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(old))
    (first,) = (await stub.ListSigningKeys(pb.ListSigningKeysRequest())).keys
    rotated = (await stub.RotateSigningKeys(pb.RotateSigningKeysRequest(), metadata=admin)).keys
    assert [key.kid for key in rotated][1:] == [first.kid]
    assert rotated[1].retire_time_us
    new = await server.token(server.admin_key)
    for token in (new, old):
        await stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(token))
    dropped = await stub.RotateSigningKeys(pb.RotateSigningKeysRequest(drop_old=True), metadata=admin)
    assert len(dropped.keys) == 1
    await stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(await server.token(server.admin_key)))
    for token in (new, old):
        assert await reason(stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(token))) == "CREDENTIALS_INVALID"


async def test_wrong_keys_are_slowed_down(server: AuthServer) -> None:
    right = await server.principal("ann", default="VIEWER")
    wrong = [server.stub.ExchangeKey(pb.ExchangeKeyRequest(key=f"twk_{'a' * 12}_{'x' * 43}")) for _ in range(20)]
    assert {await reason(call) for call in wrong} == {"CREDENTIALS_INVALID"}
    found = await refusal_of(server.stub.ExchangeKey(pb.ExchangeKeyRequest(key=right)))
    assert (found.code, found.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")
    assert found.retry_after == 3


async def test_the_service_alone_verifies_its_own_tokens(tmp_path: Path) -> None:
    async with auth_server(tmp_path, Target.AUTH) as server:
        me = await server.stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(await server.token(server.admin_key)))
        assert me.name == "admin"
    with closing(sqlite3.connect(tmp_path / "data" / "auth.db")) as database:
        assert database.execute("SELECT count(*) FROM signing_keys").fetchone() == (1,)

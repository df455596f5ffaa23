"""A role on one experiment: what its holder may do with that, and that they may do nothing with anything else.

The RPCs are GrantExperimentRole, RevokeExperimentRole and ListExperimentRoles.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.auth_serving import AuthServer, auth_server, bearer
from support.tracking_service import append, open_writer, points, series, start
from trackway.aio import AsyncClient
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.errors import NotFound, PermissionDenied, ResourceExhausted
from trackway.types import Role
from trackway_server.tracking.domain import bindings

HERS, OTHER = "1", "2"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuthServer]:
    async with auth_server(tmp_path) as running, client_of(running, running.admin_key) as admin:
        for name in ("hers", "other"):
            experiment = await admin.tracking.create_experiment(name)
            await admin.tracking.create_run(experiment_id=experiment.experiment_id, run_id=run_of(experiment.name))
        yield running


def run_of(experiment: str) -> str:
    return {"hers": "aa" * 16, "other": "bb" * 16}[experiment]


def client_of(server: AuthServer, key: str) -> AsyncClient:
    return AsyncClient(f"trackway://127.0.0.1:{server.port}", token=key)


async def bound(server: AuthServer, name: str, role: Role | None, **workspace: str) -> AsyncClient:
    """A client of a new principal with that role on the experiment `hers`."""
    key = await server.principal(name, **workspace)
    if role is not None:
        async with client_of(server, server.admin_key) as admin:
            await admin.auth.grant_experiment_role(HERS, name, role)
    return client_of(server, key)


async def test_lists_show_what_one_is_bound_to_and_nothing_else(server: AuthServer) -> None:
    async with await bound(server, "vera", "VIEWER") as vera:
        assert [each.name async for each in vera.tracking.search_experiments()] == ["hers"]
        assert [each.info.run_id async for each in vera.tracking.search_runs()] == [run_of("hers")]
        assert [each.info.run_id async for each in vera.tracking.search_runs([OTHER])] == []
        assert (await vera.tracking.get_experiment(name="hers")).experiment_id == HERS
        assert (await vera.tracking.get_run(run_of("hers"))).info.experiment_id == HERS
        for named in ({"experiment_id": OTHER}, {"name": "other"}, {"name": "nowhere"}):
            with pytest.raises(NotFound, match="no experiment"):
                await vera.tracking.get_experiment(**named)
        with pytest.raises(NotFound):
            await vera.tracking.get_run(run_of("other"))
        with pytest.raises(PermissionDenied):
            await vera.tracking.log_params(run_of("hers"), {"p": "1"})


async def test_who_has_neither_role_nor_binding_sees_no_workspace(server: AuthServer) -> None:
    async with await bound(server, "nobody", None) as nobody:
        with pytest.raises(NotFound, match="no workspace"):
            [each async for each in nobody.tracking.search_experiments()]
        with pytest.raises(NotFound, match="no workspace"):
            [each async for each in nobody.tracking.search_runs()]
        with pytest.raises(NotFound, match="no workspace"):
            await nobody.tracking.get_experiment(name="hers")
        with pytest.raises(NotFound, match="no workspace"):
            await nobody.tracking.create_run(experiment_name="hers")


async def test_an_editor_of_one_experiment_starts_runs_there_alone(server: AuthServer) -> None:
    async with await bound(server, "ed", "EDITOR") as ed:
        made = await ed.tracking.create_run(experiment_name="hers")
        await ed.tracking.log_params(made.info.run_id, {"p": "1"})
        assert (await ed.tracking.update_experiment(HERS, set_tags={"note": "x"})).tags == {"note": "x"}
        with pytest.raises(PermissionDenied, match="rename"):  # or else they would learn which names are taken
            await ed.tracking.update_experiment(HERS, name="other")
        for named in ({"experiment_name": "other"}, {"experiment_id": OTHER}, {"experiment_name": "new"}, {}):
            with pytest.raises(NotFound, match="no experiment"):
                await ed.tracking.create_run(**named)
        with pytest.raises(PermissionDenied):
            await ed.tracking.create_experiment("mine")
        with pytest.raises(NotFound):
            await ed.tracking.delete_experiment(OTHER)


async def test_a_binding_adds_to_the_role_in_the_workspace(server: AuthServer) -> None:
    async with await bound(server, "vera", "EDITOR", default="VIEWER") as vera:
        assert {each.name async for each in vera.tracking.search_experiments()} == {"Default", "hers", "other"}
        await vera.tracking.log_params(run_of("hers"), {"p": "1"})
        with pytest.raises(PermissionDenied):
            await vera.tracking.log_params(run_of("other"), {"p": "1"})
        with pytest.raises(PermissionDenied):
            await vera.tracking.create_run(experiment_name="other")
    async with await bound(server, "ed", "VIEWER", default="EDITOR") as ed:
        await ed.tracking.log_params(run_of("hers"), {"q": "1"})


async def test_administrators_of_an_experiment_give_and_take_roles_on_it(server: AuthServer) -> None:
    async with await bound(server, "ada", "ADMIN") as ada, await bound(server, "ed", "EDITOR") as ed:
        given = await ada.auth.grant_experiment_role(HERS, "zoe", "VIEWER")
        assert (given.experiment_id, given.principal, given.role) == (HERS, "zoe", "VIEWER")
        listed = [(each.principal, each.role) async for each in ed.auth.list_experiment_roles(HERS, page_size=2)]
        assert listed == [("ada", "ADMIN"), ("ed", "EDITOR"), ("zoe", "VIEWER")]
        with pytest.raises(PermissionDenied):
            await ed.auth.grant_experiment_role(HERS, "ed", "ADMIN")
        with pytest.raises(NotFound):
            await ada.auth.grant_experiment_role(OTHER, "ada", "ADMIN")
        await ada.auth.revoke_experiment_role(HERS, "ed")
        with pytest.raises(NotFound, match="no role"):
            await ada.auth.revoke_experiment_role(HERS, "ed")
        with pytest.raises(NotFound):  # at once: nothing of it is in the token
            await ed.tracking.get_run(run_of("hers"))


async def test_the_number_of_roles_on_an_experiment_is_bounded(
    server: AuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bindings, "MAX_BINDINGS", 1)
    async with client_of(server, server.admin_key) as admin:
        await admin.auth.grant_experiment_role(HERS, "zoe", "VIEWER")
        await admin.auth.grant_experiment_role(HERS, "zoe", "EDITOR")
        with pytest.raises(ResourceExhausted):
            await admin.auth.grant_experiment_role(HERS, "ann", "VIEWER")


async def access(server: AuthServer, key: str, run_id: str) -> Any:
    stub = TrackingServiceStub(server.channel)  # type: ignore[no-untyped-call]
    metadata = bearer(await server.token(key))
    return await stub.GetRunAccess(pb.GetRunAccessRequest(run_id=run_id), metadata=metadata)


async def test_access_to_a_run_is_the_greater_of_both_roles(server: AuthServer) -> None:
    key = await server.principal("vera", default="VIEWER")
    assert (await access(server, key, run_of("hers"))).role == 1
    async with client_of(server, server.admin_key) as admin:
        await admin.auth.grant_experiment_role(HERS, "vera", "APPROVER")
    found = await access(server, key, run_of("hers"))
    assert (found.workspace, found.role) == ("default", 3)
    assert (await access(server, key, run_of("other"))).role == 1


class Stream:
    """An Ingest stream, message by message."""

    def __init__(self, server: AuthServer, token: str) -> None:
        stub = TrackingServiceStub(server.channel)  # type: ignore[no-untyped-call]
        self._call = stub.Ingest(metadata=bearer(token), timeout=60)

    async def send(self, message: ingest_pb2.IngestRequest) -> str:
        """The kind of the answer, or the reason of the refusal."""
        await self._call.write(message)
        answer = await self._call.read()
        if answer.HasField("refused"):
            await self._call.done_writing()
            return str(answer.refused.message)
        return str(answer.WhichOneof("kind"))


NEW = "cc" * 16


async def test_records_are_taken_for_that_experiment_alone(server: AuthServer) -> None:
    async with await bound(server, "ed", "EDITOR"):
        token = await server.token(await server.key("ed"))
        begin = append(0, start(experiment_name="hers"), series(0), points([1.0], 0, at=2))
        stream = Stream(server, token)
        assert await stream.send(open_writer(1, NEW)) == "opened"
        assert await stream.send(begin) == "acknowledged"
        for number, name in enumerate(("other", "new", "")):
            stream = Stream(server, token)
            assert await stream.send(open_writer(1, f"{number:032x}", writer_id=f"{number:032x}")) == "opened"
            assert "no experiment" in await stream.send(append(0, start(experiment_name=name)))
        stream = Stream(server, token)
        assert "no run" in await stream.send(open_writer(5, run_of("other"), writer_id="56" * 16))


async def test_a_stream_writes_no_more_once_its_role_is_taken(server: AuthServer) -> None:
    async with await bound(server, "ed", "EDITOR"), client_of(server, server.admin_key) as admin:
        stream = Stream(server, await server.token(await server.key("ed")))
        assert await stream.send(open_writer(1, run_of("hers"))) == "opened"
        assert await stream.send(append(0, series(0), points([1.0], 0, at=1))) == "acknowledged"
        await admin.auth.grant_experiment_role(HERS, "ed", "VIEWER")
        assert "lacks the permission" in await stream.send(append(2, points([2.0], 0)))
        await admin.auth.revoke_experiment_role(HERS, "ed")
        (read,) = await admin.tracking.read_series(run_of("hers"), "loss")
        assert read.values.tolist() == [1.0]


async def test_the_files_of_its_runs_go_with_the_experiment(server: AuthServer, tmp_path: Path) -> None:
    async with await bound(server, "ed", "EDITOR") as ed, await bound(server, "vera", "VIEWER") as vera:
        await ed.artifacts.upload_bytes(run_of("hers"), b"weights", "model/w.bin")
        got = await vera.artifacts.download(run_of("hers"), "model/w.bin", tmp_path)
        assert got.read_bytes() == b"weights"
        assert [each.path async for each in vera.artifacts.list(run_of("hers"))] == ["model"]
        with pytest.raises(PermissionDenied):
            await vera.artifacts.upload_bytes(run_of("hers"), b"x", "x")
        with pytest.raises(PermissionDenied):
            await vera.artifacts.delete(run_of("hers"), "model")
        for run_id in (run_of("other"), "99" * 16):
            with pytest.raises(NotFound, match="no workspace"):
                await ed.artifacts.upload_bytes(run_id, b"x", "x")
            with pytest.raises(NotFound, match="no workspace"):
                [each async for each in vera.artifacts.list(run_id)]


TRAINING = """
import trackway
trackway.set_experiment("hers")
with trackway.start_run() as run:
    trackway.log_metric("loss", 1.0)
    trackway.log_text("it works", "notes.txt")
print(run.info.run_id)
"""


async def test_a_trainer_needs_no_more_than_a_role_on_its_experiment(server: AuthServer, tmp_path: Path) -> None:
    """Its file is uploaded once the server knows its run, however short that was."""
    async with await bound(server, "ed", "EDITOR") as ed:
        variables = {
            "TRACKWAY_URI": f"trackway://127.0.0.1:{server.port}",
            "TRACKWAY_TOKEN": await server.key("ed"),
            "TRACKWAY_SPOOL_DIR": str(tmp_path / "spool"),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            TRAINING,
            env={**os.environ, **variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert (process.returncode, err) == (0, b"")
        run_id = out.decode().strip()
        assert (await ed.tracking.get_run(run_id)).data.metrics == {"loss": 1.0}
        assert (await ed.artifacts.download(run_id, "notes.txt", tmp_path)).read_text() == "it works"

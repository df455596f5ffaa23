"""What every call carries, and what comes of servers that refuse, are absent, of another version, or no Trackway."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.scripted_server import KEY, scripted
from trackway import errors
from trackway.aio import AsyncClient
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts_pb
from trackway.api.registry.v1 import model_registry_service_pb2 as registry_pb
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call

RUN = "0" * 31 + "1"


async def a_run(request: pb.GetRunRequest, call: Call) -> pb.GetRunResponse:
    return pb.GetRunResponse(run={"run_id": request.run_id})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_call_carries_key_and_request_id() -> None:
    async with scripted(GetRun=a_run) as (server, client):
        await client.tracking.get_run(RUN)
        await client.tracking.get_run(RUN)
    ids = [call.request_id for _, _, call in server.seen]
    assert all(len(each) == 32 for each in ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize(("token", "reason"), [(None, "CREDENTIALS_MISSING"), ("tw_wrong", "CREDENTIALS_INVALID")])
async def test_a_wrong_key_is_one_clear_line(
    token: str | None, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("TRACKWAY_PROFILE", str(tmp_path / "none.toml"))
    monkeypatch.delenv("TRACKWAY_TOKEN", raising=False)
    async with scripted(GetRun=a_run) as (server, _), AsyncClient(server.uri, token=token) as stranger:
        with pytest.raises(errors.Unauthenticated, match="TRACKWAY_TOKEN") as refusal:
            await stranger.tracking.get_run(RUN)
    assert refusal.value.reason == reason
    assert "\n" not in str(refusal.value)


async def test_no_server_is_one_clear_line() -> None:
    async with AsyncClient(f"trackway://127.0.0.1:{free_port()}", token=KEY) as client:
        with pytest.raises(errors.Unavailable, match='start one with "trackway server"'):
            await asyncio.wait_for(client.tracking.get_run(RUN), 10)


async def test_an_unknown_host_is_one_clear_line() -> None:
    async with AsyncClient("trackway://no-such-host.invalid", token=KEY) as client:
        with pytest.raises(errors.Unavailable):
            await asyncio.wait_for(client.tracking.get_run(RUN), 20)


async def test_an_http_server_is_one_clear_line() -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, AsyncClient(f"trackway://127.0.0.1:{port}", token=KEY) as client:
        with pytest.raises(errors.Unavailable, match=r"speaks HTTP|no server answers"):
            await asyncio.wait_for(client.tracking.get_run(RUN), 20)


async def test_tls_to_a_plain_server_is_one_clear_line() -> None:
    async with scripted() as (server, _), AsyncClient(server.uri.replace("trackway:", "trackways:")) as client:
        with pytest.raises(errors.Unavailable, match="trackway"):
            await asyncio.wait_for(client.tracking.get_run(RUN), 20)


async def test_a_server_that_lacks_a_method_is_older() -> None:
    async with scripted() as (_, client):
        with pytest.raises(errors.Unsupported, match="older than this client"):
            await client.tracking.get_run(RUN)


async def test_a_refusal_has_reason_metadata_and_request_id() -> None:
    async def refuse(request: Any, call: Call) -> Any:
        raise DomainError(Reason.RUN_NOT_FOUND, "There is no such run.", run_id=request.run_id)

    async with scripted(GetRun=refuse) as (server, client):
        with pytest.raises(errors.NotFound, match="There is no such run") as refusal:
            await client.tracking.get_run(RUN)
    assert (refusal.value.reason, refusal.value.metadata["run_id"]) == ("RUN_NOT_FOUND", RUN)
    assert refusal.value.request_id == server.seen[0][2].request_id


async def test_a_field_beyond_its_limit_is_an_invalid_argument() -> None:
    async with scripted(GetRun=a_run) as (server, client):
        with pytest.raises(errors.InvalidArgument):
            await client.tracking.get_run("not a run id")
    assert server.seen == []


async def test_a_defect_of_the_server_tells_the_request_id_and_no_more() -> None:
    async def fail(request: Any, call: Call) -> Any:
        raise RuntimeError("driver text")

    async with scripted(GetRun=fail) as (server, client):
        with pytest.raises(errors.Internal) as defect:
            await client.tracking.get_run(RUN)
    assert defect.value.request_id == server.seen[0][2].request_id
    assert "driver text" not in str(defect.value)


async def test_a_call_has_a_deadline() -> None:
    async def never(request: Any, call: Call) -> Any:
        await asyncio.Event().wait()

    async with scripted(GetRun=never) as (server, _), AsyncClient(server.uri, token=KEY, timeout=0.2) as hasty:
        with pytest.raises(errors.DeadlineExceeded, match=r"TrackingService\.GetRun"):
            await hasty.tracking.get_run(RUN)


async def test_a_stream_that_falls_silent_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(request: Any, call: Call) -> AsyncIterator[Any]:
        yield pb.ReadSeriesResponse(points={"key": "loss", "values": [1.0]})
        await asyncio.Event().wait()

    async with scripted(ReadSeries=silent) as (_, client):
        stream = client._connection.stream(
            client.tracking._stub.ReadSeries, pb.ReadSeriesRequest(run_ids=[RUN], series={"keys": ["loss"]}), idle=0.2
        )
        assert (await anext(stream)).points.values == [1.0]
        with pytest.raises(errors.DeadlineExceeded, match=r"within 0\.2 seconds"):
            await anext(stream)


async def test_a_read_is_repeated_after_a_passing_failure() -> None:
    refusals = iter([True, True])

    async def second_time(request: Any, call: Call) -> Any:
        if next(refusals, False):
            raise DomainError(Reason.SERVICE_UNAVAILABLE, "Not now.", service="database")
        return pb.GetRunResponse(run={"run_id": RUN})

    async with scripted(GetRun=second_time) as (server, client):
        assert (await client.tracking.get_run(RUN)).info.run_id == RUN
    assert len({call.request_id for _, _, call in server.seen}) == 1
    assert len(server.seen) == 3


async def test_a_write_that_is_not_safe_to_repeat_is_sent_once() -> None:
    async def not_now(request: Any, call: Call) -> Any:
        raise DomainError(Reason.SERVICE_UNAVAILABLE, "Not now.", service="database")

    async with scripted(SetAlias=not_now) as (server, client):
        with pytest.raises(errors.Unavailable, match="Not now"):
            await client.registry.set_alias("digits", "champion", 1)
    assert len(server.seen) == 1


async def test_a_repeated_creation_has_one_request_id() -> None:
    refusals = iter([True])

    async def create(request: Any, call: Call) -> Any:
        if next(refusals, False):
            raise DomainError(Reason.SERVICE_UNAVAILABLE, "Not now.", service="database")
        return registry_pb.CreateVersionResponse(version={"name": request.name, "version": 1})

    async with scripted(CreateVersion=create) as (server, client):
        await client.registry.create_version("digits", f"runs:/{RUN}/model")
    first, second = server.calls("CreateVersion")
    assert first.request_id == second.request_id != ""


async def test_a_server_that_comes_back_is_found_again() -> None:
    async with scripted(GetRun=a_run) as (server, client):
        await client.tracking.get_run(RUN)
        await server.restart()
        assert (await client.tracking.get_run(RUN)).info.run_id == RUN


async def test_a_closed_client_says_so() -> None:
    async with scripted(GetRun=a_run) as (_, client):
        await client.tracking.get_run(RUN)
        await client.close()
        await client.close()
        with pytest.raises(errors.FailedPrecondition, match="closed"):
            await client.tracking.get_run(RUN)


async def test_lists_fetch_pages_as_they_are_read() -> None:
    async def pages(request: pb.SearchRunsRequest, call: Call) -> pb.SearchRunsResponse:
        number = int(request.page_token or 0)
        runs = [] if number == 1 else [{"run_id": f"{number}{index}"} for index in range(2)]
        return pb.SearchRunsResponse(runs=runs, next_page_token=str(number + 1) if number < 3 else "")

    async with scripted(SearchRuns=pages) as (server, client):
        listing = client.tracking.search_runs(["0"], view="all", page_size=2)
        assert server.seen == []
        assert (await anext(listing)).info.run_id == "00"
        assert len(server.seen) == 1
        assert [run.info.run_id async for run in listing] == ["01", "20", "21", "30", "31"]
        assert [run async for run in listing] == []
    assert [request.page_size for request in server.calls("SearchRuns")] == [2, 2, 2, 2]


async def test_arguments_that_cannot_be_meant_are_refused_here() -> None:
    async with scripted() as (server, client):
        with pytest.raises(errors.InvalidArgument, match="either experiment_id or name"):
            await client.tracking.get_experiment()
        with pytest.raises(errors.InvalidArgument, match="give a list"):
            client.tracking.search_runs("12")
        with pytest.raises(errors.InvalidArgument, match="no view"):
            client.tracking.search_experiments(view="ALL")  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidArgument, match="no status"):
            await client.tracking.update_run(RUN, status="DONE")  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidArgument, match="say which version"):
            await client.registry.resolve("digits")
        with pytest.raises(errors.InvalidArgument, match="says already"):
            await client.registry.resolve("models:/digits/1", version=1)
        with pytest.raises(errors.InvalidArgument, match="no registered model"):
            await client.registry.resolve(f"runs:/{RUN}/model")
    assert server.seen == []


async def test_a_manifest_that_is_not_the_one_asked_for_is_data_loss() -> None:
    async def forged(request: Any, call: Call) -> Any:
        entry = {"path": "model.pkl", "digest": "sha256:" + "0" * 64, "size_bytes": 1}
        return artifacts_pb.GetManifestResponse(manifest={"digest": request.digest, "entries": [entry]})

    async with scripted(GetManifest=forged) as (_, client):
        with pytest.raises(errors.DataLoss, match="another manifest"):
            await client.artifacts.get_manifest("sha256:" + "1" * 64)

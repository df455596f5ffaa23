"""Every RPC of the registry over a real connection, and what it asks of the services behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.registry_serving import Served, Upstream, serve_registry, serve_upstream
from support.registry_worlds import RUN_ID, SOURCE, manifest
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1 import resources_pb2
from trackway.api.tracking.v1 import resources_pb2 as tracking_pb
from trackway_server.core.clock import SystemClock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.lifecycle import StartupError
from trackway_server.core.rpc.status import error_info
from trackway_server.registry.config import RegistrySettings
from trackway_server.registry.domain.manifest import Manifest
from trackway_server.registry.module import DESCRIPTOR, open_module

KEY = "tw_" + "k" * 43
MODEL_ID = "m-" + "d" * 32
LOGGED_MODEL = f"models:/{MODEL_ID}"


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def served(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Served]:
    async with serve_upstream(upstream) as address, serve_registry(tmp_path, address) as served:
        yield served


async def refused(call: Any) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    info = error_info(failed.value.trailing_metadata() or ())
    assert info is not None
    assert (failed.value.details() or "").endswith(".")
    return failed.value.code(), info.reason, dict(info.metadata)


async def test_a_model_from_its_making_to_its_deletion(served: Served) -> None:
    stub = served.stub
    made = (await stub.CreateModel(pb.CreateModelRequest(name="digits", description="d", tags={"a": "1"}))).model
    assert (made.name, made.workspace, made.description, made.tags) == ("digits", "default", "d", {"a": "1"})
    assert made.create_time_us > 0
    changed = await stub.UpdateModel(pb.UpdateModelRequest(name="digits", description="e", etag=made.etag, reason="r"))
    assert (changed.model.description, changed.model.create_time_us) == ("e", made.create_time_us)
    tagged = await stub.ChangeModelTags(pb.ChangeModelTagsRequest(name="digits", set={"b": "2"}, delete=["a"]))
    assert tagged.model.tags == {"b": "2"}

    first = (await stub.CreateVersion(pb.CreateVersionRequest(name="digits", source=SOURCE, tags={"x": "y"}))).version
    assert (first.version, first.stage, first.source, first.run_id, first.user) == (1, "None", SOURCE, RUN_ID, "admin")
    assert (first.manifest_digest, first.size_bytes) == (manifest().digest, manifest().size_bytes)
    second = (await stub.CreateVersion(pb.CreateVersionRequest(name="digits", source=SOURCE, request_id="r"))).version
    again = (await stub.CreateVersion(pb.CreateVersionRequest(name="digits", source=SOURCE, request_id="r"))).version
    assert again == second
    described = pb.UpdateVersionRequest(name="digits", version=1, description="first", etag=first.etag)
    assert (await stub.UpdateVersion(described)).version.description == "first"
    tags = pb.ChangeVersionTagsRequest(name="digits", version=1, set={"z": ""}, delete=["x"])
    assert (await stub.ChangeVersionTags(tags)).version.tags == {"z": ""}

    for number in (1, 2):
        move = pb.TransitionStageRequest(
            name="digits", version=number, stage="production", archive_existing_versions=True, reason="better"
        )
        assert (await stub.TransitionStage(move)).version.stage == "Production"
    alias = pb.SetAliasRequest(name="digits", alias="champion", version=1, expected_version=0)
    assert (await stub.SetAlias(alias)).version.aliases == ["champion"]

    resolved = await stub.Resolve(pb.ResolveRequest(name="digits", stage="Production"))
    assert resolved.version.version == 2
    assert [entry.path for entry in resolved.manifest.entries] == ["MLmodel", "data/model.pkl"]
    assert resolved.manifest.digest == resolved.version.manifest_digest
    asked = pb.SearchVersionsRequest(name="digits", page_size=1, order_by=["version_number DESC"])
    listed = await stub.SearchVersions(asked)
    assert [version.version for version in listed.versions] == [2]
    asked.page_token = listed.next_page_token
    listed = await stub.SearchVersions(asked)
    assert [(version.version, version.stage) for version in listed.versions] == [(1, "Archived")]
    only = await stub.SearchVersions(pb.SearchVersionsRequest(filter="name = 'digits' AND stage = 'Archived'"))
    assert [version.version for version in only.versions] == [1]
    (model,) = (await stub.SearchModels(pb.SearchModelsRequest())).models
    assert model.aliases == {"champion": 1}
    assert [version.version for version in model.latest_versions] == [1, 2]
    assert model == (await stub.GetModel(pb.GetModelRequest(name="digits"))).model

    await stub.DeleteAlias(pb.DeleteAliasRequest(name="digits", alias="champion", expected_version=1))
    await stub.DeleteVersion(pb.DeleteVersionRequest(name="digits", version=1))
    missing = await refused(stub.GetVersion(pb.GetVersionRequest(name="digits", version=1)))
    assert missing == (
        grpc.StatusCode.NOT_FOUND,
        "MODEL_VERSION_NOT_FOUND",
        {"name": "digits", "version": "1"},
    )
    assert (await refused(stub.DeleteModel(pb.DeleteModelRequest(name="digits"))))[1] == "MODEL_VERSION_IN_USE"
    await stub.TransitionStage(pb.TransitionStageRequest(name="digits", version=2, stage="archived"))
    renaming = pb.RenameModelRequest(name="digits", new_name="numbers", reason="clearer")
    renamed = (await stub.RenameModel(renaming)).model
    assert (renamed.name, [version.name for version in renamed.latest_versions]) == ("numbers", ["numbers"])
    await stub.DeleteModel(pb.DeleteModelRequest(name="numbers", reason="done"))

    events = (await stub.ListEvents(pb.ListEventsRequest())).events
    kinds = [resources_pb2.EventKind.Name(event.kind).removeprefix("EVENT_KIND_") for event in events]
    assert set(kinds) == {
        name.removeprefix("EVENT_KIND_") for name, number in resources_pb2.EventKind.items() if number
    }
    assert (kinds[0], kinds[-1], events[-1].reason, events[-1].actor) == (
        "MODEL_CREATED",
        "MODEL_DELETED",
        "done",
        "admin",
    )
    moved = [(event.version, dict(event.details)) for event in events if event.reason == "better"]
    assert moved == [
        (1, {"from_stage": "None", "to_stage": "Production"}),
        (2, {"from_stage": "None", "to_stage": "Production"}),
        (1, {"from_stage": "Production", "to_stage": "Archived"}),
    ]


async def test_a_watch_streams_what_happens_and_resumes(served: Served) -> None:
    stub = served.stub
    watch = stub.Watch(pb.WatchRequest())
    first = await watch.read()
    assert first.resume_token
    assert not first.HasField("event")
    for name in ("a", "b", "c"):
        await stub.CreateModel(pb.CreateModelRequest(name=name))
    seen = [(await watch.read()) for _ in range(2)]
    watch.cancel()
    assert [message.event.model_name for message in seen] == ["a", "b"]
    assert seen[1].resume_token == seen[1].event.resume_token
    resumed = stub.Watch(pb.WatchRequest(resume_token=seen[0].resume_token))
    bookmark = await resumed.read()
    assert (bookmark.resume_token, bookmark.HasField("event")) == (seen[0].resume_token, False)
    assert [(await resumed.read()).event.model_name for _ in range(2)] == ["b", "c"]
    resumed.cancel()
    everything = stub.Watch(pb.WatchRequest(from_start=True, model_name="c"))
    await everything.read()
    assert (await everything.read()).event.model_name == "c"
    everything.cancel()


async def test_many_watchers_under_writes_see_the_same(served: Served) -> None:
    async def watch(pieces: int) -> list[str]:
        found: list[str] = []
        token = ""
        while len(found) < 30:
            call = served.stub.Watch(pb.WatchRequest(resume_token=token, from_start=True))
            for _ in range(pieces):
                message = await call.read()
                token = message.resume_token
                if message.HasField("event"):
                    found.append(message.event.event_id)
                if len(found) == 30:
                    break
            call.cancel()
        return found

    async def write(prefix: str) -> None:
        for index in range(10):
            await served.stub.CreateModel(pb.CreateModelRequest(name=f"{prefix}{index}"))

    async with asyncio.TaskGroup() as tasks:
        watchers = [tasks.create_task(watch(pieces)) for pieces in (2, 3, 7, 100)]
        for prefix in "xyz":
            tasks.create_task(write(prefix))
    expected = [event.event_id for event in (await served.stub.ListEvents(pb.ListEventsRequest())).events]
    assert len(expected) == len(set(expected)) == 30
    for watcher in watchers:
        assert watcher.result() == expected


async def test_a_watch_ends_retryably_when_the_server_drains(served: Served) -> None:
    watch = served.stub.Watch(pb.WatchRequest())
    await watch.read()
    stopping = asyncio.ensure_future(served.server.stop(grace=30))
    assert (await refused(watch.read()))[1] == "SHUTTING_DOWN"
    await stopping


async def test_watchers_beyond_the_limit_are_refused(upstream: Upstream, tmp_path: Path) -> None:
    async with serve_upstream(upstream) as address, serve_registry(tmp_path, address, max_watchers=1) as served:
        watch = served.stub.Watch(pb.WatchRequest())
        await watch.read()
        refusal = await refused(served.stub.Watch(pb.WatchRequest()).read())
        assert refusal == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "LIMIT_EXCEEDED",
            {"limit": "watchers", "maximum": "1"},
        )
        watch.cancel()


async def test_events_and_versions_survive_a_restart(upstream: Upstream, tmp_path: Path) -> None:
    async with serve_upstream(upstream) as address:
        async with serve_registry(tmp_path, address) as served:
            await served.stub.CreateModel(pb.CreateModelRequest(name="a"))
            await served.stub.CreateVersion(pb.CreateVersionRequest(name="a", source=SOURCE))
            watch = served.stub.Watch(pb.WatchRequest(from_start=True))
            token = [await watch.read() for _ in range(2)][-1].resume_token
            watch.cancel()
        async with serve_registry(tmp_path, address) as served:
            watch = served.stub.Watch(pb.WatchRequest(resume_token=token))
            messages = [await watch.read() for _ in range(2)]
            assert messages[1].event.kind == resources_pb2.EVENT_KIND_VERSION_CREATED
            watch.cancel()
            assert (await served.stub.Resolve(pb.ResolveRequest(name="a", stage="latest"))).version.version == 1


async def test_the_services_behind_are_asked_in_the_callers_name(upstream: Upstream, tmp_path: Path) -> None:
    metadata = (("authorization", f"Bearer {KEY}"), ("x-request-id", "req-7"))
    async with serve_upstream(upstream) as address, serve_registry(tmp_path, address, key=KEY) as served:
        assert (await refused(served.stub.SearchModels(pb.SearchModelsRequest())))[1] == "CREDENTIALS_MISSING"
        await served.stub.CreateModel(pb.CreateModelRequest(name="digits"), metadata=metadata)
        request = pb.CreateVersionRequest(name="digits", source=SOURCE)
        await served.stub.CreateVersion(request, metadata=metadata)
    assert [name for name, _, _ in upstream.asked] == ["GetRun", "CreateManifest"]
    for _, _, sent in upstream.asked:
        assert (sent["authorization"], sent["x-request-id"]) == (f"Bearer {KEY}", "req-7")
    manifest_request: Any = upstream.asked[1][1]
    assert (manifest_request.owner, manifest_request.path, manifest_request.workspace) == (
        f"runs/{RUN_ID}",
        "model",
        "default",
    )


REFUSALS: list[tuple[dict[str, object], str, dict[str, str]]] = [
    ({"run_refusal": DomainError(Reason.RUN_NOT_FOUND, "No.", run_id=RUN_ID)}, "RUN_NOT_FOUND", {"run_id": RUN_ID}),
    ({"workspace": "other"}, "RUN_NOT_FOUND", {"run_id": RUN_ID}),
    ({"lifecycle_stage": tracking_pb.LIFECYCLE_STAGE_DELETED}, "RUN_DELETED", {"run_id": RUN_ID}),
    (
        {"manifest_refusal": DomainError(Reason.ARTIFACT_NOT_FOUND, "No.", owner="o", path="p")},
        "SOURCE_INVALID",
        {"source": SOURCE},
    ),
    (
        {"manifest_refusal": DomainError(Reason.ARTIFACT_PATH_INVALID, "No.", path="p")},
        "SOURCE_INVALID",
        {"source": SOURCE},
    ),
    (
        {"manifest_refusal": DomainError(Reason.PERMISSION_DENIED, "Not you.", permission="artifacts.write")},
        "PERMISSION_DENIED",
        {"permission": "artifacts.write"},
    ),
    (
        {"run_refusal": DomainError(Reason.SHUTTING_DOWN, "Later.")},
        "SERVICE_UNAVAILABLE",
        {"service": "tracking"},
    ),
    (
        {"manifest_refusal": DomainError(Reason.SERVICE_UNAVAILABLE, "Later.", service="store")},
        "SERVICE_UNAVAILABLE",
        {"service": "artifacts"},
    ),
    ({"bare_code": grpc.StatusCode.UNAVAILABLE}, "SERVICE_UNAVAILABLE", {"service": "tracking"}),
]


@pytest.mark.parametrize(("says", "reason", "metadata"), REFUSALS)
async def test_what_the_services_behind_say_is_passed_on_clearly(
    upstream: Upstream, served: Served, says: dict[str, object], reason: str, metadata: dict[str, str]
) -> None:
    for name, value in says.items():
        setattr(upstream, name, value)
    await served.stub.CreateModel(pb.CreateModelRequest(name="digits"))
    refusal = await refused(served.stub.CreateVersion(pb.CreateVersionRequest(name="digits", source=SOURCE)))
    assert refusal[1:] == (reason, metadata)
    assert not (await served.stub.SearchVersions(pb.SearchVersionsRequest(name="digits"))).versions


async def test_a_version_of_a_logged_model_is_of_the_run_that_made_it(upstream: Upstream, served: Served) -> None:
    upstream.source_run_id = RUN_ID
    await served.stub.CreateModel(pb.CreateModelRequest(name="digits"))
    request = pb.CreateVersionRequest(name="digits", source=LOGGED_MODEL)
    version = (await served.stub.CreateVersion(request)).version
    assert (version.run_id, version.model_id) == (RUN_ID, MODEL_ID)
    assert [name for name, _, _ in upstream.asked] == ["GetLoggedModelAccess", "CreateManifest"]
    request.run_id = "e" * 32
    assert (await served.stub.CreateVersion(request)).version.run_id == "e" * 32


MODEL_REFUSALS: list[tuple[dict[str, object], str, dict[str, str]]] = [
    (
        {"run_refusal": DomainError(Reason.LOGGED_MODEL_NOT_FOUND, "No.", model_id=MODEL_ID)},
        "LOGGED_MODEL_NOT_FOUND",
        {"model_id": MODEL_ID},
    ),
    ({"workspace": "other"}, "LOGGED_MODEL_NOT_FOUND", {"model_id": MODEL_ID}),
    ({"lifecycle_stage": tracking_pb.LIFECYCLE_STAGE_DELETED}, "LOGGED_MODEL_DELETED", {"model_id": MODEL_ID}),
    ({"bare_code": grpc.StatusCode.UNAVAILABLE}, "SERVICE_UNAVAILABLE", {"service": "tracking"}),
]


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize(("says", "reason", "metadata"), MODEL_REFUSALS)
async def test_a_logged_model_that_is_not_there_is_not_registered(
    upstream: Upstream, served: Served, says: dict[str, object], reason: str, metadata: dict[str, str], optional: bool
) -> None:
    for name, value in says.items():
        setattr(upstream, name, value)
    await served.stub.CreateModel(pb.CreateModelRequest(name="digits"))
    request = pb.CreateVersionRequest(name="digits", source=LOGGED_MODEL, files_optional=optional)
    assert (await refused(served.stub.CreateVersion(request)))[1:] == (reason, metadata)


async def test_services_that_are_not_there_are_unavailable(tmp_path: Path) -> None:
    async with serve_upstream(Upstream()) as address:
        pass
    async with serve_registry(tmp_path, address) as served:
        await served.stub.CreateModel(pb.CreateModelRequest(name="digits"))
        refusal = await refused(served.stub.CreateVersion(pb.CreateVersionRequest(name="digits", source=SOURCE)))
        assert refusal == (grpc.StatusCode.UNAVAILABLE, "SERVICE_UNAVAILABLE", {"service": "tracking"})


async def test_a_manifest_that_lies_is_not_registered(upstream: Upstream, served: Served) -> None:
    good = manifest()
    upstream.manifest = Manifest(good.digest, good.entries[:1])
    await served.stub.CreateModel(pb.CreateModelRequest(name="digits"))
    refusal = await refused(served.stub.CreateVersion(pb.CreateVersionRequest(name="digits", source=SOURCE)))
    assert refusal[1] == "DIGEST_MISMATCH"


@pytest.mark.parametrize(
    "source",
    ["/etc/passwd", "file:///etc/passwd", "http://169.254.169.254/latest", f"runs:/{RUN_ID}/../x", "models:/a/b"],
)
async def test_nobody_is_asked_about_a_source_that_is_none(upstream: Upstream, served: Served, source: str) -> None:
    await served.stub.CreateModel(pb.CreateModelRequest(name="digits"))
    request = pb.CreateVersionRequest(name="digits", source=source, tags={"mlflow.prompt.is_prompt": "true"})
    assert (await refused(served.stub.CreateVersion(request)))[1] == "SOURCE_INVALID"
    assert upstream.asked == []


async def test_a_repeated_request_asks_nobody(upstream: Upstream, served: Served) -> None:
    await served.stub.CreateModel(pb.CreateModelRequest(name="digits"))
    request = pb.CreateVersionRequest(name="digits", source=SOURCE, request_id="r")
    first = await served.stub.CreateVersion(request)
    upstream.lifecycle_stage = tracking_pb.LIFECYCLE_STAGE_DELETED
    assert await served.stub.CreateVersion(request) == first
    assert len(upstream.asked) == 2


async def test_every_rpc_refuses_another_workspace(served: Served) -> None:
    arguments: dict[str, Any] = {"name": "m", "version": 1, "stage": "None", "alias": "a", "source": SOURCE}
    arguments |= {"new_name": "n", "key": "k", "manifest_digest": "sha256:" + "0" * 64, "principal": "p", "role": 1}
    arguments |= {"webhook_id": "w", "url": "https://receiver.invalid/", "events": [1]}
    for method in DESCRIPTOR.methods:
        if method.client_streaming:  # its first message names the workspace: test_version_metrics
            continue
        fields = {field.name for field in method.input_type.fields}
        request_type = getattr(pb, method.input_type.name)
        request = request_type(
            workspace="other", **{name: value for name, value in arguments.items() if name in fields}
        )
        call = getattr(served.stub, method.name)(request)
        answer = call.read() if method.server_streaming else call
        assert (await refused(answer))[1:] == ("WORKSPACE_NOT_FOUND", {"workspace": "other"}), method.name


async def test_a_large_registry_is_listed_in_messages_that_fit(served: Served) -> None:
    for index in range(6):
        await served.stub.CreateModel(pb.CreateModelRequest(name=f"m{index}", description="x" * 1_000_000))
    names, token = [], ""
    while True:
        page = await served.stub.SearchModels(pb.SearchModelsRequest(page_token=token))
        names += [model.name for model in page.models]
        if not (token := page.next_page_token):
            break
    assert names == [f"m{index}" for index in range(6)]


async def test_what_fails_around_the_registry_is_not_wrapped(tmp_path: Path) -> None:
    settings = RegistrySettings(data_dir=tmp_path)
    with pytest.raises(StartupError, match="port"):
        async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
            async with open_module(settings, channel, SystemClock()):
                raise StartupError("the port is taken")


async def test_a_database_of_somebody_else_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        with pytest.raises(StartupError, match=r"registry\.db"):
            async with open_module(RegistrySettings(data_dir=tmp_path), channel, SystemClock()):
                pass

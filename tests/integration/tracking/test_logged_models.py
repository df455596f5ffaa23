"""Logged models by their RPCs: creation once, roles of the experiment, metrics and edges that come through Ingest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.auth_serving import AuthServer, auth_server, bearer
from support.refusals import refused
from support.tracking_service import append, open_writer, points, series, start
from trackway.aio import AsyncClient
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as files
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.common.v1.errors_pb2 import ErrorReason
from trackway.api.metrics.v1 import ingest_pb2 as ingest
from trackway.api.tracking.v1 import resources_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.types import Role

HERS, OTHER = "1", "2"
MODEL, FOREIGN = "m-" + "1" * 32, "m-" + "2" * 32
RUN = "ab" * 16


class Caller:
    """Calls of one principal."""

    def __init__(self, server: AuthServer, token: str) -> None:
        self._stub = TrackingServiceStub(server.channel)
        self._metadata = bearer(token)

    async def __call__(self, rpc: str, /, **given: Any) -> Any:
        request = getattr(pb, f"{rpc}Request")(**given)
        return await getattr(self._stub, rpc)(request, metadata=self._metadata)

    async def refusal(self, rpc: str, /, **given: Any) -> str:
        """Why a call is refused."""
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await self(rpc, **given)
        return refused(failed.value).reason

    async def ingest(self, *messages: ingest.IngestRequest) -> list[ingest.IngestResponse]:
        """The answer to each message of a stream."""
        call = self._stub.Ingest(metadata=self._metadata, timeout=60)
        answers = []
        for message in messages:
            await call.write(message)
            answers.append(await call.read())
        call.cancel()
        return answers


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuthServer]:
    async with auth_server(tmp_path) as running:
        admin = Caller(running, await running.token(running.admin_key))
        for name, model_id in (("hers", MODEL), ("other", FOREIGN)):
            made = await admin("CreateExperiment", name=name)
            await admin("CreateLoggedModel", model_id=model_id, experiment_id=made.experiment.experiment_id, name=name)
        yield running


async def caller(server: AuthServer, name: str, role: Role | None = None, **workspace: str) -> Caller:
    """A new principal with that role on the experiment `hers`."""
    key = await server.principal(name, **workspace)
    if role is not None:
        async with AsyncClient(f"trackway://127.0.0.1:{server.port}", token=server.admin_key) as admin:
            await admin.auth.grant_experiment_role(HERS, name, role)
    return Caller(server, await server.token(key))


async def administrator(server: AuthServer) -> Caller:
    return Caller(server, await server.token(server.admin_key))


async def test_a_creation_that_is_repeated_answers_the_same_model(server: AuthServer) -> None:
    admin, model_id = await administrator(server), "m-" + "3" * 32
    asked: dict[str, Any] = {"model_id": model_id, "experiment_id": HERS, "params": {"a": "1"}}
    first, again = [(await admin("CreateLoggedModel", **asked)).model for _ in range(2)]
    assert first == again
    assert first.name
    assert first.status == resources_pb2.LOGGED_MODEL_STATUS_PENDING
    for other in ({"params": {"a": "2"}}, {"name": "x"}, {"experiment_id": OTHER}):
        reason = await admin.refusal("CreateLoggedModel", **{**asked, **other})
        assert reason == "LOGGED_MODEL_ALREADY_EXISTS"
    await admin("DeleteExperiment", experiment_id=OTHER)
    asked = {"model_id": "m-" + "4" * 32, "experiment_id": OTHER}
    assert await admin.refusal("CreateLoggedModel", **asked) == "EXPERIMENT_DELETED"


async def test_a_model_changes_until_it_is_deleted(server: AuthServer) -> None:
    admin = await administrator(server)
    failed = resources_pb2.LOGGED_MODEL_STATUS_UPLOAD_FAILED
    changed = await admin("FinalizeLoggedModel", model_id=MODEL, status=failed, status_message="why")
    assert (changed.model.status, changed.model.status_message) == (failed, "why")
    assert await admin.refusal("FinalizeLoggedModel", model_id=MODEL, status=9) == "INVALID_FIELD"
    tagged = await admin("UpdateLoggedModelTags", model_id=MODEL, set={"a": "1", "b": "2"})
    assert dict(tagged.model.tags) == {"a": "1", "b": "2"}
    both: dict[str, Any] = {"model_id": MODEL, "set": {"c": "3"}, "delete": ["a", "absent"]}
    assert await admin.refusal("UpdateLoggedModelTags", **both) == "TAG_NOT_FOUND"
    await admin("LogLoggedModelParams", model_id=MODEL, params={"p": "1"})
    changing = {"q": "2", "p": "3"}
    assert await admin.refusal("LogLoggedModelParams", model_id=MODEL, params=changing) == "PARAM_IMMUTABLE"
    found = (await admin("GetLoggedModel", model_id=MODEL)).model
    assert (dict(found.tags), dict(found.params)) == ({"a": "1", "b": "2"}, {"p": "1"})
    for _ in range(2):
        await admin("DeleteLoggedModel", model_id=MODEL)
    found = (await admin("GetLoggedModel", model_id=MODEL)).model
    assert found.lifecycle_stage == resources_pb2.LIFECYCLE_STAGE_DELETED
    for name, given in (
        ("FinalizeLoggedModel", {"status": failed}),
        ("UpdateLoggedModelTags", {"set": {"a": "1"}}),
        ("LogLoggedModelParams", {"params": {"a": "1"}}),
    ):
        assert await admin.refusal(name, model_id=MODEL, **given) == "LOGGED_MODEL_DELETED", name
    view = resources_pb2.VIEW_TYPE_DELETED_ONLY
    (deleted,) = (await admin("SearchLoggedModels", view=view)).models
    assert deleted.model_id == MODEL


async def test_the_roles_are_those_of_the_experiment(server: AuthServer) -> None:
    vera, ed = await caller(server, "vera", "VIEWER"), await caller(server, "ed", "EDITOR")
    nobody = await caller(server, "nobody")
    assert [one.model_id for one in (await vera("SearchLoggedModels")).models] == [MODEL]
    assert (await vera("GetLoggedModel", model_id=MODEL)).model.name == "hers"
    found = await ed("GetLoggedModelAccess", model_id=MODEL)
    assert (found.workspace, found.role, found.experiment_id) == ("default", 2, HERS)
    for name in ("GetLoggedModel", "GetLoggedModelAccess"):
        assert await vera.refusal(name, model_id=FOREIGN) == "LOGGED_MODEL_NOT_FOUND"
    await ed("UpdateLoggedModelTags", model_id=MODEL, set={"a": "b"})
    await ed("CreateLoggedModel", model_id="m-" + "5" * 32, experiment_id=HERS)
    made = {"model_id": "m-" + "6" * 32, "experiment_id": OTHER}
    assert await ed.refusal("CreateLoggedModel", **made) == "EXPERIMENT_NOT_FOUND"
    for name, given in (
        ("FinalizeLoggedModel", {"status": 2}),
        ("DeleteLoggedModel", {}),
        ("UpdateLoggedModelTags", {"set": {"a": "b"}}),
        ("LogLoggedModelParams", {"params": {"a": "b"}}),
    ):
        assert await ed.refusal(name, model_id=FOREIGN, **given) == "LOGGED_MODEL_NOT_FOUND", name
        assert await vera.refusal(name, model_id=MODEL, **given) == "PERMISSION_DENIED", name
    assert await nobody.refusal("SearchLoggedModels") == "WORKSPACE_NOT_FOUND"
    assert await nobody.refusal("GetLoggedModel", model_id=MODEL) == "LOGGED_MODEL_NOT_FOUND"


async def test_the_files_of_a_model_are_for_those_who_may_see_it(server: AuthServer) -> None:
    store = ArtifactStoreServiceStub(server.channel)
    for name, role, owner, outcome in (
        ("ed", "EDITOR", MODEL, ""),
        ("vera", "VIEWER", MODEL, ""),
        ("eve", "EDITOR", FOREIGN, "WORKSPACE_NOT_FOUND"),
        ("zoe", None, MODEL, "WORKSPACE_NOT_FOUND"),
    ):
        key = await server.principal(name)
        if role:
            async with AsyncClient(f"trackway://127.0.0.1:{server.port}", token=server.admin_key) as admin:
                await admin.auth.grant_experiment_role(HERS, name, role)
        metadata = bearer(await server.token(key))
        request = files.ListArtifactsRequest(owner=f"models/{owner}")
        try:
            await store.ListArtifacts(request, metadata=metadata)
            reason = ""
        except grpc.aio.AioRpcError as error:
            reason = refused(error).reason
        assert reason == outcome, name


async def test_edges_and_metrics_come_with_the_records_of_a_run(server: AuthServer) -> None:
    admin = await administrator(server)
    made, read = ingest.ModelOutput(model_id=MODEL, step=4), ingest.ModelInput(model_id=FOREIGN)
    wrong = ingest.Record(model_input=ingest.ModelInput(model_id="m-1"))
    records = append(
        0,
        start(experiment_name="hers"),
        ingest.Record(model_output=made),
        ingest.Record(model_input=read),
        wrong,
        series(0, "loss", model_id=MODEL, dataset_name="d"),
        series(1, "loss", model_id="m-1"),
        series(2, "loss"),
        points([3.0, 2.0, 1.0], 0, 1, 2),
    )
    _, answered = await admin.ingest(open_writer(1, RUN), records)
    assert [one.sequence for one in answered.acknowledged.refused] == [3]
    await admin("LogBatch", run_id=RUN, model_outputs=[made, ingest.ModelOutput(model_id=FOREIGN)], model_inputs=[read])
    run = (await admin("GetRun", run_id=RUN)).run
    assert [one.model_id for one in run.model_inputs] == [FOREIGN]
    assert [(one.model_id, one.step) for one in run.model_outputs] == [(FOREIGN, 0), (MODEL, 4)]
    (listed,) = (await admin("SearchRuns")).runs
    assert (listed.model_inputs, listed.model_outputs) == (run.model_inputs, run.model_outputs)
    assert {one.last_value for one in listed.metrics} == {1.0, 3.0}
    (metric,) = (await admin("GetLoggedModel", model_id=MODEL)).model.metrics
    assert (metric.run_id, metric.summary.key, metric.summary.last_value) == (RUN, "loss", 3.0)
    found = (await admin("SearchLoggedModels", filter="metrics.loss = 3")).models
    assert [one.model_id for one in found] == [MODEL]
    assert found[0].metrics == [metric]


async def test_who_measures_a_model_needs_a_role_on_its_experiment(server: AuthServer) -> None:
    ed, admin = await caller(server, "ed", "EDITOR"), await administrator(server)
    records = append(
        0,
        start(experiment_name="hers"),
        series(0, "loss", model_id=FOREIGN),
        series(1, "loss", model_id="m-" + "7" * 32),
        series(2, "loss", model_id=MODEL),
        series(3, "loss"),
        points([9.0], 0),
        points([8.0], 1),
        points([7.0], 2),
        points([6.0], 3),
    )
    _, answered = await ed.ingest(open_writer(1, RUN), records)
    refusals = {one.sequence: ErrorReason.Name(one.reason)[13:] for one in answered.acknowledged.refused}
    assert refusals == {
        **{1: "LOGGED_MODEL_NOT_FOUND", 2: "LOGGED_MODEL_NOT_FOUND"},
        **{5: "SERIES_UNDEFINED", 6: "SERIES_UNDEFINED"},
    }
    assert not (await admin("GetLoggedModel", model_id=FOREIGN)).model.metrics
    (metric,) = (await admin("GetLoggedModel", model_id=MODEL)).model.metrics
    assert metric.summary.last_value == 7.0
    vera = await caller(server, "vera", "EDITOR")
    async with AsyncClient(f"trackway://127.0.0.1:{server.port}", token=server.admin_key) as admins:
        await admins.auth.grant_experiment_role(OTHER, "vera", "VIEWER")
    opening = open_writer(1, RUN)
    opening.open.writer_id = "ee" * 16
    _, answered = await vera.ingest(opening, append(0, series(0, "loss", model_id=FOREIGN), points([5.0], 0)))
    assert [ErrorReason.Name(one.reason)[13:] for one in answered.acknowledged.refused] == [
        "PERMISSION_DENIED",
        "SERIES_UNDEFINED",
    ]


async def test_a_role_that_is_taken_away_ends_the_measuring_of_a_model(server: AuthServer) -> None:
    ed, admin = await caller(server, "ed", "EDITOR"), await administrator(server)
    async with AsyncClient(f"trackway://127.0.0.1:{server.port}", token=server.admin_key) as admins:
        await admins.auth.grant_experiment_role(OTHER, "ed", "EDITOR")
        loss = series(0, "loss", model_id=FOREIGN)
        _, answered = await ed.ingest(
            open_writer(1, RUN), append(0, start(experiment_name="hers"), loss, series(1, "loss"), points([1.0], 0))
        )
        assert not answered.acknowledged.refused
        await admins.auth.revoke_experiment_role(OTHER, "ed")
    _, answered = await ed.ingest(open_writer(2, RUN), append(4, points([2.0], 0), points([3.0], 1)))
    assert [one.sequence for one in answered.acknowledged.refused] == [4]
    (metric,) = (await admin("GetLoggedModel", model_id=FOREIGN)).model.metrics
    assert metric.summary.last_value == 1.0


async def test_nobody_measures_models_of_a_workspace_that_is_not_theirs(server: AuthServer) -> None:
    async with AsyncClient(f"trackway://127.0.0.1:{server.port}", token=server.admin_key) as admin:
        await admin.auth.create_workspace("elsewhere")
    eve = await caller(server, "eve", elsewhere="EDITOR")
    opening = open_writer(1, RUN)
    opening.open.workspace = "elsewhere"
    stored = append(0, start(), series(0, "loss", model_id=MODEL), points([9.0], 0))
    _, answered = await eve.ingest(opening, stored)
    assert answered.acknowledged.durable_sequence == 3
    administers = await administrator(server)
    assert not (await administers("GetLoggedModel", model_id=MODEL)).model.metrics
    assert not (await administers("SearchLoggedModels", filter="metrics.loss = 9")).models
    assert not (await administers("SearchLoggedModels", filter="metrics.loss IS NOT NULL")).models

"""Every unary RPC of Tracking, in this process, over the reference store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.tracking_service import RUN, Clock, append, call, ingest, open_writer, params, points, series, start
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1 import resources_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.errors import DomainError, Reason
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.domain.model import PARENT_RUN_TAG, RUN_NAME_TAG
from trackway_server.tracking.module import serve
from trackway_server.tracking.policy import POLICY
from trackway_server.tracking.store.memory import MemoryTracking

OTHER = "e" * 32


@pytest.fixture
async def service() -> AsyncIterator[Any]:
    async with serve(MemoryTracking(), TrackingSettings(), Clock()) as binding:
        assert set(POLICY) == {method.name for method in binding.descriptor.methods}
        yield binding.servicer


async def refusal(answer: Any) -> Reason:
    with pytest.raises(DomainError) as caught:
        await answer
    return caught.value.reason


async def create(service: Any, run_id: str = RUN, **fields: Any) -> pb.Run:
    request = rpc.CreateRunRequest(run_id=run_id, start=ingest_pb2.RunStart(**fields))
    return (await service.CreateRun(request, call())).run


async def get(service: Any, run_id: str = RUN) -> pb.Run:
    return (await service.GetRun(rpc.GetRunRequest(run_id=run_id), call())).run


async def new_experiment(service: Any, name: str, **fields: Any) -> pb.Experiment:
    return (await service.CreateExperiment(rpc.CreateExperimentRequest(name=name, **fields), call())).experiment


async def test_experiments_are_made_found_and_named_once(service: Any) -> None:
    made = await new_experiment(service, "one", tags={"mlflow.note.content": "text"})
    assert (made.experiment_id, made.workspace, dict(made.tags)) == ("1", "default", {"mlflow.note.content": "text"})
    by_id = await service.GetExperiment(rpc.GetExperimentRequest(experiment_id="1"), call())
    by_name = await service.GetExperiment(rpc.GetExperimentRequest(name="one"), call())
    assert by_id.experiment == by_name.experiment == made
    taken = service.CreateExperiment(rpc.CreateExperimentRequest(name="one"), call())
    assert await refusal(taken) is Reason.EXPERIMENT_ALREADY_EXISTS
    for wrong, reason in (
        (rpc.GetExperimentRequest(), Reason.INVALID_FIELD),
        (rpc.GetExperimentRequest(name="one", experiment_id="1"), Reason.INVALID_FIELD),
        (rpc.GetExperimentRequest(experiment_id="7"), Reason.EXPERIMENT_NOT_FOUND),
        (rpc.GetExperimentRequest(experiment_id="9" * 40), Reason.EXPERIMENT_NOT_FOUND),
        (rpc.GetExperimentRequest(name="one", workspace="other"), Reason.WORKSPACE_NOT_FOUND),
    ):
        assert await refusal(service.GetExperiment(wrong, call())) is reason


async def test_experiments_are_paged_newest_first(service: Any) -> None:
    for name in "abc":
        await new_experiment(service, name)
    request, names = rpc.SearchExperimentsRequest(page_size=3), []
    while True:
        page = await service.SearchExperiments(request, call())
        names += [one.name for one in page.experiments]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert names == ["c", "b", "a", "Default"]
    changed = rpc.SearchExperimentsRequest(page_token=request.page_token, view=pb.VIEW_TYPE_ALL)
    assert await refusal(service.SearchExperiments(changed, call())) is Reason.PAGE_TOKEN_INVALID


@pytest.mark.parametrize(
    "token", ["x", "!", "W10", "bnVsbA", "WyJMaXN0RXhwZXJpbWVudHNSZXF1ZXN0IiwgInh4IiwgMV0", "A" * 999]
)
async def test_a_made_up_page_token_is_refused(service: Any, token: str) -> None:
    for listing in (
        service.SearchExperiments(rpc.SearchExperimentsRequest(page_token=token), call()),
        service.SearchRuns(rpc.SearchRunsRequest(page_token=token), call()),
    ):
        assert await refusal(listing) is Reason.PAGE_TOKEN_INVALID


async def test_experiments_are_renamed_and_tagged(service: Any) -> None:
    await new_experiment(service, "one", tags={"a": "1", "b": "2"})
    await new_experiment(service, "two")

    def update(**fields: Any) -> Any:
        return service.UpdateExperiment(rpc.UpdateExperimentRequest(experiment_id="1", **fields), call())

    changed = (await update(new_name="uno", set_tags={"c": "3"}, delete_tags=["a"])).experiment
    assert (changed.name, dict(changed.tags)) == ("uno", {"b": "2", "c": "3"})
    assert changed.update_time_us > changed.create_time_us
    assert await refusal(update(new_name="two")) is Reason.EXPERIMENT_ALREADY_EXISTS
    assert await refusal(update(delete_tags=["a"])) is Reason.TAG_NOT_FOUND
    await service.DeleteExperiment(rpc.DeleteExperimentRequest(experiment_id="1"), call())
    assert await refusal(update(new_name="x")) is Reason.EXPERIMENT_DELETED
    assert await refusal(new_experiment(service, "uno")) is Reason.EXPERIMENT_ALREADY_EXISTS


async def test_runs_go_with_their_experiment_and_come_back_with_it(service: Any) -> None:
    await new_experiment(service, "one")
    await create(service, experiment_name="one")
    await create(service, OTHER, experiment_id="1")
    await service.DeleteRun(rpc.DeleteRunRequest(run_id=OTHER), call())
    await service.DeleteExperiment(rpc.DeleteExperimentRequest(experiment_id="1"), call())
    assert (await get(service)).lifecycle_stage == pb.LIFECYCLE_STAGE_DELETED
    assert await refusal(create(service, "d" * 32, experiment_id="1")) is Reason.EXPERIMENT_DELETED
    restore_run = service.RestoreRun(rpc.RestoreRunRequest(run_id=RUN), call())
    assert await refusal(restore_run) is Reason.EXPERIMENT_DELETED
    await service.RestoreExperiment(rpc.RestoreExperimentRequest(experiment_id="1"), call())
    assert (await get(service)).lifecycle_stage == pb.LIFECYCLE_STAGE_ACTIVE
    assert (await get(service, OTHER)).lifecycle_stage == pb.LIFECYCLE_STAGE_DELETED
    protected = service.DeleteExperiment(rpc.DeleteExperimentRequest(experiment_id="0"), call())
    assert await refusal(protected) is Reason.EXPERIMENT_PROTECTED


async def test_a_run_is_created_once(service: Any) -> None:
    run = await create(service, user_id="me", start_time_us=5, tags={"a": "1", PARENT_RUN_TAG: OTHER})
    assert run.run_name.count("-") == 2
    assert dict(run.tags) == {"a": "1", PARENT_RUN_TAG: OTHER, RUN_NAME_TAG: run.run_name}
    assert (run.experiment_id, run.status, run.end_time_us) == ("0", pb.RUN_STATUS_RUNNING, 0)
    assert (run.user_id, run.start_time_us, run.parent_run_id) == ("me", 5, OTHER)
    assert await create(service, user_id="me", start_time_us=5, tags={"a": "1", PARENT_RUN_TAG: OTHER}) == run
    assert await refusal(create(service, user_id="you", start_time_us=5)) is Reason.RUN_ALREADY_EXISTS
    assert await refusal(create(service, OTHER, experiment_id="5")) is Reason.EXPERIMENT_NOT_FOUND
    assert await refusal(create(service, OTHER, run_name="a", tags={RUN_NAME_TAG: "b"})) is Reason.INVALID_FIELD
    assert await refusal(get(service, OTHER)) is Reason.RUN_NOT_FOUND
    named = await create(service, OTHER, tags={RUN_NAME_TAG: "b"}, experiment_name="made")
    assert (named.run_name, named.experiment_id) == ("b", "1")


async def test_a_run_changes_state_and_name(service: Any) -> None:
    await create(service)

    async def update(**fields: Any) -> pb.Run:
        return (await service.UpdateRun(rpc.UpdateRunRequest(run_id=RUN, **fields), call())).run

    failed = await update(status=pb.RUN_STATUS_FAILED, end_time_us=9, status_message="why")
    assert (failed.status, failed.end_time_us, failed.status_message) == (pb.RUN_STATUS_FAILED, 9, "why")
    renamed = await update(run_name="new", status_message="ignored")
    assert (renamed.run_name, renamed.tags[RUN_NAME_TAG], renamed.status_message) == ("new", "new", "why")
    running = await update(status=pb.RUN_STATUS_RUNNING)
    assert (running.status, running.end_time_us) == (pb.RUN_STATUS_RUNNING, 0)
    assert (await update(status=pb.RUN_STATUS_FINISHED)).end_time_us > 1_000_000
    await service.DeleteRun(rpc.DeleteRunRequest(run_id=RUN), call())
    await service.DeleteRun(rpc.DeleteRunRequest(run_id=RUN), call())
    assert await refusal(update(run_name="x")) is Reason.RUN_DELETED
    await service.RestoreRun(rpc.RestoreRunRequest(run_id=RUN), call())
    assert (await update(run_name="x")).lifecycle_stage == pb.LIFECYCLE_STAGE_ACTIVE


async def test_a_batch_is_stored_as_a_whole_or_not_at_all(service: Any) -> None:
    await create(service, tags={"old": "1"})

    async def log(**fields: Any) -> None:
        await service.LogBatch(rpc.LogBatchRequest(run_id=RUN, **fields), call())

    data = ingest_pb2.DatasetInput(name="digits", digest="d", source_type="code", context="training")
    change = ingest_pb2.TagsChange(set={"new": "2", RUN_NAME_TAG: "renamed"}, delete=["old"])
    await log(params=ingest_pb2.ParamsSet(params={"lr": "0.1"}), tags=change, dataset_inputs=[data, data])
    await log(params=ingest_pb2.ParamsSet(params={"lr": "0.1"}))
    run = await get(service)
    assert (dict(run.params), dict(run.tags)) == ({"lr": "0.1"}, {"new": "2", RUN_NAME_TAG: "renamed"})
    assert list(run.dataset_inputs) == [data]
    changed = ingest_pb2.ParamsSet(params={"lr": "0.2", "depth": "3"})
    assert await refusal(log(params=changed)) is Reason.PARAM_IMMUTABLE
    absent = ingest_pb2.TagsChange(delete=["old"])
    assert await refusal(log(params=ingest_pb2.ParamsSet(params={"depth": "3"}), tags=absent)) is Reason.TAG_NOT_FOUND
    for tags in (ingest_pb2.TagsChange(set={RUN_NAME_TAG: "a\nb"}), ingest_pb2.TagsChange(delete=[RUN_NAME_TAG])):
        assert await refusal(log(tags=tags)) is Reason.INVALID_FIELD
    assert await get(service) == run


async def test_runs_are_listed_with_what_they_hold(service: Any) -> None:
    ids = [letter * 32 for letter in "abcd"]
    for number, run_id in enumerate(ids):
        parent = {PARENT_RUN_TAG: ids[0]} if number > 1 else {}
        await create(service, run_id, start_time_us=5 + number, tags=parent)
    await ingest(
        service, [open_writer(1, ids[3]), append(0, series(0), series(1, rank="1"), points([2.0, 3.0], 0, 1, at=2))]
    )
    request, found = rpc.SearchRunsRequest(page_size=3), []
    while True:
        page = await service.SearchRuns(request, call())
        found += page.runs
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert [run.run_id for run in found] == ids[::-1]
    assert [(one.key, dict(one.context), one.last_value) for one in found[0].metrics] == [("loss", {}, 2.0)]
    assert len((await get(service, ids[3])).metrics) == 2
    children = await service.SearchRuns(rpc.SearchRunsRequest(parent_run_id=ids[0], experiment_ids=["0"]), call())
    assert [run.run_id for run in children.runs] == [ids[3], ids[2]]
    await service.DeleteRun(rpc.DeleteRunRequest(run_id=ids[1]), call())
    deleted = await service.SearchRuns(rpc.SearchRunsRequest(view=pb.VIEW_TYPE_DELETED_ONLY), call())
    assert [run.run_id for run in deleted.runs] == [ids[1]]


async def test_refused_records_and_writers_are_listed(service: Any) -> None:
    labels = {"host": "h", "rank": "0"}
    await ingest(service, [open_writer(1, labels=labels), append(0, start(), params(a="1"), params(a="2"))])
    await ingest(service, [open_writer(1, writer_id=OTHER)])
    listed = await service.ListRefusedRecords(rpc.ListRefusedRecordsRequest(run_id=RUN), call())
    (record,) = listed.records
    assert (record.refused.sequence, record.refused.reason) == (2, Reason.PARAM_IMMUTABLE.number)
    assert (await get(service)).refused_count == 1
    first = await service.ListWriters(rpc.ListWritersRequest(run_id=RUN, page_size=1), call())
    more = rpc.ListWritersRequest(run_id=RUN, page_size=1, page_token=first.next_page_token)
    second = await service.ListWriters(more, call())
    assert [one.writer_id for one in (*first.writers, *second.writers)] == sorted([OTHER, record.writer_id])
    assert not second.next_page_token
    (writer,) = (one for one in (*first.writers, *second.writers) if one.writer_id == record.writer_id)
    assert (dict(writer.labels), writer.durable_sequence) == (labels, 3)
    assert writer.last_heard_time_us > 1_000_000


async def test_another_workspace_sees_nothing(service: Any) -> None:
    await create(service)
    stranger = call(Principal("eve", {"other": Role.ADMIN}))
    for answer in (
        service.GetRun(rpc.GetRunRequest(run_id=RUN), stranger),
        service.DeleteRun(rpc.DeleteRunRequest(run_id=RUN), stranger),
        service.LogBatch(rpc.LogBatchRequest(run_id=RUN), stranger),
        service.ListWriters(rpc.ListWritersRequest(run_id=RUN), stranger),
        service.ListSeries(rpc.ListSeriesRequest(run_id=RUN), stranger),
    ):
        assert await refusal(answer) is Reason.RUN_NOT_FOUND
    listed = await service.SearchRuns(rpc.SearchRunsRequest(workspace="other"), stranger)
    assert not listed.runs
    asked = rpc.GetExperimentRequest(experiment_id="0", workspace="other")
    assert await refusal(service.GetExperiment(asked, stranger)) is (Reason.EXPERIMENT_NOT_FOUND)

"""The synchronous client against a real `trackway server` in a process of its own."""

from __future__ import annotations

import math
import os
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from pathlib import Path

import grpc
import numpy as np
import pytest

from trackway import errors
from trackway._ids import new_id
from trackway.aio import AsyncClient
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.client import Client
from trackway.testing import LocalServer
from trackway.types import Dataset, DatasetInput


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as connected:
        yield connected


def name() -> str:
    return f"name-{new_id()}"


def a_model(client: Client) -> str:
    """A run with the files of a model."""
    run_id = client.tracking.create_run().info.run_id
    client.artifacts.upload_bytes(run_id, b"flavors: {}", "model/MLmodel")
    client.artifacts.upload_bytes(run_id, os.urandom(2000), "model/data/model.bin")
    return run_id


def test_experiments(client: Client) -> None:
    first = name()
    made = client.tracking.create_experiment(first, tags={"team": "vision"})
    assert client.tracking.get_experiment(made.experiment_id) == client.tracking.get_experiment(name=first) == made
    with pytest.raises(errors.AlreadyExists):
        client.tracking.create_experiment(first)
    second = name()
    client.tracking.update_experiment(made.experiment_id, name=second, set_tags={"a": "b"}, delete_tags=["team"])
    changed = client.tracking.get_experiment(name=second)
    assert (changed.tags, changed.lifecycle_stage) == ({"a": "b"}, "active")
    client.tracking.delete_experiment(made.experiment_id)
    assert client.tracking.get_experiment(made.experiment_id).lifecycle_stage == "deleted"
    client.tracking.restore_experiment(made.experiment_id)
    assert second in {experiment.name for experiment in client.tracking.search_experiments(page_size=1)}
    with pytest.raises(errors.FailedPrecondition):
        client.tracking.delete_experiment("0")
    with pytest.raises(errors.NotFound):
        client.tracking.get_experiment("123456789")


def test_runs(client: Client) -> None:
    experiment = name()
    made = client.tracking.create_run(experiment_name=experiment, run_name="first", tags={"a": "b"}, start_time_us=5000)
    run_id = made.info.run_id
    assert (made.info.status, made.info.run_name, made.info.start_time) == ("RUNNING", "first", 5)
    client.tracking.log_params(run_id, {"lr": 0.1, "layers": [1, 2]})
    client.tracking.set_tags(run_id, {"x": 1, "y": 2})
    client.tracking.delete_tags(run_id, ["x"])
    client.tracking.log_dataset(run_id, Dataset("digits", "d1", "code", "sklearn"), context="training")
    client.tracking.update_run(run_id, status="FAILED", status_message="out of memory", run_name="renamed")
    run = client.tracking.get_run(run_id)
    assert run.data.params == {"lr": "0.1", "layers": "[1, 2]"}
    assert (run.data.tags["a"], run.data.tags["y"], "x" in run.data.tags) == ("b", "2", False)
    assert (run.info.status, run.info.status_message, run.info.run_name) == ("FAILED", "out of memory", "renamed")
    assert run.info.end_time_us is not None
    assert run.inputs.dataset_inputs == (DatasetInput(Dataset("digits", "d1", "code", "sklearn"), "training"),)
    with pytest.raises(errors.FailedPrecondition) as refusal:
        client.tracking.log_params(run_id, {"lr": 0.2})
    assert (refusal.value.reason, refusal.value.metadata["key"]) == ("PARAM_IMMUTABLE", "lr")
    with pytest.raises(errors.NotFound):
        client.tracking.delete_tags(run_id, ["absent"])
    client.tracking.delete_run(run_id)
    assert [run.info.run_id for run in client.tracking.search_runs([made.info.experiment_id])] == []
    assert [run.info.run_id for run in client.tracking.search_runs([made.info.experiment_id], view="deleted")] == [
        run_id
    ]
    client.tracking.restore_run(run_id)
    assert [run.info.run_id for run in client.tracking.search_runs([made.info.experiment_id])] == [run_id]
    assert list(client.tracking.list_series(run_id)) == list(client.tracking.list_writers(run_id)) == []
    assert (client.tracking.list_refused(run_id), client.tracking.latest_metrics(run_id)) == ([], {})
    with pytest.raises(errors.NotFound):
        client.tracking.read_series(run_id, "loss")
    with pytest.raises(errors.NotFound, match="run"):
        client.tracking.get_run(new_id())


def test_a_run_is_made_once(client: Client) -> None:
    run_id = new_id()
    made = [client.tracking.create_run(run_id=run_id, run_name="same", start_time_us=7) for _ in range(2)]
    assert made[0].info == made[1].info
    with pytest.raises(errors.AlreadyExists):
        client.tracking.create_run(run_id=run_id, run_name="other", start_time_us=7)


async def test_points_come_back_bit_for_bit(server: LocalServer) -> None:
    values = [math.nan, -0.0, math.inf, 5e-324, 0.1]
    steps = [3, 3, -7, 2**62, 0]
    async with AsyncClient(server.uri, token=server.token) as client:
        run_id = (await client.tracking.create_run()).info.run_id
        for rank in ("0", "1"):
            await ingest(server, run_id, {"rank": rank}, steps, values)
        await ingest(server, run_id, {}, [1], [4.0])
        everything = await client.tracking.read_series(run_id, "loss")
        of_one = await client.tracking.read_series(run_id, "loss", context={"rank": "1"})
        without = await client.tracking.read_series(run_id, "loss", context={})
        summaries = [each async for each in client.tracking.list_series(run_id, "loss")]
        writers = [each async for each in client.tracking.list_writers(run_id)]
        assert (await client.tracking.get_run(run_id)).data.metrics == {"loss": 4.0}
        assert await client.tracking.latest_metrics(run_id) == {"loss": 4.0}
    assert [dict(each.context) for each in everything] == [{}, {"rank": "0"}, {"rank": "1"}]
    assert [len(each) for each in without] == [1]
    assert of_one[0].values.tobytes() == struct.pack("<5d", *values)
    assert (of_one[0].steps.tolist(), of_one[0].steps.dtype) == (steps, np.dtype(np.int64))
    assert of_one[0].times_us.tolist() == [10, 11, 12, 13, 14]
    assert sorted(each.count for each in summaries) == [1, 5, 5]
    assert {each.writer_id for each in writers} == {each.writer_id for each in everything}


async def ingest(
    server: LocalServer, run_id: str, context: dict[str, str], steps: list[int], values: list[float]
) -> None:
    """Log points as a writer does, one record a point."""
    deltas = [after - before for before, after in pairwise(steps)]
    block = ingest_pb2.PointBlock(
        row_count=len(steps), series_ids=[0], first_time_us=10, time_deltas=[1] * len(deltas), first_step=steps[0],
        step_deltas=deltas, values=values,
    )  # fmt: skip
    series = ingest_pb2.SeriesDefinition(series_id=0, key="loss", context=context)
    records = [ingest_pb2.Record(series=series), ingest_pb2.Record(sequence_offset=1, points=block)]
    append = ingest_pb2.AppendRecords(record_count=len(steps) + 1, records=records)
    opening = ingest_pb2.OpenWriter(subject_id=run_id, writer_id=new_id(), epoch=1)
    async with grpc.aio.insecure_channel(server.uri.removeprefix("trackway://")) as channel:
        call = TrackingServiceStub(channel).Ingest(metadata=(("authorization", f"Bearer {server.token}"),))
        for request in (ingest_pb2.IngestRequest(open=opening), ingest_pb2.IngestRequest(append=append)):
            await call.write(request)
            answer = await call.read()
            assert not answer.HasField("refused"), answer
        assert answer.acknowledged.durable_sequence == len(steps) + 1
        await call.done_writing()


def test_runs_come_in_pages(client: Client) -> None:
    experiment = client.tracking.create_experiment(name()).experiment_id
    made = [client.tracking.create_run(experiment_id=experiment, start_time_us=1000 + n).info.run_id for n in range(7)]
    listed = client.tracking.search_runs([experiment], page_size=3)
    assert [run.info.run_id for run in listed] == made[::-1]
    assert len(list(islice(client.tracking.search_runs([experiment], page_size=3), 4))) == 4


def test_artifacts(client: Client, tmp_path: Path) -> None:
    run_id = client.tracking.create_run().info.run_id
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "inner" / "big.bin").write_bytes(os.urandom(3_000_000))
    client.artifacts.upload_folder(run_id, source, "things")
    assert [(file.path, file.is_dir) for file in client.artifacts.list(run_id)] == [("things", True)]
    assert [file.path for file in client.artifacts.list(run_id, recursive=True)] == [
        "things/a.txt",
        "things/inner/big.bin",
    ]
    place = client.artifacts.download(run_id, "things/inner/big.bin", tmp_path / "one")
    assert place.read_bytes() == (source / "inner" / "big.bin").read_bytes()
    manifest = client.artifacts.create_manifest(run_id, "things")
    assert client.artifacts.get_manifest(manifest.digest) == manifest
    assert client.artifacts.delete(run_id, "things") == 2
    with pytest.raises(errors.NotFound):
        client.artifacts.download(run_id, "things", tmp_path / "gone")
    kept = client.artifacts.download_manifest(manifest.digest, tmp_path / "kept")
    assert (kept / "inner" / "big.bin").read_bytes() == (source / "inner" / "big.bin").read_bytes()
    with pytest.raises(errors.InvalidArgument):
        client.artifacts.upload_bytes(run_id, b"x", "../x")


def test_registry(client: Client) -> None:
    model, run_id = name(), a_model(client)
    client.registry.create_model(model, description="digits", tags={"team": "vision"})
    with pytest.raises(errors.AlreadyExists):
        client.registry.create_model(model)
    first = client.registry.create_version(model, f"runs:/{run_id}/model", tags={"a": "b"})
    second = client.registry.create_version(model, f"runs:/{run_id}/model", description="again")
    assert (first.version, second.version, first.manifest_digest) == (1, 2, second.manifest_digest)
    assert (first.run_id, first.stage, first.tags) == (run_id, "None", {"a": "b"})
    client.registry.transition_stage(model, 1, "production")
    client.registry.transition_stage(model, 2, "Production", archive_existing_versions=True, reason="better")
    assert client.registry.get_version(model, 1).current_stage == "Archived"
    client.registry.set_alias(model, "champion", 1, expected_version=0)
    with pytest.raises(errors.Conflict):
        client.registry.set_alias(model, "champion", 2, expected_version=2)
    resolved = client.registry.resolve(f"models:/{model}@champion")
    assert resolved.version.version == 1
    assert [file.path for file in resolved.manifest] == ["MLmodel", "data/model.bin"]
    for uri, version in (("Production", 2), ("latest", 2), ("1", 1)):
        assert client.registry.resolve(f"models:/{model}/{uri}").version.version == version
    assert client.registry.resolve(model, stage="Production").version == client.registry.get_version(model, 2)
    described = client.registry.get_model(model)
    assert (described.aliases, described.tags) == ({"champion": 1}, {"team": "vision"})
    client.registry.set_model_tags(model, {"x": "y"})
    client.registry.delete_model_tags(model, ["team"])
    client.registry.set_version_tags(model, 1, {"x": "y"})
    assert client.registry.delete_version_tags(model, 1, ["a"]).tags == {"x": "y"}
    assert client.registry.update_version(model, 1, description="old").description == "old"
    updated = client.registry.update_model(model, description="new", etag=client.registry.get_model(model).etag)
    assert (updated.description, updated.tags) == ("new", {"x": "y"})
    with pytest.raises(errors.Conflict):
        client.registry.update_model(model, description="newer", etag=described.etag)
    client.registry.delete_alias(model, "champion", expected_version=1)
    with pytest.raises(errors.NotFound):
        client.registry.resolve(model, alias="champion")
    assert [
        version.version for version in client.registry.search_versions(name=model, order_by=["version_number DESC"])
    ] == [2, 1]
    assert [version.version for version in client.registry.search_versions("stage = 'Archived'", name=model)] == [1]
    assert model in {each.name for each in client.registry.search_models(page_size=1)}
    with pytest.raises(errors.FailedPrecondition):
        client.registry.delete_model(model)
    client.registry.delete_version(model, 1)
    client.registry.transition_stage(model, 2, "Archived")
    client.registry.delete_model(model, reason="done")
    with pytest.raises(errors.NotFound):
        client.registry.get_model(model)
    kinds = [event.kind for event in client.registry.list_events(model, page_size=2)]
    assert (kinds[0], kinds[-1]) == ("MODEL_CREATED", "MODEL_DELETED")
    assert kinds.count("STAGE_CHANGED") == 4


def test_a_version_is_made_once_for_one_request(client: Client) -> None:
    model, run_id = name(), a_model(client)
    client.registry.create_model(model)
    made = [client.registry.create_version(model, f"runs:/{run_id}/model", request_id="once") for _ in range(2)]
    assert [version.version for version in made] == [1, 1]


def test_a_watch_sees_what_another_client_does(client: Client, server: LocalServer) -> None:
    model = name()
    client.registry.create_model(model)
    token = list(client.registry.list_events(model))[-1].resume_token
    seen: list[str] = []

    def watch() -> None:
        with Client(server.uri, token=server.token) as other:
            seen.extend(event.kind for event in islice(other.registry.watch(model, resume_token=token), 3))

    watcher = threading.Thread(target=watch)
    watcher.start()
    client.registry.set_model_tags(model, {"a": "b"})
    client.registry.update_model(model, description="new")
    client.registry.delete_model(model)
    watcher.join(20)
    assert seen == ["MODEL_TAG_SET", "MODEL_UPDATED", "MODEL_DELETED"]


def test_many_threads_share_a_client(client: Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        runs = list(pool.map(lambda number: client.tracking.create_run(run_name=f"r{number}"), range(50)))
    assert sorted(run.info.run_name for run in runs) == sorted(f"r{number}" for number in range(50))

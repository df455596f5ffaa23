"""What scripts of `import trackway as mlflow` use: tables, streams, pages with tokens, clients of other servers."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pandas as pd
import pytest

import trackway
from trackway import errors
from trackway._fluent import session, stack
from trackway._ids import new_id
from trackway.testing import LocalServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKWAY_URI", running.uri)
        patch.setenv("TRACKWAY_PROFILE", str(running.profile))
        patch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path_factory.mktemp("spools")))
        yield running
        stack.end_open_runs(None)


@pytest.fixture
def experiment_id(server: LocalServer) -> Iterator[str]:
    del server
    yield str(trackway.set_experiment(f"tables-{new_id()}").experiment_id)
    session.select_experiment()


@pytest.mark.parametrize("file", ["answers/table.json", "table.parquet"])
def test_rows_are_added_to_a_table_and_read_over_runs(experiment_id: str, file: str) -> None:
    if file.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    with trackway.start_run(run_name="first") as first:
        trackway.log_param("lr", 0.1)
        trackway.log_table({"question": ["a", "b"], "id": ["001", "002"]}, file)
        trackway.log_table({"question": "c", "id": "003"}, file)
    with trackway.start_run() as second:
        pass
    client = trackway.MlflowClient()
    client.log_table(second.info.run_id, pd.DataFrame({"question": ["d"], "id": ["004"]}), file)

    rows = trackway.load_table(file, extra_columns=["run_id", "lr"]).sort_values("id")
    assert list(rows["question"]) == ["a", "b", "c", "d"]
    assert list(rows["id"]) == ["001", "002", "003", "004"]
    assert list(rows["run_id"]) == [first.info.run_id] * 3 + [second.info.run_id]
    assert list(rows["lr"])[:3] == ["0.1"] * 3
    assert len(client.load_table(experiment_id, file, run_ids=[second.info.run_id])) == 1
    assert trackway.get_run(first.info.run_id).data.tags["mlflow.loggedArtifacts"].count("path") == 1
    with pytest.raises(errors.NotFound):
        trackway.load_table("nobody.json")
    with pytest.raises(errors.InvalidArgument, match="is kept as"):
        trackway.log_table({"a": [1]}, "table.csv")
    stack.end_open_runs(None)


def test_streams_and_pictures(experiment_id: str) -> None:
    del experiment_id
    client = trackway.MlflowClient()
    with trackway.start_run() as run:
        trackway.log_stream(io.BytesIO(b"x" * 3_000_000), "deep/stream.bin")
    client.log_stream(run.info.run_id, io.BytesIO(b"abc"), "more.bin")
    client.log_image(run.info.run_id, [[0.0, 1.0]], "picture.png")
    sizes = {each.path: each.file_size for each in client.list_artifacts(run.info.run_id) if not each.is_dir}
    assert sizes["more.bin"] == 3 and "picture.png" in sizes
    assert [each.file_size for each in client.list_artifacts(run.info.run_id, "deep")] == [3_000_000]


def test_pages_have_tokens_and_lose_nothing_while_runs_are_made(experiment_id: str) -> None:
    client = trackway.MlflowClient()
    made = {client.create_run(experiment_id, run_name=f"r{number}").info.run_id for number in range(5)}
    token, seen = None, []
    while True:
        page = client.search_runs([experiment_id], max_results=2, order_by=["run_name"], page_token=token)
        seen += [run.info.run_id for run in page]
        client.create_run(experiment_id, run_name="a new one")
        token = page.token
        if token is None:
            break
    assert len(set(seen)) == len(seen) and made <= set(seen)
    assert len(client.search_experiments(max_results=1)) == 1
    assert client.search_registered_models().token is None and client.search_model_versions() == []


def test_a_client_of_another_server_reads_there(experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer() as other:
        monkeypatch.setenv("TRACKWAY_PROFILE", str(other.profile))
        client = trackway.MlflowClient(other.uri)
        there = client.create_experiment("only there")
        run = client.create_run(there, run_name="there")
        assert [each.info.run_id for each in client.search_runs([there])] == [run.info.run_id]
        assert {each.name for each in client.search_experiments()} == {"Default", "only there"}
        assert client.get_experiment_by_name("only there") is not None
    monkeypatch.undo()
    assert trackway.get_experiment_by_name("only there") is None
    trackway.set_experiment_tag("k", "v")
    trackway.delete_experiment_tag("k")
    assert trackway.get_experiment(experiment_id).tags == {}

"""The runs that a process writes for MLflow: how many are open, whose they are, what is refused at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackway import Client
from trackway.errors import FailedPrecondition, InvalidArgument, NotFound
from trackway.integrations.mlflow import writers
from trackway.integrations.mlflow.writers import RunWriters, Written
from trackway.testing import LocalServer


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with LocalServer() as server, Client(server.uri, token=server.token) as opened:
        yield opened


@pytest.fixture
def runs(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunWriters]:
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path))
    opened = RunWriters(client, "default", client._async._connection.address.token)
    yield opened
    opened.close()


def begun(runs: RunWriters, **tags: str) -> Written:
    return runs.begin("0", run_name="", user_id="me", start_time_us=time.time_ns() // 1000, tags=tags)


def test_a_run_is_there_at_once_and_goes_on(runs: RunWriters, client: Client) -> None:
    written = begun(runs, a="b")
    run_id = written.info.run_id
    found = client.tracking.get_run(run_id)
    assert (found.info.run_name, found.data.tags["a"]) == (written.info.run_name, "b")
    written.run.log_metric("m", 1.0, 0)
    runs.close()
    assert runs.open(run_id) is None
    runs.of(run_id).log_metric("m", 2.0, 1)  # after it was left, and still this process's
    assert runs.of(run_id).owned
    runs.flush()
    found = client.tracking.get_run(run_id)
    assert (found.info.status, found.data.metrics) == ("RUNNING", {"m": 2.0})
    assert found.info.refused_count == 0
    runs.mark(runs.resume(run_id), "FINISHED", None)
    assert client.tracking.get_run(run_id).info.status == "FINISHED"
    assert not runs.of(run_id).owned


def test_the_number_of_open_runs_is_bounded(runs: RunWriters, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "MOST_OPEN", 3)
    own = [begun(runs).info.run_id for _ in range(2)]
    joined = [client.tracking.create_run().info.run_id for _ in range(3)]
    for step in range(2):
        for run_id in own + joined:
            runs.of(run_id).log_metric("m", step, step)
            assert sum(runs.open(each) is not None for each in own + joined) <= 3
    assert all(runs.of(run_id).owned for run_id in own)
    runs.flush()
    for run_id in own + joined:
        assert client.tracking.get_run(run_id).data.metrics == {"m": 1.0}


def test_what_is_refused_at_once(runs: RunWriters, client: Client) -> None:
    for run_id in ("0" * 32, "nonsense", "../../etc", ""):
        with pytest.raises(NotFound):
            runs.of(run_id)
    with pytest.raises(NotFound):
        runs.begin("987654", run_name="", user_id="", start_time_us=1, tags={})
    run = client.tracking.create_run()
    client.tracking.log_params(run.info.run_id, {"p": "1"})
    with pytest.raises(InvalidArgument, match="Changing param values"):
        runs.of(run.info.run_id).log_params({"p": "2"})
    runs.close()
    client.tracking.delete_run(run.info.run_id)
    runs.forget(run.info.run_id)
    with pytest.raises(FailedPrecondition, match="deleted"):
        runs.of(run.info.run_id)

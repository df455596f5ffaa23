"""A model server logs metrics of the version it serves, as a trainer logs to a run: real processes, killed ones too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import trackway
from support.training import environment, trainer, wait_until
from trackway._ingest.sync import sync_spools
from trackway.client import Client
from trackway.errors import InvalidArgument, NotFound
from trackway.testing import LocalServer
from trackway.types import ModelVersion


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as opened:
        yield opened


@pytest.fixture(scope="module")
def version(server: LocalServer, client: Client) -> ModelVersion:
    run = client.tracking.create_run(run_name="trained")
    client.artifacts.upload_bytes(run.info.run_id, b"flavors: {}\n", "model/MLmodel")
    client.registry.create_model("digits")
    made = client.registry.create_version("digits", f"runs:/{run.info.run_id}/model")
    client.registry.set_alias("digits", "champion", made.version)
    return made


@pytest.fixture(autouse=True)
def own_spools(monkeypatch: pytest.MonkeyPatch, tmp_path, server: LocalServer) -> None:
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path / "spools"))
    monkeypatch.setenv("TRACKWAY_URI", server.uri)
    monkeypatch.setenv("TRACKWAY_TOKEN", server.token)


def test_metrics_of_a_version_are_logged_and_read(client, version) -> None:
    with client.registry.monitor("digits", version.version) as monitor:
        monitor.log_metric("latency_ms", 12.5)
        monitor.log_metrics({"latency_ms": 11.0, "drift": 0.25}, step=7)
        monitor.log_series("score", [3, 1], np.array([0.5, 0.75], np.float32))
    assert client.registry.latest_metrics("digits", version.version) == {
        "latency_ms": 11.0,
        "drift": 0.25,
        "score": 0.5,
    }
    (latency,) = client.registry.read_series("digits", version.version, "latency_ms")
    assert latency.values.tolist() == [12.5, 11.0]
    (writer,) = client.registry.list_writers("digits", version.version)
    assert writer.durable_sequence >= 6 and "host" in writer.labels
    with pytest.raises(ValueError, match="its part of the version digits/1; nothing more can be logged"):
        monitor.log_metric("latency_ms", 1.0)


def test_the_address_of_an_alias_is_resolved_once(client, version) -> None:
    with trackway.monitor_version("models:/digits@champion", context={"replica": "b"}) as monitor:
        assert monitor.version == version.version
        monitor.log_metric("errors", 1.0)
    (series,) = client.registry.list_series("digits", version.version, "errors")
    assert (series.context, series.last_value) == ({"replica": "b"}, 1.0)


def test_what_a_killed_model_server_logged_arrives(server, client, version, tmp_path) -> None:
    script = """
        import time
        import trackway
        monitor = trackway.monitor_version("models:/digits/1")
        for request in range(5000):
            monitor.log_metric("served", request / 7)
        print("logged", flush=True)
        time.sleep(100)
    """
    with trainer(script, environment(server, tmp_path, TRACKWAY_PROFILE=str(server.profile))) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        process.kill()
    wait_until(lambda: not list(tmp_path.glob("version-*/*/meta.json")), "the spool is sent")
    (served,) = client.registry.read_series("digits", version.version, "served")
    assert served.steps.tolist() == list(range(5000))
    assert np.array_equal(served.values, np.arange(5000) / 7)


def test_a_version_that_is_not_there_is_told_and_waited_for_in_vain(client, version, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path / "nowhere"))
    monitor = client.registry.monitor("digits", 99)
    monitor.log_metric("latency_ms", 1.0)
    state = monitor.flush(60)
    assert not state.durable
    assert "has no version 99" in state.problem
    monitor.close(0)
    (spool,) = sync_spools(tmp_path / "nowhere").spools
    assert "has no version 99" in spool.problem


@pytest.mark.parametrize(("name", "number"), [("a/b", 1), ("", 1), ("a", 0), ("a", 2**31), ("a", "1")])
def test_what_cannot_be_a_version_is_refused_at_once(client, name, number) -> None:
    with pytest.raises(InvalidArgument):
        client.registry.monitor(name, number)


def test_reads_of_what_is_not_there_are_not_found(client, version) -> None:
    with pytest.raises(NotFound):
        client.registry.read_series("digits", version.version, "never logged")
    with pytest.raises(NotFound):
        client.registry.latest_metrics("digits", 77)

"""Lost runs with real processes: a trainer that has nothing to log, and a machine that sleeps."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from support.training import environment, run_id, trainer, wait_until
from trackway._ingest.doorbell import socket_path
from trackway.cli.commands import app
from trackway.client import Client
from trackway.testing import LocalServer

SOON = {"TRACKWAY_TRACKING_LOST_AFTER_SECONDS": "2"}
IDLE_TRAINER = """
    import sys, time
    from trackway._ingest.writer import Writer
    writer = Writer.open({run!r}, uri={uri!r}, owns_run=True)
    writer.run_start(start_time_us=time.time_ns() // 1000)
    writer.log_metric("loss", 1.0, 0)
    writer.flush(30)
    print("logged", flush=True)
    sys.stdin.readline()
    writer.set_status(3)
    writer.finish(30)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(environment=SOON) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as opened:
        yield opened


def lost(client: Client, run: str) -> bool:
    """Whether the run is lost, as GetRun and SearchRuns tell."""
    info = client.tracking.get_run(run).info
    if info.lost_since_us is not None:
        assert info.status == "RUNNING"
        assert info.lost_since_us < time.time_ns() // 1000
    return info.lost_since_us is not None


def lost_in_list(client: Client) -> set[str]:
    return {run.info.run_id for run in client.tracking.search_runs() if run.info.lost_since_us}


def page_of(server: LocalServer, run: str) -> str:
    return httpx.get(f"{server.http_url}/runs/{run}", auth=("me", server.token), timeout=30).text


def printed(server: LocalServer) -> str:
    arguments = ["runs", "list", "--uri", server.uri]
    return CliRunner().invoke(app, arguments, env={"TRACKWAY_TOKEN": server.token}).output


def uplink_of(root: Path) -> int:
    """The process that holds the lock of this root."""
    inode = os.stat(f"{socket_path(str(root))}.lock").st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
            return int(fields[4])
    raise AssertionError("no uplink holds the lock")


def test_a_run_whose_machine_sleeps_is_lost_and_comes_back_when_it_wakes(server, client, tmp_path) -> None:
    script = IDLE_TRAINER.format(run=run_id(1), uri=server.uri)
    with trainer(script, environment(server, tmp_path, TRACKWAY_PROFILE=str(server.profile))) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "logged\n"
        heard_us = client.tracking.get_run(run_id(1)).info.start_time_us

        def beaten() -> bool:
            (writer,) = client.tracking.list_writers(run_id(1))
            return writer.last_heard_time_us > heard_us + 3_000_000

        wait_until(beaten, "heartbeats of a trainer that logs nothing are heard")
        asleep = [process.pid, uplink_of(tmp_path)]
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: lost(client, run_id(1)), "the silent run is lost")
            wait_until(lambda: run_id(1) in lost_in_list(client), "the list says so")
            wait_until(lambda: "LOST" in page_of(server, run_id(1)), "the page says so")
            wait_until(lambda: "LOST" in printed(server), "the command line says so")
        finally:
            for pid in asleep:
                os.kill(pid, signal.SIGCONT)
        wait_until(lambda: not lost(client, run_id(1)), "it comes back by itself")
        process.stdin.write("end\n")
        process.stdin.flush()
        wait_until(lambda: client.tracking.get_run(run_id(1)).info.status == "FINISHED", "the run ends")
    assert not lost(client, run_id(1))


def test_a_run_made_by_a_call_is_never_lost(server, client) -> None:
    made = client.tracking.create_run(run_name="by hand")
    point = {"run_id": made.info.run_id, "key": "loss", "value": 1.0, "timestamp": 1, "step": 1}
    mlflow = f"{server.http_url}/api/2.0/mlflow/runs/log-metric"  # each request a writer that will not be heard again
    assert httpx.post(mlflow, json=point, headers={"authorization": f"Bearer {server.token}"}).status_code == 200
    script = IDLE_TRAINER.format(run=run_id(2), uri=server.uri)
    with trainer(script, environment(None, Path(server.data_dir) / "spool", TRACKWAY_TOKEN=server.token)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        asleep = [process.pid, uplink_of(Path(server.data_dir) / "spool")]
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: lost(client, run_id(2)), "the other run, which was written, is lost")
            assert not lost(client, made.info.run_id)
        finally:
            for pid in asleep:
                os.kill(pid, signal.SIGCONT)

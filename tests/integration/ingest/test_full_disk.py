"""R3: a spool whose disk is full. One warning, training goes on, and what was dropped is counted on the run, also when
there was never room again."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.training import environment, run_id, wait_until
from trackway._ingest.discover import find_spools
from trackway.client import Client
from trackway.testing import LocalServer

TRAINING = """
    import resource, sys, time
    from trackway._ingest import recorder
    from trackway._ingest.writer import Writer
    recorder._RETRY_SECONDS = 0.0
    writer = Writer.open({run!r}, uri={uri!r}, owns_run=True)
    writer.run_start(start_time_us=1)
    writer.set_params({{"lr": "0.1"}})
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))  # no segment can be made any more
    step = 0
    while writer.flush(0).dropped < 1000:
        writer.log_metric("loss", step / 3, step)
        step += 1
    if {recovers}:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for _ in range(10):
            writer.log_metric("loss", step / 3, step)
            step += 1
    writer.set_status({status}, {message!r})
    state = writer.finish(60)
    print(step, state.dropped, state.pending)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.mark.parametrize(
    ("recovers", "status", "message"),
    [(True, 3, ""), (False, 3, ""), (False, 4, "ValueError: " + "x" * 5000)],
    ids=["room again", "full to the end", "full to the end, failed"],
)
def test_a_full_disk_costs_what_is_counted_and_nothing_else(
    server: LocalServer, tmp_path: Path, recovers: bool, status: int, message: str
) -> None:
    run = run_id(100 * recovers + status)
    script = TRAINING.format(run=run, uri=server.uri, recovers=recovers, status=status, message=message)
    variables = environment(server, tmp_path, TRACKWAY_PROFILE=str(server.profile))
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], env=variables, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("\n") == 1 and "cannot record to" in ended.stderr
    steps, dropped, pending = map(int, ended.stdout.split())
    assert (dropped, pending) == (1000, 0)
    wait_until(lambda: not find_spools([tmp_path]), "the spool is sent", 60)
    with Client(server.uri, token=server.token) as client:
        found = client.tracking.get_run(run)
        (series,) = client.tracking.read_series(run, "loss")
    assert found.info.status == {3: "FINISHED", 4: "FAILED"}[status]
    assert message.startswith(found.info.status_message) and bool(found.info.status_message) == bool(message)
    assert (found.data.params, found.data.tags["trackway.dropped_records"]) == ({"lr": "0.1"}, "1000")
    kept = [*range(steps - dropped - 10), *range(steps - 10, steps)] if recovers else list(range(steps - dropped))
    assert series.steps.tolist() == kept
    assert (series.values == series.steps / 3).all()

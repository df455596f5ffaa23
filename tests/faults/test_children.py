"""R5: children by fork, spawn and forkserver while threads of the parent log: no crash, no deadlock, no lost point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support.training import environment, wait_until
from trackway._ingest.discover import find_spools
from trackway.client import Client
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
CHILDREN = 32 if FULL else 4
POINTS = 5000 if FULL else 500
THREADS = 3

pytestmark = [pytest.mark.timeout(900 if FULL else 240), pytest.mark.xdist_group("faults")]

SCRIPT = f"""
import json, multiprocessing, os, sys, threading, time
import trackway

def child(run_id, number):
    with trackway.attach_run(run_id, context={{"child": number}}):
        for step in range({POINTS}):
            trackway.log_metric("loss", step / 3 + number, step=step)

def fork_and_vanish(number):
    # as a child that is ended by os._exit: nothing of Python's or ours gets to clean up
    pid = os.fork()
    if pid == 0:
        for step in range({POINTS}):
            trackway.log_metric("vanished", step / 7, step=step, context={{"child": number}})
        os._exit(0)
    return pid

def main(method):
    with trackway.start_run() as run:
        stop, counts = threading.Event(), [0] * {THREADS}
        def busy(thread):
            while not stop.is_set():
                step = counts[thread]
                run.log_metrics({{"a": step, "b": -step / 7}}, step=step, context={{"thread": thread}})
                counts[thread] = step + 1
                time.sleep(0.0005)
        threads = [threading.Thread(target=busy, args=(thread,)) for thread in range({THREADS})]
        [thread.start() for thread in threads]
        context = multiprocessing.get_context(method)
        children = [context.Process(target=child, args=(run.info.run_id, number)) for number in range({CHILDREN})]
        [process.start() for process in children]
        forked = [fork_and_vanish(number) for number in range({CHILDREN})] if method == "fork" else []
        assert [os.waitpid(pid, 0)[1] for pid in forked] == [0] * len(forked)
        [process.join(120) for process in children]
        assert [process.exitcode for process in children] == [0] * {CHILDREN}
        stop.set()
        [thread.join() for thread in threads]
    print(json.dumps([run.info.run_id, counts]))

if __name__ == "__main__":
    main(sys.argv[1])
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_and_their_parent_log_at_once(server: LocalServer, tmp_path: Path, method: str) -> None:
    script, spools = tmp_path / "training.py", tmp_path / "spools"
    script.write_text(SCRIPT)
    variables = environment(server, spools, TRACKWAY_PROFILE=str(server.profile))
    ended = subprocess.run(
        [sys.executable, str(script), method], env=variables, capture_output=True, text=True, timeout=600
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    run, counts = json.loads(ended.stdout)
    wait_until(lambda: not find_spools([spools]), "every spool is sent", 120)
    with Client(server.uri, token=server.token) as client:
        expected = {str(number): np.arange(POINTS) / 3 + number for number in range(CHILDREN)}
        check(client, run, "loss", "child", expected)
        if method == "fork":
            vanished = {str(number): np.arange(POINTS) / 7 for number in range(CHILDREN)}
            check(client, run, "vanished", "child", vanished)
        check(client, run, "a", "thread", {str(n): np.arange(count, dtype=float) for n, count in enumerate(counts)})
        check(client, run, "b", "thread", {str(n): -np.arange(count) / 7 for n, count in enumerate(counts)})
        assert client.tracking.get_run(run).info.status == "FINISHED"


def check(client: Client, run: str, key: str, label: str, expected: dict[str, np.ndarray]) -> None:
    """That each context has exactly these values, bit for bit, at the steps 0, 1, 2 …"""
    found = {series.context[label]: series for series in client.tracking.read_series(run, key)}
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].steps.tolist() == list(range(len(values))), (key, name)
        assert found[name].values.tobytes() == values.tobytes(), (key, name)

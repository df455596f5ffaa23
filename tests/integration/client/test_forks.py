"""The synchronous client in processes that fork.

Each program runs in a fresh interpreter: gRPC forbids forks where some other asynchronous channel lives, and pytest's
own process has had many.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from trackway.testing import LocalServer

PREAMBLE = """
import os, signal, sys, threading, time
from itertools import islice
from trackway import errors
from trackway.client import Client

def in_child(work):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print("child:", repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0

client = Client()
run_id = client.tracking.create_run().info.run_id
read = lambda: client.tracking.get_run(run_id)
"""

PROGRAMS = {
    "a child and its parent go on": """
for _ in range(3):
    in_child(read)
    read()
""",
    "a grandchild goes on": """
in_child(lambda: (read(), in_child(read), read()))
""",
    "a child that does not call leaves the parent alone": """
in_child(lambda: None)
read()
""",
    "an exception that is kept does not stand in the way": """
kept = []
for call in (lambda: client.tracking.get_run("0" * 32), lambda: client.tracking.read_series(run_id, "absent"),
             lambda: client.artifacts.upload_bytes(run_id, b"x", "../x"),
             lambda: Client("trackway://127.0.0.1:1").tracking.get_run(run_id)):
    try:
        call()
    except errors.TrackwayError as error:
        kept.append(error)
assert len(kept) == 4
in_child(read)
""",
    "a list that is half read goes on on both sides": """
experiment = client.tracking.create_experiment(run_id).experiment_id
for _ in range(5):
    client.tracking.create_run(experiment_id=experiment)
listing = client.tracking.search_runs([experiment], page_size=1)
next(listing)
in_child(lambda: next(listing))
assert len(list(listing)) == 4
""",
    "calls of other threads are waited for": """
done, failed = threading.Event(), []
def reading():
    while not done.is_set():
        try:
            read()
        except errors.TrackwayError as error:
            failed.append(error)
readers = [threading.Thread(target=reading) for _ in range(4)]
[reader.start() for reader in readers]
try:
    for _ in range(5):
        in_child(read)
finally:
    done.set()
    [reader.join() for reader in readers]
assert failed == [], failed
""",
    "a watch in another thread goes on": """
model, seen, begun = f"model-{run_id}", [], threading.Event()
client.registry.create_model(model)
def watching():
    for event in islice(client.registry.watch(model, from_start=True), 3):
        seen.append(event.kind)
        begun.set()
watcher = threading.Thread(target=watching, daemon=True)
watcher.start()
assert begun.wait(20)
for key in ("a", "b"):
    in_child(lambda: client.registry.get_model(model))
    client.registry.set_model_tags(model, {key: "x"})
watcher.join(20)
assert seen == ["MODEL_CREATED", "MODEL_TAG_SET", "MODEL_TAG_SET"], seen
""",
    "an interpreter ends with clients open": """
watch = client.registry.watch(from_start=True)
client.registry.create_model(f"open-{run_id}")
next(watch)
""",
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


RARELY = {"a watch in another thread goes on"}
"""About one time in ten on a busy machine the child's first call finds a closed descriptor of gRPC's; the cause is not
found yet. It runs in `make faults`, where a failure is looked at, not in `make test`, where it would hide others."""


@pytest.mark.parametrize(
    "program",
    [name for name in PROGRAMS if name not in RARELY or os.environ.get("TRACKWAY_FAULTS") == "full"],
)
def test_forks(server: LocalServer, program: str) -> None:
    environment = {"TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": server.token}
    ended = subprocess.run(
        [sys.executable, "-c", PREAMBLE + PROGRAMS[program]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr

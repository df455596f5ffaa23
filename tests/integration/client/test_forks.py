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

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"

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
    "a thread that has not come to know of its interruption": """
from trackway._sync.portal import PORTAL
held, submit = [], PORTAL._submit
PORTAL._submit = lambda work: held.append(submit(work)) or held[-1]
model, begun = f"model-{run_id}", threading.Event()
client.registry.create_model(model)
def watching():
    for _ in client.registry.watch(model, from_start=True):
        begun.set()
threading.Thread(target=watching, daemon=True).start()
assert begun.wait(20)
for _ in range(3):
    in_child(lambda: client.registry.get_model(model))
    client.registry.get_model(model)
assert any(isinstance(future.exception(0), errors.Unavailable) for future in held if future.done())
os._exit(0)  # the daemon waits for events
""",
    "an asynchronous client that is open is told, in any client of a child": """
import asyncio, concurrent.futures.thread  # else a thread imports it, and registers its hooks, in the middle of a fork
from trackway.aio import AsyncClient
opened, closing = threading.Event(), threading.Event()
async def hold():
    async with AsyncClient() as other:
        await other.tracking.get_run(run_id)
        opened.set()
        await asyncio.to_thread(closing.wait)
holder = threading.Thread(target=lambda: asyncio.run(hold()))
holder.start()
assert opened.wait(20)
def refused(call):
    try:
        call()
    except errors.FailedPrecondition as error:
        assert "asynchronous" in str(error), error
    else:
        raise AssertionError("a call that cannot work was made")
async def read_too():
    async with AsyncClient() as other:
        await other.tracking.get_run(run_id)
in_child(lambda: refused(read))
in_child(lambda: refused(lambda: asyncio.run(read_too())))
in_child(lambda: in_child(lambda: refused(read)))
closing.set()
holder.join()
in_child(read)
read()
""",
    "an interpreter ends with clients open": """
watch = client.registry.watch(from_start=True)
client.registry.create_model(f"open-{run_id}")
next(watch)
""",
}

RARELY = {"an exception that is kept does not stand in the way"}
"""Seen once on a loaded machine: a thread of gRPC that still dials the server that is not there stood in
the way of the fork; unexplained. Run with the full counts."""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.mark.parametrize("program", [name for name in PROGRAMS if FULL or name not in RARELY])
def test_forks(server: LocalServer, program: str) -> None:
    environment = {**os.environ, "TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": server.token}
    ended = subprocess.run(
        [sys.executable, "-c", PREAMBLE + PROGRAMS[program]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr

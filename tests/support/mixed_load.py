"""All that clients do at once, as a program, while a test kills and restarts the server.

`python -m support.mixed_load SECONDS`, the deadline of every call: four trainers log through the uplink, one thread
each uploads files, writes the registry, watches it and reads. The server is that of the environment. Each line of
stdin names the phase that begins, told back on stdout once the registry's writer has nothing under way; the end of
stdin ends the load. Then everything that was acknowledged is looked up, and the last line is a Report, as JSON. What
is lost, doubled, refused or late ends the program with an AssertionError.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

from trackway import errors
from trackway.client import Client

Result = TypeVar("Result")

TRAINERS = 4
LONG = {"upload": 3, "create_version": 3}
"""Calls that have more time than others: times the deadline. They mend themselves, or read many files."""
SLACK_SECONDS = 2.0
"""How late an answer may be on a loaded machine."""
RETRY_SECONDS = 40.0
"""How long a call is repeated before it counts as lost."""
MODEL = "under-load"
RETRYABLE = (errors.Unavailable, errors.DeadlineExceeded)

TRAINER = """
    import os, sys, time, trackway
    stop = sys.argv[1]
    with trackway.start_run() as run:
        step = 0
        while not os.path.exists(stop):
            trackway.log_metric("loss", step / 3, step=step)
            step += 1
            time.sleep(0.001)
    print(run.info.run_id, step)
"""


@dataclass
class Report:
    """What the load did and met."""

    points: int = 0
    files: int = 0
    versions: int = 0
    aliases: int = 0
    events: int = 0
    calls: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Attempts that failed and were repeated, by phase, kind of call and error."""
    done_though_failed: Counter[str] = field(default_factory=Counter)
    """Writes that were done although their answer was lost, by phase."""
    slowest_s: float = 0.0


class Load:
    """The threads of one process; `problems` ends the program."""

    def __init__(self, client: Client, timeout: float) -> None:
        self.client = client
        self.timeout = timeout
        self.report = Report()
        self.phase = "steady"
        self.wanted_phase = "steady"
        self.stopping = threading.Event()
        self.problems: list[BaseException] = []
        self.run = client.tracking.create_run().info.run_id
        self.digests: dict[str, str] = {}
        self.versions: list[int] = []
        self.watched: list[str] = []
        client.artifacts.upload_bytes(self.run, b"weights", "model/weights")
        client.registry.create_model(MODEL)

    def attempts(self, kind: str, call: Callable[[], Result], *, settled: Callable[[], Result | None]) -> Result:
        """The answer of a call that is repeated after failures that allow it, unless it is settled by then."""
        give_up = time.monotonic() + RETRY_SECONDS
        while True:
            begun = time.monotonic()
            try:
                return call()
            except RETRYABLE as error:
                assert time.monotonic() < give_up, f"{kind} was lost: {error}"
                self.report.failed[f"{self.phase}: {kind}: {type(error).__name__}"] += 1
            finally:
                self.report.calls += 1
                self._check_time(kind, time.monotonic() - begun)
            time.sleep(0.1)
            if (found := self.attempts_to_settle(kind, settled)) is not None:
                return found

    def attempts_to_settle(self, kind: str, settled: Callable[[], Result | None]) -> Result | None:
        """Whether a failed write was done, once the server says so."""
        give_up = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                found = settled()
            except RETRYABLE:
                assert time.monotonic() < give_up, f"{kind}: the server is gone"
                time.sleep(0.1)
                continue
            if found is not None:
                self.report.done_though_failed[self.phase] += 1
            return found

    def _check_time(self, kind: str, seconds: float) -> None:
        self.report.slowest_s = max(self.report.slowest_s, seconds)
        limit = self.timeout * LONG.get(kind, 1)
        assert seconds < limit + SLACK_SECONDS, f"{kind} had no answer for {seconds:.1f} s"

    def upload(self) -> None:
        """Files of 200 KB, each with another content."""
        number = len(self.digests)
        data, path = hashlib.sha256(str(number).encode()).digest() * 6400, f"files/{number}"
        stored = self.attempts(
            "upload", lambda: self.client.artifacts.upload_bytes(self.run, data, path), settled=lambda: None
        )
        self.digests[path] = stored.digest
        assert stored.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"

    def write_registry(self) -> None:
        """A version that may be asked for twice, and an alias that is compared and set."""
        self.phase = self.wanted_phase
        registry, count = self.client.registry, len(self.versions)
        source, request_id = f"runs:/{self.run}/model", f"request-{count}"
        version = self.attempts(
            "create_version",
            lambda: registry.create_version(MODEL, source, request_id=request_id).version,
            settled=lambda: None,
        )
        self.versions.append(version)

        def points_there() -> int | None:
            return version if registry.get_version(MODEL, version).aliases else None

        before = self.versions[-2] if count else 0
        self.attempts(
            "set_alias",
            lambda: registry.set_alias(MODEL, "live", version, expected_version=before).version,
            settled=points_there,
        )
        self.report.aliases += 1

    def read(self) -> None:
        """What pages and scripts ask."""
        self.attempts("get_run", lambda: self.client.tracking.get_run(self.run), settled=lambda: None)
        self.attempts("list_runs", lambda: list(self.client.tracking.search_runs(["0"])), settled=lambda: None)
        self.attempts("resolve", lambda: self.client.registry.get_model(MODEL), settled=lambda: None)

    def watch(self) -> None:
        """Every event, through every break."""
        for event in self.client.registry.watch(MODEL, from_start=True):
            self.watched.append(event.event_id)

    @contextmanager
    def running(self) -> Iterator[None]:
        """All threads, until the block ends."""
        threading.Thread(target=self._guarded, args=(self.watch,), daemon=True).start()
        steps = [(self.upload, 0.02), (self.write_registry, 0.02), (self.read, 0.05)]
        threads = [threading.Thread(target=self._repeatedly, args=step) for step in steps]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join(RETRY_SECONDS + self.timeout)
        assert not any(thread.is_alive() for thread in threads), "a call never ended"

    def _repeatedly(self, step: Callable[[], None], pause: float) -> None:
        def all_steps() -> None:
            while not self.stopping.wait(pause):
                step()

        self._guarded(all_steps)

    def _guarded(self, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as problem:
            self.problems.append(problem)
            raise

    def check(self) -> None:
        """That the server holds exactly what it acknowledged."""
        registry = self.client.registry
        files = self.client.artifacts.list(self.run, "files", recursive=True)
        assert {file.path: file.digest for file in files} == self.digests, "files were lost"
        assert self.versions == list(range(1, len(self.versions) + 1)), "versions were doubled or lost"
        assert len(list(registry.search_versions(name=MODEL))) == len(self.versions)
        assert list(registry.get_version(MODEL, self.versions[-1]).aliases) == ["live"]
        events = list(registry.list_events(MODEL))
        kinds = Counter(event.kind for event in events)
        assert kinds["VERSION_CREATED"] == len(self.versions)
        assert kinds["ALIAS_SET"] == self.report.aliases, "an alias was set twice for one call"
        deadline = time.monotonic() + 15
        while len(self.watched) < len(events) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.watched == [event.event_id for event in events], "the watcher missed events or saw some twice"
        self.report.files, self.report.versions, self.report.events = len(self.digests), len(self.versions), len(events)


@contextmanager
def trainers(stop: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that log until there is a file `stop`."""
    script = "\n".join(line.removeprefix("    ") for line in TRAINER.splitlines())
    command = [sys.executable, "-c", script, str(stop)]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(TRAINERS)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def check_trainer(client: Client, process: subprocess.Popen[str]) -> int:
    """That every point a trainer logged is stored once, in order. Returns how many."""
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    run, count = out.split()
    (series,) = client.tracking.read_series(run, "loss")
    assert series.steps.tolist() == list(range(int(count))), f"{count} logged, {len(series)} stored: lost or doubled"
    assert (series.values == series.steps / 3).all()
    assert client.tracking.get_run(run).info.status == "FINISHED"
    return int(count)


def follow(load: Load, commands: IO[str], tell: Callable[[str], None]) -> None:
    """Do as stdin says until it ends."""
    tell("begun")
    for line in commands:
        load.wanted_phase = line.strip()
        while load.phase != load.wanted_phase and not load.problems:
            time.sleep(0.01)
        tell(load.phase)


def main() -> None:
    """Run as the module's text says."""
    timeout = float(sys.argv[1])
    with Client(timeout=timeout) as client, tempfile.TemporaryDirectory() as folder:
        load, stop = Load(client, timeout), Path(folder) / "stop"
        with trainers(stop) as processes:
            with load.running():
                while not (load.digests and load.versions and load.report.calls > 5) and not load.problems:
                    time.sleep(0.01)
                follow(load, sys.stdin, lambda line: print(line, flush=True))
            assert not load.problems, load.problems
            stop.touch()
            load.report.points = sum(check_trainer(client, process) for process in processes)
        load.check()
        print(json.dumps(vars(load.report)), flush=True)
    os._exit(0)  # the watcher's thread waits for events


if __name__ == "__main__":
    main()

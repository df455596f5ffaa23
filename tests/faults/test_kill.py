"""`kill -9` at random instants: what a call returned from, and what the server acknowledged, is there exactly once.

The short form runs in `make test`; `make faults` runs the full counts of R1 and R2.
"""

from __future__ import annotations

import mmap
import os
import random
import struct
import time
from pathlib import Path

import pytest

from support.training import environment, exactly, run_id, steps_of, trainer, wait_until
from trackway._ingest.discover import find_spools
from trackway._ingest.sync import sync_spools
from trackway.client import Client
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
TRAINER_KILLS = 200 if FULL else 12
SERVER_KILLS = 50 if FULL else 5

pytestmark = [pytest.mark.timeout(3600 if FULL else 240), pytest.mark.xdist_group("faults")]

# The trainer notes in a mapped file how many calls have returned: the file outlives the kill like the spool does.
TRAINER = """
    import mmap, os, struct
    from trackway._ingest.writer import Writer
    fd = os.open({counter!r}, os.O_RDWR)
    counter = mmap.mmap(fd, 16)
    writer = Writer.open({run!r}, uri={uri!r}, owns_run=True)
    writer.run_start(start_time_us=1)
    step = 0
    while True:
        writer.log_metric("loss", step / 3, step)
        writer.log_metrics({{"a": step, "b": -step}}, step)
        step += 1
        struct.pack_into("<q", counter, 0, step)
"""


class Counter:
    """How many steps a trainer says it has logged."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(16))
        self.path = path

    @property
    def value(self) -> int:
        with self.path.open("r+b") as file, mmap.mmap(file.fileno(), 16) as memory:
            return int(struct.unpack_from("<q", memory)[0])


def tell(capsys: pytest.CaptureFixture[str], figures: str) -> None:
    """Figures are for `make faults`; nothing of them is asserted."""
    if FULL:
        with capsys.disabled():
            print(f"\n{figures}; load {os.getloadavg()[0]:.1f}")


def check(client: Client, run: str, logged: int) -> None:
    exactly(steps_of(client, run, "loss"), logged)
    exactly(steps_of(client, run, "a"), logged)
    exactly(steps_of(client, run, "b"), logged)
    (loss,), (series,) = client.tracking.read_series(run, "loss"), client.tracking.read_series(run, "b")
    assert loss.values.tobytes() == (loss.steps / 3).tobytes()
    assert (series.values == -series.steps).all()


@pytest.mark.parametrize("sender", ["uplink", "sync"])
def test_a_killed_trainer_loses_and_doubles_nothing(
    tmp_path: Path, sender: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(20261123)
    with LocalServer() as server, Client(server.uri, token=server.token) as client:
        root = tmp_path / "spool"
        more = {"TRACKWAY_UPLINK": "off"} if sender == "sync" else {}
        logged = {}
        for number in range(TRAINER_KILLS // 2):
            counter = Counter(tmp_path / f"{number}.count")
            script = TRAINER.format(counter=str(counter.path), run=run_id(number), uri=server.uri)
            variables = environment(server, root, TRACKWAY_PROFILE=str(server.profile), **more)
            with trainer(script, variables) as process:
                wait_until(lambda counter=counter: counter.value > 0, "the trainer logs")  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.15))
                process.kill()
                process.wait()
            logged[run_id(number)] = counter.value
        if sender == "sync":
            assert sync_spools(root, token=server.token).ok
        wait_until(lambda: not find_spools([root]), "every spool is sent", 120)
        for run, count in logged.items():
            check(client, run, count)
            assert client.tracking.get_run(run).info.status == "KILLED"
    tell(capsys, f"{len(logged)} trainers killed ({sender}): {3 * sum(logged.values()):,} points, none lost or doubled")


def test_a_killed_server_loses_and_doubles_nothing_it_acknowledged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(7)
    counter = Counter(tmp_path / "count")
    serving: list[float] = []
    with LocalServer(tmp_path / "data") as server:
        script = (
            TRAINER.format(counter=str(counter.path), run=run_id(0), uri=server.uri)
            .replace("step += 1", "step += 1; time.sleep(0.00005)")
            .replace("import mmap", "import time, mmap")
        )
        with trainer(script, environment(server, tmp_path / "spool", TRACKWAY_PROFILE=str(server.profile))) as process:
            wait_until(lambda: counter.value > 0, "the trainer logs")
            for _ in range(SERVER_KILLS):
                time.sleep(chance.uniform(0.1, 0.6))
                server.kill()
                began = time.monotonic()
                server.restart()
                serving.append(time.monotonic() - began)
            process.kill()
            process.wait()
        wait_until(lambda: not find_spools([tmp_path / "spool"]), "the spool is sent", 120)
        with Client(server.uri, token=server.token) as client:
            check(client, run_id(0), counter.value)
    median, slowest = sorted(serving)[len(serving) // 2], max(serving)
    points = f"{3 * counter.value:,} points, none lost or doubled"
    tell(
        capsys, f"{SERVER_KILLS} server kills: {points}; SERVING after {median:.2f} s (median), {slowest:.2f} s (worst)"
    )

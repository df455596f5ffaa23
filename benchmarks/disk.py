"""P8: bytes a point on the server's disk, once the points have been compacted."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.ours import Ours
from benchmarks.processes import BenchmarkError
from benchmarks.samples import Spread

ARRAYS = 64
LOOP_STEPS = 300_000
COMPACTED_WITHIN_S = 300.0
SETTINGS = {"TRACKWAY_TRACKING_COMPACTION_QUIET_SECONDS": "3"}


def compacted_size(bench: Bench) -> list[Row]:
    """P8: the whole database file of a server that has only these points; steps, times, summaries and roll-ups too."""
    arrays, steps = bench.scaled(ARRAYS), bench.scaled(LOOP_STEPS)
    measured = {
        "bulk arrays, float32-born losses": (_measured(bench, "disk-losses", "bulk", arrays, "float32"), 4.0),
        "loop of log_metrics of 10, float32-born losses": (_measured(bench, "disk-loop", "losses", steps), 4.0),
        "bulk arrays, random float64": (_measured(bench, "disk-noise", "bulk", arrays, "random"), 8.0),
        "loop of log_metrics of 10, random float64": (_measured(bench, "disk-random", "loop", steps), 8.0),
    }
    note = "the file after compaction, less that of an empty server, divided by the points"
    rows = [
        Row("P8", what, Unit.BYTES_A_POINT, Spread.of([size]), goal, note=note)
        for what, ((size, _), goal) in measured.items()
    ]
    speeds = Spread.of([speed for (_, speed), _ in measured.values()])
    return [*rows, Row("P8", "compaction, while it works", Unit.POINTS_PER_SECOND, speeds)]


def _measured(bench: Bench, name: str, script: str, *arguments: object) -> tuple[float, float]:
    """Bytes a point, and points compacted a second, of a server of its own."""
    work = bench.work / name
    work.mkdir()
    with closing(Ours(work, bench.say, settings=SETTINGS)) as ours:
        ours.ensure_server()
        database = ours.data / "tracking.db"
        bench.say(f"disk of an empty server ({name})")
        empty = _size(database)
        answer = ours.run(script, *arguments)
        ours.end_uplinks()
        bench.say(f"compaction ({name})")
        points, seconds = _until_compacted(ours.data, answer["points"])
        ours.verify_points(answer["run_id"], answer["points"])
    return (_size(database) - empty) / answer["points"], points / seconds


def _size(database: Path) -> int:
    """The file and what of it is still in its log."""
    log = database.with_name(f"{database.name}-wal")
    return database.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _until_compacted(data: Path, points: int) -> tuple[int, float]:
    """Return once (nearly) all points have been compacted and the free pages given back; how many, in what time."""
    give_up = time.monotonic() + COMPACTED_WITHIN_S
    while time.monotonic() < give_up:
        time.sleep(2)
        compacted, seconds = _compacted(data)
        with closing(sqlite3.connect(f"file:{data / 'tracking.db'}?mode=ro", uri=True)) as connection:
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        if compacted >= 0.99 * points and free == 0:
            return compacted, seconds
    raise BenchmarkError(f"{compacted:,} of {points:,} points compacted within {COMPACTED_WITHIN_S:.0f} s")


def _compacted(data: Path) -> tuple[int, float]:
    """How many points were compacted, and in how many seconds of work, as the server's log tells."""
    lines = (data / "server.log").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines if "points_compacted" in line]
    return sum(one["points"] for one in told), sum(one["seconds"] for one in told)

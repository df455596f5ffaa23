"""`kill -9` of a server that compacts all the time: no point is lost or doubled on its way from segments to chunks."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from support.training import environment, run_id, trainer, wait_until
from trackway._ingest.discover import find_spools
from trackway.client import Client
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
KILLS = 50 if FULL else 3
EAGER = {"TRACKWAY_TRACKING_COMPACTION_QUIET_SECONDS": "0.05", "TRACKWAY_TRACKING_COMPACTION_BUSY_SHARE": "1"}

pytestmark = [pytest.mark.timeout(3600 if FULL else 240), pytest.mark.xdist_group("faults")]

# Bursts with pauses, so that the compactor finds the run quiet again and again; steps go back and forth.
TRAINER = """
    import pathlib, time
    from trackway._ingest.writer import Writer
    writer = Writer.open({run!r}, uri={uri!r}, owns_run=True)
    writer.run_start(start_time_us=1)
    number = 0
    while not pathlib.Path({stop!r}).exists():
        for _ in range(400):
            writer.log_metrics({{"up": number, "down": -number}}, number ^ 7)
            number += 1
        time.sleep(0.05)
    pathlib.Path({logged!r}).write_text(str(number))
    writer.close()
"""


def test_a_server_killed_while_it_compacts_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(11)
    run, stop, logged = run_id(0), tmp_path / "stop", tmp_path / "logged"
    with LocalServer(tmp_path / "data", environment=EAGER) as server:
        script = TRAINER.format(run=run, uri=server.uri, stop=str(stop), logged=str(logged))
        variables = environment(server, tmp_path / "spool", TRACKWAY_PROFILE=str(server.profile))
        with trainer(script, variables) as process:
            wait_until(lambda: chunks(tmp_path / "data") > 0, "something is compacted", 120)
            for _ in range(KILLS):
                time.sleep(chance.uniform(0.1, 0.8))
                server.kill()
                server.restart()
            stop.touch()
            process.wait()
        wait_until(lambda: not find_spools([tmp_path / "spool"]), "the spool is sent", 120)
        with Client(server.uri, token=server.token) as client:
            count = int(logged.read_text())
            for key, sign in (("up", 1), ("down", -1)):
                (series,) = client.tracking.read_series(run, key)
                assert np.array_equal(series.values, sign * np.arange(count))
                assert np.array_equal(series.steps, np.arange(count) ^ 7)
                assert (np.diff(series.sequences.astype(np.int64)) > 0).all()
    assert chunks(tmp_path / "data") > 0


def chunks(data: Path) -> int:
    """How many chunks there are."""
    with closing(sqlite3.connect(f"file:{data / 'tracking.db'}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM metric_chunks").fetchone()
    return int(count)

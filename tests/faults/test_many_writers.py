"""R4: many writers of one run at once, steps shuffled and repeated, every kind of double: all is back, bit for bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from support.training import run_id
from trackway._ingest.writer import Writer
from trackway.client import Client
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
WRITERS = 1000 if FULL else 60
POINTS = 2000 if FULL else 200
ODD = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, -1.7976931348623157e308])
PAYLOADS = np.array([0x7FF8000000000001, 0xFFF8DEADBEEF0000, 0x7FF0000000000001], dtype=np.uint64).view(np.float64)
"""NaNs that carry something: a quiet one, a negative one, a signalling one."""

pytestmark = [pytest.mark.timeout(3600 if FULL else 240), pytest.mark.xdist_group("faults")]


def columns(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a writer: shuffled, repeated, negative and huge steps; odd values among others."""
    chance = np.random.default_rng(number)
    steps = chance.integers(-50, POINTS // 2, POINTS)
    steps[chance.integers(0, POINTS, 4)] = (-(2**63), 2**63 - 1, 2**53 + 1, 0)
    values = chance.standard_normal(POINTS)
    places = chance.permutation(POINTS)[: POINTS // 4]
    values[places] = chance.choice(np.concatenate([ODD, PAYLOADS]), len(places))
    return steps, values


def test_every_point_of_every_writer_is_there_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spools = tmp_path / "spools"
    with LocalServer() as server, Client(server.uri, token=server.token, timeout=120) as client:
        monkeypatch.setenv("TRACKWAY_PROFILE", str(server.profile))
        monkeypatch.setenv("TRACKWAY_UPLINK_IDLE", "5")
        writers = [
            Writer.open(run_id(4), uri=server.uri, token=server.token, spool_root=str(spools), owns_run=number == 0)
            for number in range(WRITERS)
        ]
        writers[0].run_start(start_time_us=1)
        for number, writer in enumerate(writers):
            steps, values = columns(number)
            context = {"writer": str(number)}
            writer.log_series("array", steps, values, context=context)
            for step, value in zip(steps[:100].tolist(), values[:100].tolist(), strict=True):
                writer.log_metric("single", value, step, context=context)
        for writer in writers[1:]:
            writer.close()
        writers[0].set_status(3)
        writers[0].close()
        for writer in writers:
            assert writer.flush(600).durable
        for key, count in (("array", POINTS), ("single", 100)):
            found = {int(series.context["writer"]): series for series in client.tracking.read_series(run_id(4), key)}
            assert sorted(found) == list(range(WRITERS))
            for number, series in found.items():
                steps, values = columns(number)
                assert series.steps.tolist() == steps[:count].tolist(), (key, number)
                assert series.values.tobytes() == values[:count].tobytes(), (key, number)
        assert client.tracking.get_run(run_id(4)).info.refused_count == 0

"""Samples become metrics of the run, under MLflow's names; nothing that goes wrong shows."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

import trackway
from support.recorded import only_recorded, recorded
from support.training import wait_until
from trackway._fluent import open_runs, report
from trackway._system import sampler as sampling
from trackway._system.sampler import Sampler
from trackway.errors import InvalidArgument

NAMES = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
    "system/disk_usage_percentage",
    "system/disk_usage_megabytes",
    "system/disk_available_megabytes",
    "system/network_receive_megabytes",
    "system/network_transmit_megabytes",
}


@pytest.fixture(autouse=True)
def spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in os.environ if name.startswith(("TRACKWAY_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path / "spools"))
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    monkeypatch.setattr(report, "_told", set())
    yield tmp_path / "spools"
    open_runs.end_open_runs(None)
    trackway.set_system_metrics_sampling_interval(None)
    trackway.set_system_metrics_samples_before_logging(None)
    trackway.set_system_metrics_node_id(None)
    os.environ.pop("TRACKWAY_ENABLE_SYSTEM_METRICS_LOGGING", None)


def points_of(root: Path, run: Any) -> list[tuple[str, dict[str, str], int, float]]:
    return [point for writer in recorded(root, run.info.run_id) for point in writer.points]


def test_a_run_samples_until_it_ends(spools: Path) -> None:
    trackway.set_system_metrics_sampling_interval(0.02)
    with trackway.start_run(log_system_metrics=True) as run:
        wait_until(lambda: len({step for *_, step, _ in points_of(spools, run)}) > 2, "three samples")
    found = only_recorded(spools, run.info.run_id)
    assert {key for key, *_ in found.points} == NAMES
    assert all(context == {} for _, context, *_ in found.points)
    steps = sorted(step for key, _, step, _ in found.points if key == "system/disk_usage_percentage")
    assert steps == list(range(len(steps)))
    assert found.statuses[-1][0] == 3


def test_a_short_run_has_one_sample_and_a_joined_one_says_its_host(spools: Path) -> None:
    trackway.enable_system_metrics_logging()
    trackway.set_system_metrics_node_id("node-7")
    with trackway.start_run() as run:
        pass
    assert {key for key, *_ in points_of(spools, run)} >= {"system/node-7/disk_usage_percentage"}
    trackway.disable_system_metrics_logging()
    with trackway.start_run() as silent:
        pass
    assert points_of(spools, silent) == []
    with trackway.attach_run(silent.info.run_id, context={"rank": 3}, log_system_metrics=True):
        pass
    assert {tuple(context.items()) for _, context, *_ in points_of(spools, silent)} == {
        (("rank", "3"), ("host", os.uname().nodename))
    }


def test_samples_are_averaged() -> None:
    logged: list[tuple[dict[str, float], int]] = []
    enough = threading.Event()

    def log(values: dict[str, float], step: int) -> None:
        logged.append((values, step))
        enough.set()

    numbers = iter(range(1000))
    sampler = Sampler(log, interval=0.01, samples=3)
    sampler._open = lambda: [lambda: {"x": float(next(numbers))}]  # type: ignore[method-assign]
    sampler.start()
    assert enough.wait(30)
    sampler.stop()
    assert logged[0] == ({"system/x": 1.0}, 0)


def test_what_fails_is_left_out_and_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[dict[str, float]] = []

    def log(values: dict[str, float], step: int) -> None:
        logged.append(values)
        raise ValueError("the run has ended")

    def fails() -> dict[str, float]:
        raise RuntimeError

    def broken(*_: Any) -> Any:
        raise RuntimeError("no GPUs")

    monkeypatch.setattr(sampling, "driver_is_there", lambda: True)
    monkeypatch.setattr(sampling, "Gpus", broken)
    sampler = Sampler(log, interval=60)
    opened = sampler._open()
    sampler._open = lambda: [fails, *opened]  # type: ignore[method-assign]
    sampler.start()
    sampler.stop()
    sampler.stop()
    assert "system/disk_usage_percentage" in logged[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "soon"),
        ("TRACKWAY_SYSTEM_METRICS_SAMPLING_INTERVAL", "-1"),
        ("TRACKWAY_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "0"),
        ("TRACKWAY_ENABLE_SYSTEM_METRICS_LOGGING", "perhaps"),
    ],
)
def test_settings_that_cannot_be_are_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    enabled = None if "ENABLE" in name else True
    with pytest.raises(InvalidArgument, match=name.split("_", 1)[1]):
        trackway.start_run(log_system_metrics=enabled)
    assert trackway.active_run() is None

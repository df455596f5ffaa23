"""Training processes for tests: real ones, that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from trackway.client import Client
from trackway.testing import LocalServer
from trackway.types import MetricSeries

RUN = "0190aaaabbbb7cccadddeeeeffff{:04x}"


def run_id(number: int) -> str:
    """A run id."""
    return RUN.format(number)


def environment(server: LocalServer | None, root: Path, **more: str) -> dict[str, str]:
    """Variables of a training process: its spools below `root`, its server, and nothing of the tester's."""
    variables = {**os.environ, "TRACKWAY_SPOOL_DIR": str(root), **more}
    if server is not None:
        variables |= {"TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": server.token}
    return variables


@contextmanager
def trainer(script: str, variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A Python process that runs `script`; killed at the end if it still lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Return when the condition holds. Raises AssertionError when it does not, in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.02)


def read_all(client: Client, run: str, key: str) -> list[MetricSeries]:
    """All series of a key, whatever their context."""
    return client.tracking.read_series(run, key)


def steps_of(client: Client, run: str, key: str) -> list[int]:
    """The steps of all points of a key, writer by writer in the order they were logged."""
    return [int(step) for series in read_all(client, run, key) for step in series.steps]


def exactly(steps: list[int], at_least: int) -> None:
    """Assert that the steps are 0, 1, 2 … up to at least `at_least` - 1: none lost, none doubled, none out of order."""
    assert steps == list(range(len(steps))), _first_fault(steps)
    assert len(steps) >= at_least, f"lost: {at_least} calls had returned, {len(steps)} points are stored"


def _first_fault(steps: list[int]) -> str:
    wrong = np.flatnonzero(np.asarray(steps) != np.arange(len(steps)))
    return f"at {wrong[0]}: {steps[max(0, wrong[0] - 3) : wrong[0] + 4]}"

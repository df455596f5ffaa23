"""The mixed load as a process of a test, told of phases and asked for its report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
READY_SECONDS = 60.0
END_SECONDS = 180.0


class LoadProcess:
    """A running load."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def phase(self, name: str) -> None:
        """Have what happens from now on counted under `name`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        self.expect(name)

    def expect(self, line: str) -> None:
        """Wait for a line of the load."""
        assert self._process.stdout is not None
        told = self._process.stdout.readline().strip()
        if told != line:
            self._process.kill()
            raise AssertionError(
                f"the load told {told!r} instead of {line!r}: {self._process.communicate()[1][-6000:]}"
            )

    def report(self) -> dict[str, Any]:
        """End the load, have everything looked up, and answer what it did. Raises AssertionError where it found
        something lost, doubled, refused or late."""
        out, err = self._process.communicate(timeout=END_SECONDS)
        assert self._process.returncode == 0, err[-3000:]
        report: dict[str, Any] = json.loads(out.splitlines()[-1])
        return report


@contextmanager
def mixed_load(uri: str, token: str, spools: Path, *, timeout: float = 8.0, **more: str) -> Iterator[LoadProcess]:
    """A load on that server, begun, whose calls have `timeout` seconds; killed at the end if it still runs."""
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {"TRACKWAY_URI": uri, "TRACKWAY_TOKEN": token, "TRACKWAY_SPOOL_DIR": str(spools), "PYTHONPATH": paths}
    process = subprocess.Popen(
        [sys.executable, "-m", "support.mixed_load", str(timeout)],
        env={**os.environ, **variables, **more},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        load = LoadProcess(process)
        load.expect("begun")
        yield load
    finally:
        process.kill()
        process.communicate()

"""Importing and logging load nothing that is slow: no gRPC, protobuf or numpy in a training process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FORBIDDEN = ("grpc", "google.protobuf", "numpy", "trackway.client", "trackway.api")
SLOW = (
    *FORBIDDEN,
    "asyncio",
    "logging",
    "json",
    "typing",
    "re",
    "dataclasses",
    "inspect",
    "pathlib",
    "threading",
    "enum",
)
LOGGING = """
with trackway.start_run(run_name="r", tags={"a": "b"}) as run:
    trackway.log_metric("loss", 1.0, step=1)
    trackway.log_metrics({"a": 1.0, "b": 2.0})
    trackway.log_param("n", 3)
    trackway.set_tag("t", "v")
    trackway.log_text("x", "x.txt")
"""


def loaded(code: str, spools: Path) -> set[str]:
    script = f"import sys\nimport trackway\n{code}\nprint(*sys.modules)"
    variables = {**os.environ, "TRACKWAY_SPOOL_DIR": str(spools), "TRACKWAY_UPLINK": "off"}
    # -S and -I: what the environment's own start-up loads is not ours.
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {json.dumps(sys.path)}\n{script}"],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stdout.split())


def test_importing_loads_nothing_slow(spools: Path) -> None:
    assert loaded("", spools).isdisjoint(SLOW)


def test_logging_loads_nothing_slow(spools: Path) -> None:
    assert loaded(LOGGING, spools).isdisjoint(SLOW)


@pytest.mark.parametrize("name", ["sklearn", "pyfunc", "MlflowClient"])
def test_names_that_load_more_are_not_loaded_by_others(spools: Path, name: str) -> None:
    before = loaded("", spools)
    assert "trackway.flavors" not in before
    assert len(loaded(f"trackway.{name}", spools)) > len(before)

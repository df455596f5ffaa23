"""Interpreters with MLflow: the peer's, MLflow 2's, and MLflow 3's beside the libraries whose loggers write to it.

And one with Trackway, too, as a user's has: MLflow from one of those environments, Trackway from this folder as
`pip install -e` lays it out, with the entry points by which MLflow finds it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from trackway.testing import LocalServer

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-peer" / "bin" / "python"
MLFLOW2 = ROOT / ".venv-mlflow2" / "bin" / "python"
LIBRARIES = ROOT / ".venv-mlflow3" / "bin" / "python"
MISSING = "MLflow has an environment of its own: make bench makes it"
NOT_MADE = "needs an environment of its own: make test-mlflow makes it"
needs_libraries = pytest.mark.skipif(not LIBRARIES.exists(), reason=f"scikit-learn, torch and others: {NOT_MADE}")


def clients(group: str = "mlflow") -> list[object]:
    """The two newest lines of MLflow's client, for pytest.mark.parametrize; each in an xdist group of its own."""
    return [
        pytest.param(
            python,
            id=name,
            marks=[
                pytest.mark.skipif(not python.exists(), reason=f"{name} {NOT_MADE}"),
                pytest.mark.xdist_group(f"{group} {name}"),
            ],
        )
        for name, python in (("mlflow3", PEER), ("mlflow2", MLFLOW2))
    ]


_BUILD = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
_SITE = "import sysconfig; print(sysconfig.get_paths()['purelib'])"


def interpreter(folder: Path, mlflow: Path = PEER) -> Path:
    """The Python of a new environment in `folder`, beside that of `mlflow`.

    What that one lacks (gRPC) is taken from the one that runs this.
    """
    place = folder / "environment"
    subprocess.run([mlflow, "-m", "venv", "--without-pip", place], check=True)
    python = place / "bin" / "python"
    site = Path(_said(python, "-c", _SITE))
    with zipfile.ZipFile(folder / _said(sys.executable, "-c", _BUILD, folder)) as wheel:
        wheel.extractall(site)
    others = [_said(mlflow, "-c", _SITE), sysconfig.get_paths()["purelib"]]
    (site / "others.pth").write_text("\n".join(others) + "\n")
    return python


def variables(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """What a process of that environment is started with: nothing of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "TRACKWAY_UPLINK_IDLE")}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
    spools = {"TRACKWAY_SPOOL_DIR": str(home / "spools"), "HOME": str(home)}
    silent = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    return {**kept, **silent, **spools, **more}


def rest(server: LocalServer) -> dict[str, str]:
    """Where MLflow's own HTTP client finds `server`."""
    return {"MLFLOW_TRACKING_URI": server.http_url, "MLFLOW_TRACKING_TOKEN": server.token}


def plugin(server: LocalServer) -> dict[str, str]:
    """Where the plugin finds `server`."""
    return {"MLFLOW_TRACKING_URI": server.uri, "TRACKWAY_TOKEN": server.token}


def quiet() -> dict[str, str]:
    """What keeps the libraries quick and quiet."""
    return {
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": str(Path(tempfile.gettempdir()) / "trackway-tests-fonts"),  # made once: it takes seconds
        "OMP_NUM_THREADS": "1",
        "GIT_PYTHON_REFRESH": "quiet",
        # What a model needs is not looked for in a process that loads it, which takes seconds.
        "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "0",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }


def told(python: Path, story: str, home: Path, *arguments: str, **environment: str) -> str:
    """What a program prints, which must succeed."""
    done = subprocess.run(
        [python, "-c", story, *arguments],
        env=variables(home, {**quiet(), **environment}),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _said(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[-1]

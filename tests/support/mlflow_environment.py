"""An interpreter that has both MLflow and Trackway installed, as a user's has: MLflow from the environment of `make
bench`, Trackway from this folder as `pip install -e` lays it out, with the entry points by which MLflow finds it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-peer" / "bin" / "python"
MISSING = "MLflow has an environment of its own: make bench makes it"

_BUILD = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
_SITE = "import sysconfig; print(sysconfig.get_paths()['purelib'])"


def interpreter(folder: Path) -> Path:
    """The Python of a new environment in `folder`. What MLflow's lacks (gRPC) is taken from the one that runs this."""
    place = folder / "environment"
    subprocess.run([PEER, "-m", "venv", "--without-pip", place], check=True)
    python = place / "bin" / "python"
    site = Path(_said(python, "-c", _SITE))
    with zipfile.ZipFile(folder / _said(sys.executable, "-c", _BUILD, folder)) as wheel:
        wheel.extractall(site)
    others = [_said(PEER, "-c", _SITE), sysconfig.get_paths()["purelib"]]
    (site / "others.pth").write_text("\n".join(others) + "\n")
    return python


def variables(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """What a process of that environment is started with: nothing of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "TRACKWAY_UPLINK_IDLE")}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
    spools = {"TRACKWAY_SPOOL_DIR": str(home / "spools"), "HOME": str(home)}
    silent = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    return {**kept, **silent, **spools, **more}


def _said(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[-1]

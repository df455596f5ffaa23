"""The generated code is what the protos say, and the protos are in order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_generated_code_is_up_to_date() -> None:
    if not (ROOT / ".venv-gen" / "bin" / "python").exists():
        pytest.fail("the generator's environment is missing; run `make gen` (or `make test`, which makes it)")
    done = subprocess.run([sys.executable, "protos/gen.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [("lint", "protos"), ("format", "protos", "--diff", "--exit-code")])
def test_buf_is_content(command: tuple[str, ...]) -> None:
    buf = Path(sys.executable).with_name("buf")
    done = subprocess.run([buf, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

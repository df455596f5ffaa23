"""Files stay small enough to be read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST_LINES = 700
FOLDERS = ("client", "services", "tests", "benchmarks", "protos")
GENERATED = ROOT / "client" / "trackway" / "api"


def test_no_file_is_too_long() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if not path.is_relative_to(GENERATED)]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert len(files) > 50
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_module_is_named_for_nothing() -> None:
    names = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
    assert [
        path for folder in ("client", "services") for path in (ROOT / folder).rglob("*.py") if path.name in names
    ] == []

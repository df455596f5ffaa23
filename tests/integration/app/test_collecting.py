"""`trackway server gc` on SQLite files: what it says, what it removes, and when it does not run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from trackway_server.app.collecting import main
from trackway_server.app.data_dir import claimed_data_dir
from trackway_server.app.options import Target
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.tracking.domain import runs
from trackway_server.tracking.domain.model import RunStart
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.sql import SqlTracking

T = TypeVar("T")
RUN, KEPT = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def log_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loggers keep the stream of their first line, here one that is closed after a test."""
    monkeypatch.setattr("trackway_server.app.migrating.configure_log", lambda: None)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a run that is deleted and one that is not."""
    for name in ("TRACKWAY_DATABASE_URL", "TRACKWAY_DATABASE_URL_FILE", "TRACKWAY_TRACKING_RETENTION_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    upgrade(tmp_path / "tracking.db", MIGRATIONS)

    def fill(unit: TrackingUnit) -> None:
        for run_id in (RUN, KEPT):
            runs.start_run(unit, "default", run_id, RunStart(start_time_us=1), 1)
        runs.delete_run(unit, "default", RUN)

    stored(tmp_path, fill)
    return tmp_path


def stored(data: Path, work: Callable[[TrackingUnit], T]) -> T:
    """Run `work` over the store in the directory."""

    async def write() -> T:
        database = open_sqlite(data / "tracking.db")
        try:
            return await SqlTracking(database).write(work)
        finally:
            await database.close()

    return asyncio.run(write())


def collected(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """What the command says in JSON."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def told(*, dry_run: bool, runs: int) -> dict[str, object]:
    """What it says where there is nothing but runs without points."""
    return {"dry_run": dry_run, "runs": runs, "point_bytes": 0, "logged_models": 0, "experiments": 0}


def test_a_dry_run_removes_nothing_and_the_command_does(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--data-dir", str(data), "--older-than", "0s"]
    assert collected(capsys, *given, "--dry-run") == told(dry_run=True, runs=1)
    assert stored(data, lambda unit: unit.run(RUN)) is not None
    assert main(given) == 0
    assert RUN in capsys.readouterr().out
    assert stored(data, lambda unit: (unit.run(RUN), unit.run(KEPT) is not None)) == (None, True)
    assert collected(capsys, *given) == told(dry_run=False, runs=0)


def test_what_is_deleted_lately_stays(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert collected(capsys, "--data-dir", str(data))["runs"] == 0
    assert stored(data, lambda unit: unit.run(RUN)) is not None


def test_it_does_not_run_beside_a_server(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with claimed_data_dir(data, Target.ALL):
        assert main(["--data-dir", str(data)]) == 1
    assert "in use by another server" in capsys.readouterr().err


def test_where_nothing_is_it_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data-dir", str(tmp_path / "none")]) == 1
    assert "there is no" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("text", ["30", "d", "1.5d", "1w"])
def test_a_wrong_time_is_one_clear_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--older-than", text])
    assert "a number and a unit" in capsys.readouterr().err

"""Migrations: up from nothing, not again, not from the future, and the check of tables against them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from trackway_server.core.db.migrate import check, current, head, upgrade
from trackway_server.core.lifecycle import StartupError

ENV = """
from sqlalchemy import MetaData
from trackway_server.core.db.alembic_env import run
run(MetaData())
"""
FIRST = """
import sqlalchemy as sa
from alembic import op
revision = "0001"
down_revision = None
def upgrade() -> None:
    op.create_table("things", sa.Column("id", sa.Integer, primary_key=True))
"""
SECOND = """
import sqlalchemy as sa
from alembic import op
revision: str = "0002"
down_revision: str | None = "0001"
def upgrade() -> None:
    op.add_column("things", sa.Column("name", sa.String(20)))
    {more}
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENV)
    (folder / "versions" / "0001_first.py").write_text(FIRST)
    return folder


def add_second(scripts: Path, more: str = "pass") -> None:
    (scripts / "versions" / "0002_second.py").write_text(SECOND.format(more=more))


def columns(database: Path) -> list[str]:
    with sqlite3.connect(database) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(things)")]


def test_up_from_nothing_and_on(scripts: Path, tmp_path: Path) -> None:
    database = tmp_path / "a b%c?#.db"
    assert current(database) is None
    upgrade(database, scripts)
    assert (current(database), head(scripts), columns(database)) == ("0001", "0001", ["id"])
    add_second(scripts)
    assert head(scripts) == "0002"
    upgrade(database, scripts)
    assert (current(database), columns(database)) == ("0002", ["id", "name"])


def test_a_migration_that_fails_leaves_nothing_behind(scripts: Path, tmp_path: Path) -> None:
    upgrade(tmp_path / "a.db", scripts)
    add_second(scripts, more='op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(StartupError, match="cannot migrate"):
        upgrade(tmp_path / "a.db", scripts)
    assert (current(tmp_path / "a.db"), columns(tmp_path / "a.db")) == ("0001", ["id"])


def test_a_database_from_the_future_is_refused(scripts: Path, tmp_path: Path) -> None:
    upgrade(tmp_path / "a.db", scripts)
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartupError, match="newer Trackway"):
        upgrade(tmp_path / "a.db", scripts)


def test_what_is_no_database_is_refused(scripts: Path, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database, certainly" * 100)
    with pytest.raises(StartupError, match="cannot open"):
        upgrade(tmp_path / "a.db", scripts)


def test_at_head_alembic_is_not_imported(scripts: Path, tmp_path: Path) -> None:
    upgrade(tmp_path / "a.db", scripts)
    code = (
        "import sys; from pathlib import Path; from trackway_server.core.db.migrate import upgrade;"
        f"upgrade(Path({str(tmp_path / 'a.db')!r}), Path({str(scripts)!r})); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_check_tells_tables_that_differ(scripts: Path, tmp_path: Path) -> None:
    fitting, other = MetaData(), MetaData()
    Table("things", fitting, Column("id", Integer, primary_key=True))
    Table("things", other, Column("id", Integer, primary_key=True), Column("more", String))
    assert check(scripts, fitting, tmp_path / "a.db") == []
    assert check(scripts, other, tmp_path / "b.db") != []

"""Rows that somebody smuggled into the database by hand are refused when they are used, and can be deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql

from support.artifact_indexes import OWNER, artifact, open_index, put_all
from support.hostile_paths import REFUSED
from trackway_server.artifacts.domain.listing import Listing, list_page
from trackway_server.artifacts.domain.paths import ArtifactPath, parse_folder
from trackway_server.artifacts.domain.ports import ArtifactIndex
from trackway_server.artifacts.store import artifact_rows, folder_rows
from trackway_server.core.errors import DomainError, Reason

DIGEST = "sha256:" + "0" * 64


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[ArtifactIndex]:
    async with open_index("sqlite", tmp_path) as opened:
        yield opened


def execute(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "artifacts.db")) as connection, connection:
        connection.execute(statement, values)


def smuggle(folder: Path, path: str, digest: str = DIGEST) -> None:
    execute(folder, "INSERT INTO artifacts VALUES (?, ?, ?, ?, 1, 1)", "default", OWNER.name, path, digest)


async def refuses(answer: Awaitable[Any], reason: Reason) -> None:
    with pytest.raises(DomainError) as refusal:
        await answer
    assert refusal.value.reason is reason


@pytest.mark.parametrize("path", [path for path in REFUSED if len(path) < 1000])
async def test_a_smuggled_path_is_never_answered(index: ArtifactIndex, tmp_path: Path, path: str) -> None:
    await put_all(index, "good")
    smuggle(tmp_path, path)
    smuggle(tmp_path, f"sub/{path}")
    for folder in (None, parse_folder("sub")):
        await refuses(list_page(index, Listing(OWNER, folder, True), 0, ""), Reason.ARTIFACT_PATH_INVALID)
        await refuses(index.create_manifest(OWNER, folder, 1), Reason.ARTIFACT_PATH_INVALID)
    for entry in await entries(index, "sub"):
        assert path not in entry
    assert (await index.get(OWNER, ArtifactPath("good"))).path.text == "good"
    await index.delete(OWNER, ArtifactPath("sub"))
    assert await index.files_below(OWNER, parse_folder("sub"), start="sub/", limit=9) == []


async def entries(index: ArtifactIndex, folder: str) -> list[str]:
    try:
        page = await list_page(index, Listing(OWNER, parse_folder(folder), False), 0, "")
    except DomainError as refusal:
        assert refusal.reason is Reason.ARTIFACT_PATH_INVALID
        return []
    return [entry.path.text for entry in page.entries]


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "sha256:../../../etc/passwd", "sha256:" + "A" * 64])
async def test_a_smuggled_digest_never_names_a_place(index: ArtifactIndex, tmp_path: Path, digest: str) -> None:
    smuggle(tmp_path, "a", digest)
    await refuses(index.get(OWNER, ArtifactPath("a")), Reason.BLOB_CORRUPT)
    await refuses(index.children(OWNER, None, start="", limit=9), Reason.BLOB_CORRUPT)
    await refuses(index.create_manifest(OWNER, None, 1), Reason.BLOB_CORRUPT)
    await index.put(artifact("a"))
    assert await index.get(OWNER, ArtifactPath("a")) == artifact("a")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE manifest_entries SET digest = 'sha256:' || substr(digest, 8, 63) || 'x'",
        f"UPDATE manifest_entries SET digest = '{DIGEST}' WHERE path = 'a'",
        "UPDATE manifest_entries SET size_bytes = 7 WHERE path = 'a'",
        "UPDATE manifest_entries SET path = 'c' WHERE path = 'a'",
        "DELETE FROM manifest_entries WHERE path = 'a'",
        f"INSERT INTO manifest_entries SELECT workspace, digest, 'c', '{DIGEST}', 1 FROM manifests",
    ],
)
async def test_a_changed_manifest_no_longer_has_its_digest(index: ArtifactIndex, tmp_path: Path, change: str) -> None:
    await put_all(index, "a", "b")
    made = await index.create_manifest(OWNER, None, 1)
    execute(tmp_path, change)
    await refuses(index.manifest("default", made.digest), Reason.BLOB_CORRUPT)


async def test_a_smuggled_path_in_a_manifest(index: ArtifactIndex, tmp_path: Path) -> None:
    await put_all(index, "a")
    made = await index.create_manifest(OWNER, None, 1)
    execute(tmp_path, "UPDATE manifest_entries SET path = '../a'")
    await refuses(index.manifest("default", made.digest), Reason.ARTIFACT_PATH_INVALID)


class _Result:
    def all(self) -> list[Any]:
        return []


class Spoken:
    """A connection that only notes what PostgreSQL would be told."""

    dialect = postgresql.dialect()

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, statement: Any) -> _Result:
        self.statements.append(str(statement.compile(dialect=self.dialect)))
        return _Result()


def test_postgresql_is_asked_in_its_own_words() -> None:
    """PostgreSQL's writers do not see each other's rows: the paths of one owner are locked for a transaction."""
    connection: Any = Spoken()
    artifact_rows.lock_owner(connection, OWNER)
    folder_rows.children(connection, OWNER, parse_folder("a"), start="a/", limit=5)
    lock, listing = connection.statements
    assert "pg_advisory_xact_lock(hashtextextended(" in lock
    assert "WITH RECURSIVE" in listing
    assert "strpos(" in listing
    assert "instr(" not in listing

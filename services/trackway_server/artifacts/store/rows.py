"""Rows into values. What the database says is checked as if a stranger had sent it.

Store functions fetch all rows before they convert one: a conversion that raises would leave the statement unfinished,
and SQLite keeps the reader on its old snapshot until it is finished.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from trackway_server.artifacts.domain.artifacts import Artifact, FileEntry, Owner
from trackway_server.artifacts.domain.digests import Digest, corrupt
from trackway_server.artifacts.domain.paths import ArtifactPath
from trackway_server.core.errors import DomainError


def digest_of(row: Row[Any]) -> Digest:
    """The row's digest. Raises DomainError(BLOB_CORRUPT) where the text is none."""
    try:
        return Digest(row.digest)
    except DomainError as error:
        raise corrupt("sha256:" + "0" * 64) from error


def file_of(row: Row[Any]) -> FileEntry:
    """A file as a listing or a manifest shows it."""
    return FileEntry(ArtifactPath(row.path), digest_of(row), row.size_bytes)


def artifact_of(owner: Owner, row: Row[Any]) -> Artifact:
    """A file of the owner."""
    return Artifact(owner, ArtifactPath(row.path), digest_of(row), row.size_bytes, row.create_time_us)

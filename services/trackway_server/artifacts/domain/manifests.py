"""Manifests: sets of files for ever, identified by what they hold (artifacts/v1/resources.proto)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from trackway_server.artifacts.domain.artifacts import FileEntry
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.paths import ArtifactPath, Folder, prefix_of
from trackway_server.core.errors import DomainError, Reason

MAX_FILES = 10_000
# A manifest travels in one message, and gRPC clients take 4 MiB unless told otherwise.
MAX_MESSAGE_BYTES = 3 << 20
ENTRY_OVERHEAD_BYTES = 96


@dataclass(frozen=True, slots=True)
class Manifest:
    """A set of files. `entries` are sorted by path, each path relative to the manifest's root."""

    digest: Digest
    entries: tuple[FileEntry, ...]

    @classmethod
    def of(cls, entries: Iterable[FileEntry]) -> Self:
        """The manifest of these files. Raises DomainError(LIMIT_EXCEEDED) for more than one message can carry."""
        ordered = tuple(sorted(entries, key=lambda entry: entry.path))
        _check_limits(ordered)
        return cls(manifest_digest(ordered), ordered)

    @property
    def size_bytes(self) -> int:
        """The sum of the files' sizes."""
        return sum(entry.size_bytes for entry in self.entries)


def manifest_digest(ordered: Iterable[FileEntry]) -> Digest:
    """The SHA-256 of one line `DIGEST SIZE PATH\\n` a file, sorted by path as UTF-8 bytes."""
    lines = (f"{entry.digest} {entry.size_bytes} {entry.path}\n".encode() for entry in ordered)
    return Digest.of_hex(hashlib.sha256(b"".join(lines)).hexdigest())


def relative_to(folder: Folder, entry: FileEntry) -> FileEntry:
    """A file as an entry of the manifest of `folder`; the manifest of one file holds it under its name."""
    if folder == entry.path:
        return FileEntry(ArtifactPath(entry.path.name), entry.digest, entry.size_bytes)
    inner = entry.path.text.removeprefix(prefix_of(folder))
    return FileEntry(ArtifactPath(inner), entry.digest, entry.size_bytes)


def message_bytes(path: ArtifactPath) -> int:
    """About how many bytes a file with this path adds to a message."""
    return len(path.text.encode()) + ENTRY_OVERHEAD_BYTES


def manifest_not_found(digest: Digest) -> DomainError:
    """The refusal of a digest that is no manifest's of the workspace."""
    return DomainError(Reason.MANIFEST_NOT_FOUND, f"There is no manifest {digest}.", digest=digest.text)


def manifest_file_not_found(path: ArtifactPath) -> DomainError:
    """The refusal of a path under which a manifest has no file."""
    return DomainError(Reason.ARTIFACT_NOT_FOUND, f"The manifest has no file {path.text!r}.", owner="", path=path.text)


def _check_limits(entries: tuple[FileEntry, ...]) -> None:
    if len(entries) > MAX_FILES:
        raise _too_large("manifest_files", MAX_FILES)
    if sum(message_bytes(entry.path) for entry in entries) > MAX_MESSAGE_BYTES:
        raise _too_large("manifest_bytes", MAX_MESSAGE_BYTES)


def _too_large(limit: str, maximum: int) -> DomainError:
    return DomainError(
        Reason.LIMIT_EXCEEDED,
        f"The folder has more than a manifest holds ({limit}: at most {maximum}); pack its files into an archive.",
        limit=limit,
        maximum=str(maximum),
    )

"""Manifests: the files of a version, identified by a digest over their canonical text.

The text is one line `DIGEST SIZE PATH\\n` a file, sorted by path as UTF-8 bytes (artifacts/v1/resources.proto).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.paths import is_normal_path


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One file: its path relative to the manifest's root, the digest of its bytes, and their number."""

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A set of files for ever."""

    digest: str
    entries: tuple[ManifestEntry, ...]

    @property
    def size_bytes(self) -> int:
        """The sum of the files' sizes."""
        return sum(entry.size_bytes for entry in self.entries)

    @property
    def content(self) -> bytes:
        """The canonical text as UTF-8, of which `digest` is the SHA-256."""
        return "".join(f"{entry.digest} {entry.size_bytes} {entry.path}\n" for entry in self.entries).encode()


def manifest_of(digest: str, entries: Iterable[ManifestEntry]) -> Manifest:
    """The manifest, once it is proven: the digest is that of the entries, and every path stays below the root.

    Raises DomainError(DIGEST_MISMATCH) and DomainError(ARTIFACT_PATH_INVALID).
    """
    manifest = Manifest(digest, tuple(sorted(entries, key=lambda entry: entry.path.encode())))
    _check_paths(manifest)
    _check_digest(digest, manifest.content)
    return manifest


def parse_manifest(digest: str, content: bytes) -> Manifest:
    """The manifest of a canonical text as UTF-8, proven as in `manifest_of`."""
    _check_digest(digest, content)
    manifest = Manifest(digest, tuple(map(_parse_line, content.decode().split("\n")[:-1])))
    _check_paths(manifest)
    return manifest


def _parse_line(line: str) -> ManifestEntry:
    digest, size, path = line.split(" ", 2)
    return ManifestEntry(path, digest, int(size))


def _check_paths(manifest: Manifest) -> None:
    for entry in manifest.entries:
        if not is_normal_path(entry.path):
            raise DomainError(
                Reason.ARTIFACT_PATH_INVALID,
                f"The manifest has a file at {entry.path!r}, which is no path below its root; nothing of it is used.",
                path=entry.path,
            )


def _check_digest(expected: str, content: bytes) -> None:
    actual = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if actual != expected:
        raise DomainError(
            Reason.DIGEST_MISMATCH,
            f"The manifest {expected} does not list the files it was made of; nothing of it is used.",
            expected=expected,
            actual=actual,
        )

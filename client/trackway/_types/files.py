"""Files of a run, and sets of files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file or folder among the artifacts of a run. `digest` is `sha256:…`, empty for a folder."""

    path: str
    is_dir: bool
    file_size: int | None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file of a manifest; its path is relative to the manifest's root."""

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A set of files for ever, known by the digest of the list of their digests."""

    digest: str
    size_bytes: int
    files: tuple[ManifestFile, ...]

    def __iter__(self) -> Iterator[ManifestFile]:
        return iter(self.files)

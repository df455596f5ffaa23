"""Digests of files and manifests, checked against what the server says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from trackway import types
from trackway.errors import DataLoss

_CHUNK = 1024 * 1024


def digest_of(hasher: hashlib._Hash) -> str:
    """The digest as the protocol writes it: `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hasher.hexdigest()}"


def file_digest(path: Path) -> str:
    """The digest of a file's bytes."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return digest_of(hasher)


def manifest_digest(manifest: types.Manifest) -> str:
    """The digest of a manifest's list of files: one line `DIGEST SIZE PATH` each, sorted by path as UTF-8 bytes."""
    files = sorted(manifest.files, key=lambda file: file.path.encode())
    lines = (f"{file.digest} {file.size_bytes} {file.path}\n".encode() for file in files)
    return digest_of(hashlib.sha256(b"".join(lines)))


def verify_manifest(manifest: types.Manifest, wanted: str) -> types.Manifest:
    """The manifest, once it is known to be the one that was asked for. Raises DataLoss."""
    actual = manifest_digest(manifest)
    if actual != wanted:
        raise DataLoss(f"the server answered another manifest ({actual}) than {wanted}: do not use its files")
    return manifest

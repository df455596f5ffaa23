"""Writing small files whole."""

from __future__ import annotations

import os

_COPY_CHUNK = 1 << 20


def write_file(path: str, source: int, data: bytes | None) -> None:
    """Write a file whole: a copy of the descriptor `source`, or `data`. Raises OSError; a part may be left."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        if data is None:
            while chunk := os.read(source, _COPY_CHUNK):
                _write_all(fd, chunk)
        else:
            _write_all(fd, data)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]

"""One blob on its way out of the local directory, as synchronous steps that run in worker threads, one at a time."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator

from trackway_server.artifacts.domain.digests import Digest, corrupt
from trackway_server.artifacts.store.blob_check import PIECE_BYTES
from trackway_server.artifacts.store.blob_directory import BlobDirectory

SLICE_PIECES = 2


class OutgoingBlob:
    """Reads a blob from its beginning, to check all of it, and gives out what lies behind `offset`."""

    def __init__(self, directory: BlobDirectory, digest: Digest, size_bytes: int, offset: int) -> None:
        self._directory = directory
        self._digest = digest
        self._size_bytes = size_bytes
        self._offset = offset
        # A cancelled call closes while a step of it may still run in another thread.
        self._lock = threading.Lock()
        self._sha256 = hashlib.sha256()
        self._position = 0
        self._descriptor: int | None = None
        self._ended = False

    def next_pieces(self) -> list[bytes] | None:
        """The next slice, in pieces (none of one that lies before the offset); None at the end.

        Raises DomainError(BLOB_CORRUPT) in place of the last slice where the whole has another digest.
        """
        with self._lock:
            if self._ended:
                return None
            pieces = list(self._read_slice(self._opened()))
            if self._position == self._size_bytes:
                self._ended = True
                if self._sha256.hexdigest() != self._digest.hex:
                    raise corrupt(self._digest.text)
            return pieces

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._ended = True
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = self._directory.open_blob(self._digest, self._size_bytes)
        if self._descriptor is None:
            raise corrupt(self._digest.text)
        return self._descriptor

    def _read_slice(self, descriptor: int) -> Iterator[bytes]:
        for _ in range(SLICE_PIECES):
            start = self._position
            data = os.read(descriptor, min(PIECE_BYTES, self._size_bytes - start))
            if not data and start < self._size_bytes:
                raise corrupt(self._digest.text)
            self._sha256.update(data)
            self._position = start + len(data)
            if data and self._position > self._offset:
                yield data[max(self._offset - start, 0) :]

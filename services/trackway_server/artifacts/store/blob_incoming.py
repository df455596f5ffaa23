"""One blob on its way into the local directory, as synchronous steps that run in worker threads, one at a time."""

from __future__ import annotations

import hashlib
import os
import threading

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.store.blob_check import check_received
from trackway_server.artifacts.store.blob_directory import BlobDirectory, sync

# Brought to the disk as it comes: every other fsync on the file system, the databases' too, would wait behind a
# gigabyte left for the end.
SYNC_BYTES = 32 << 20


class IncomingBlob:
    """A file that grows in `incoming/` until it is kept or discarded. It is made when the first bytes come."""

    def __init__(self, directory: BlobDirectory) -> None:
        self._directory = directory
        # A cancelled call discards while a step of it may still run in another thread.
        self._lock = threading.Lock()
        self._sha256 = hashlib.sha256()
        self._size_bytes = 0
        self._unsynced_bytes = 0
        self._file: tuple[str, int] | None = None
        self._ended = False

    def append(self, data: bytes | bytearray) -> None:
        """Write the next bytes; without effect after the end."""
        with self._lock:
            if not self._ended:
                self._append(data)

    def keep(self, data: bytes | bytearray, digest: Digest, size_bytes: int) -> None:
        """Write the last bytes and make it a blob. Raises DomainError(DIGEST_MISMATCH) if it is not that one."""
        with self._lock:
            if self._ended:
                return
            self._append(data)
            actual = Digest.of_hex(self._sha256.hexdigest())
            check_received(digest, size_bytes, actual, self._size_bytes)
            name, descriptor = self._opened()
            self._directory.keep(name, descriptor, digest, size_bytes)

    def discard(self) -> None:
        """End it: close the file and remove it from `incoming/`. A blob that was kept stays."""
        with self._lock:
            self._ended = True
            if self._file is None:
                return
            (name, descriptor), self._file = self._file, None
            try:
                self._directory.discard_incoming(name)
            finally:
                os.close(descriptor)

    def _opened(self) -> tuple[str, int]:
        if self._file is None:
            self._file = self._directory.create_incoming()
        return self._file

    def _append(self, data: bytes | bytearray) -> None:
        _, descriptor = self._opened()
        self._sha256.update(data)
        self._size_bytes += len(data)
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
        self._unsynced_bytes += len(data)
        if self._unsynced_bytes >= SYNC_BYTES:
            sync(descriptor)
            self._unsynced_bytes = 0

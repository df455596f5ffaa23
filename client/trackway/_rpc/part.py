"""A file that is being received: beside its destination under a name of its own, and there only when it is whole."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from trackway._ids import new_id
from trackway._rpc.digests import digest_of
from trackway.errors import DataLoss


class Part:
    """Bytes received so far. Those methods that move bytes block: call them in a thread."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        destination.parent.mkdir(parents=True, exist_ok=True)
        self._path = destination.parent / f".trackway-{new_id()}.part"
        # Exclusive, so that nobody's link is followed; the mode is the user's own choice (umask).
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")
        self._hasher = hashlib.sha256()
        self.size = 0

    def append(self, data: bytes) -> None:
        """Take the next bytes."""
        self._file.write(data)
        self._hasher.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Forget what was received."""
        self._file.seek(0)
        self._file.truncate()
        self._hasher = hashlib.sha256()
        self.size = 0

    def place(self, digest: str, size: int) -> Path:
        """Put the whole file where it belongs, at once, in place of what is there. Raises DataLoss where the bytes are
        others than those of `digest`."""
        if self.size != size or digest_of(self._hasher) != digest:
            raise DataLoss(
                f"{self._destination.name!r} arrived damaged: {self.size} of {size} bytes; download it again"
            )
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._path.replace(self._destination)

    def close(self) -> None:
        """Leave nothing behind, unless it was placed."""
        self._file.close()
        self._path.unlink(missing_ok=True)

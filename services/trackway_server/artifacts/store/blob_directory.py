"""The local directory of blobs, as synchronous file operations: `sha256/ab/cdef…` and `incoming/`.

Every name below the root is either a constant, random, or hexadecimal digits of a Digest, and is opened relative to its
directory's descriptor without following a symbolic link. A blob appears by `link` from a file that was synced before,
so it is there whole or not at all, after a crash too.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trackway_server.artifacts.domain.digests import Digest

BLOBS = "sha256"
INCOMING = "incoming"
SHARD_DIGITS = 2
CHECK_BYTES = 4 << 20

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a FIFO that stands in a blob's place would wait for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOCK = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


class BlobDirectory:
    """A directory of blobs. Its methods may run in any thread; they raise OSError where the file system does."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._blobs = _open_directory(BLOBS, self._root)
            self._incoming = _open_directory(INCOMING, self._root)
            _make_shards(self._blobs)
        except BaseException:
            os.close(self._root)
            raise

    def close(self) -> None:
        """Close the directories; nothing may be used afterwards."""
        for descriptor in (self._incoming, self._blobs, self._root):
            os.close(descriptor)

    def sweep(self) -> int:
        """Remove the incoming files that a crash left behind; their number. Those of a living server are locked."""
        return sum(self._sweep_one(name) for name in os.listdir(self._incoming))  # noqa: PTH208

    def create_incoming(self) -> tuple[str, int]:
        """A new empty file for a blob to be: its name and a descriptor for writing, which holds the file's lock."""
        while True:
            name = secrets.token_hex(16)
            descriptor = os.open(name, _CREATE, 0o600, dir_fd=self._incoming)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return name, descriptor
            os.close(descriptor)  # another server's sweep came between open and lock

    def discard_incoming(self, name: str) -> None:
        """Remove an incoming file; without effect where it is gone."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._incoming)

    def keep(self, name: str, descriptor: int, digest: Digest, size_bytes: int) -> None:
        """Make the incoming file the blob with this digest, which it has. The blob is durable when this returns."""
        sync(descriptor)
        with self._shard(digest) as (shard, blob):
            try:
                os.link(name, blob, src_dir_fd=self._incoming, dst_dir_fd=shard, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS | {errno.EEXIST}:
                    raise
                if error.errno != errno.EEXIST or not _is_whole(shard, blob, digest, size_bytes):
                    os.replace(name, blob, src_dir_fd=self._incoming, dst_dir_fd=shard)
            sync(shard)
        self.discard_incoming(name)

    def open_blob(self, digest: Digest, size_bytes: int) -> int | None:
        """A descriptor for reading the blob; None where there is no regular file of this size in its place."""
        try:
            with self._shard(digest) as (shard, blob):
                return _open_regular(shard, blob, size_bytes)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}:
                return None
            raise

    def delete(self, digest: Digest) -> bool:
        """Remove what stands in the blob's place; False where nothing did. Directories are never removed."""
        try:
            with self._shard(digest) as (shard, blob):
                os.unlink(blob, dir_fd=shard)
                sync(shard)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EPERM}:
                return False
            raise
        return True

    @contextmanager
    def _shard(self, digest: Digest) -> Iterator[tuple[int, str]]:
        """The directory a blob lies in, and its name there."""
        shard, blob = digest.hex[:SHARD_DIGITS], digest.hex[SHARD_DIGITS:]
        descriptor = os.open(shard, _DIRECTORY, dir_fd=self._blobs)
        try:
            yield descriptor, blob
        finally:
            os.close(descriptor)

    def _sweep_one(self, name: str) -> bool:
        try:
            descriptor = os.open(name, _LOCK, dir_fd=self._incoming)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.discard_incoming(name)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True


def sync(descriptor: int) -> None:
    """Bring what the descriptor refers to onto the disk."""
    if sys.platform == "darwin":  # where fsync stops at the disk's own cache
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _open_directory(name: str, parent: int) -> int:
    """Open the directory, made durably if it is not there. OSError where it is a link or no directory."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent)
    sync(parent)
    return os.open(name, _DIRECTORY, dir_fd=parent)


def _make_shards(blobs: int) -> None:
    """Make all 256 of them at once: made one by one, each would cost an upload a sync of its parent."""
    for number in range(16**SHARD_DIGITS):
        with suppress(FileExistsError):
            os.mkdir(f"{number:0{SHARD_DIGITS}x}", 0o700, dir_fd=blobs)
    sync(blobs)


def _open_regular(directory: int, name: str, size_bytes: int) -> int | None:
    descriptor = os.open(name, _READ, dir_fd=directory)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size == size_bytes:
        return descriptor
    os.close(descriptor)
    return None


def _is_whole(directory: int, name: str, digest: Digest, size_bytes: int) -> bool:
    """Whether the blob that is there already can be read and has its digest."""
    try:
        descriptor = _open_regular(directory, name, size_bytes)
    except OSError:
        return False
    if descriptor is None:
        return False
    try:
        sha256 = hashlib.sha256()
        while data := os.read(descriptor, CHECK_BYTES):
            sha256.update(data)
        return sha256.hexdigest() == digest.hex
    finally:
        os.close(descriptor)

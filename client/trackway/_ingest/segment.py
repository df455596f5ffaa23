"""The segment being written: a mapped file of fixed size, or a file that grows by write(2)."""

from __future__ import annotations

import mmap
import os

from trackway._ingest.spool import HEADER, MAGIC, RECORD, segment_name

SIZES = (256 << 10, 1 << 20, 4 << 20, 16 << 20)


def segment_size(number: int, needed: int) -> int:
    """How large to make segment `number` for a payload of `needed` bytes: small for a short run, then growing."""
    page = mmap.PAGESIZE
    smallest = HEADER.size + RECORD.size + needed
    return max(SIZES[min(number, len(SIZES) - 1)], -(-smallest // page) * page)


def create_segment(directory: str, number: int, writer_id: str, first_sequence: int, needed: int) -> tuple[int, int]:
    """Make a preallocated segment and answer (file descriptor, size).

    Raises OSError (ENOSPC) where the disk is full; no file is left then. Preallocation is what keeps a full disk from
    killing the process through the mapping (SIGBUS).
    """
    final = os.path.join(directory, segment_name(number))
    draft = f"{final}.new"
    size = segment_size(number, needed)
    fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _allocate(fd, size)
        os.pwrite(fd, HEADER.pack(MAGIC, bytes.fromhex(writer_id), first_sequence, number), 0)
        os.rename(draft, final)
    except BaseException:
        os.close(fd)
        _remove(draft)  # an exception out of a signal handler may come when it has its name already
        raise
    return fd, size


def remove_segment(directory: str, number: int) -> None:
    """Remove a segment that was made and never written: its making was interrupted."""
    _remove(os.path.join(directory, segment_name(number)))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _allocate(fd: int, size: int) -> None:
    """Give the file `size` bytes that are really there. Raises OSError where the disk has not so many."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
        return
    for offset in range(0, size, 1 << 16):
        os.pwrite(fd, bytes(min(1 << 16, size - offset)), offset)


def create_growing_segment(directory: str, number: int, writer_id: str, first_sequence: int) -> int:
    """Make an empty segment to append to with write(2), and answer its file descriptor. Raises OSError."""
    final = os.path.join(directory, segment_name(number))
    draft = f"{final}.new"
    fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, HEADER.pack(MAGIC, bytes.fromhex(writer_id), first_sequence, number))
        os.rename(draft, final)
    except BaseException:
        os.close(fd)
        _remove(draft)  # an exception out of a signal handler may come when it has its name already
        raise
    return fd

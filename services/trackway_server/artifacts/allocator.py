"""The C library's allocator, told that this process moves megabytes all the time.

glibc takes every block above 128 KiB from the kernel and gives it back when it is freed, so each 1 MiB message costs
256 page faults, several times: most of the server's work on an upload, measured. Blocks of up to 4 MiB are kept for the
next message instead, at most 8 MiB of them.
"""

from __future__ import annotations

import ctypes
import sys

# malloc.h of glibc
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3

KEPT_BLOCK_BYTES = 4 << 20
KEPT_BYTES = 8 << 20


def keep_freed_blocks() -> bool:
    """Set the allocator of this process; whether there is one to be set. Setting it again changes nothing."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))

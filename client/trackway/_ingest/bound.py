"""How much the spools below one root may hold: `TRACKWAY_SPOOL_MAX_BYTES`, by default as much as the disk.

It is looked at when a segment is begun or a file snapshot taken, over all spools of the root, so the processes of a
host share it; each may overrun it by the segment that it is writing.
"""

from __future__ import annotations

import os
from errno import EDQUOT

from trackway.errors import InvalidArgument


def check_bound(root: str, needed: int) -> None:
    """Raise OSError (EDQUOT) where `needed` more bytes would pass the bound, InvalidArgument where it is no number."""
    setting = os.environ.get("TRACKWAY_SPOOL_MAX_BYTES")
    if not setting:
        return
    if not setting.isdecimal():
        raise InvalidArgument(f"TRACKWAY_SPOOL_MAX_BYTES must be a number of bytes, not {setting!r:.80}")
    held = held_bytes(root)
    if held + needed > int(setting):
        what = f"the spools below {root} hold {held:,} bytes, and TRACKWAY_SPOOL_MAX_BYTES allows {int(setting):,}"
        raise OSError(EDQUOT, what)


def held_bytes(folder: str) -> int:
    """The bytes of all files below a folder, as far as they are there: a sender takes some away meanwhile."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    total += held_bytes(entry.path) if is_folder else entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    except FileNotFoundError:
        return 0
    return total

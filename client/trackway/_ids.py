"""Identifiers that the client chooses: UUIDv7 (RFC 9562) as 32 lower-case hexadecimal digits, ordered by time."""

from __future__ import annotations

import os
import time


def new_id() -> str:
    """48 bits of Unix milliseconds, then 74 random bits around the version and the variant."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = (milliseconds << 16) | (7 << 12) | (random >> 68)
    low = (0b10 << 62) | (random & (2**62 - 1))
    return f"{(high << 64) | low:032x}"

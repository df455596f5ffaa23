"""Identifiers: UUIDv7 as 32 lower-case hexadecimal digits, so that ids sort by the time they were made."""

from __future__ import annotations

import secrets
import time


def new_id() -> str:
    """A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits around the version and variant."""
    milliseconds = time.time_ns() // 1_000_000
    random_a = secrets.randbits(12)
    random_b = secrets.randbits(62)
    return f"{(milliseconds << 80) | (7 << 76) | (random_a << 64) | (0b10 << 62) | random_b:032x}"

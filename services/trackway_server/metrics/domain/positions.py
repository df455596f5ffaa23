"""Where a follower stands: of each writer of each subject, what it has been sent. As bytes, an opaque token.

The format, version 1: `TWF1`, 8 bytes that stand for the question (which subjects and series), then for each subject,
in the order of their ids, a little-endian u32, the number of its writers, and so many records of _WRITER: the writer's
id, the sequence to go on from, and how many points of that record have been sent already.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.selecting import Selection

_MAGIC = b"TWF1"
_COUNT = struct.Struct("<I")
_WRITER = np.dtype([("writer_id", "<u8", 2), ("sequence", "<u8"), ("sent", "<u8")])
_BEYOND = 2**63


@dataclass(slots=True)
class Position:
    """Of each subject's writers: the sequence to go on from, and how many points of that record have been sent."""

    writers: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)

    def of(self, subject_id: str, writer_id: str) -> tuple[int, int]:
        """Where one writer stands; at its beginning where nothing is known."""
        return self.writers.get(subject_id, {}).get(writer_id, (0, 0))

    def advance(self, subject_id: str, writer_id: str, sequence: int, sent: int = 0) -> None:
        """Note that everything below `sequence` has been sent, and so many points of the record that has it."""
        self.writers.setdefault(subject_id, {})[writer_id] = (sequence, sent)


def encode_position(position: Position, subject_ids: Sequence[str], selection: Selection) -> bytes:
    """The token of `position`, for the question that the subjects and the selection are."""
    parts = [_MAGIC, _question(subject_ids, selection)]
    for subject_id in sorted(set(subject_ids)):
        writers = sorted(position.writers.get(subject_id, {}).items())
        rows = np.empty(len(writers), dtype=_WRITER)
        names = bytes.fromhex("".join(writer_id for writer_id, _ in writers))
        rows["writer_id"] = np.frombuffer(names, dtype="<u8").reshape(-1, 2)
        rows["sequence"] = [sequence for _, (sequence, _) in writers]
        rows["sent"] = [sent for _, (_, sent) in writers]
        parts += [_COUNT.pack(len(writers)), rows.tobytes()]
    return b"".join(parts)


def decode_position(token: bytes, subject_ids: Sequence[str], selection: Selection) -> Position:
    """The position of a token. Raises RESUME_TOKEN_INVALID where it is none of the same question."""
    head = len(_MAGIC) + 8
    if token[:head] != _MAGIC + _question(subject_ids, selection):
        raise _invalid()
    position, at = Position(), head
    try:
        for subject_id in sorted(set(subject_ids)):
            (count,) = _COUNT.unpack_from(token, at)
            rows = np.frombuffer(token, dtype=_WRITER, count=count, offset=at + _COUNT.size)
            at += _COUNT.size + rows.nbytes
            if (rows["sequence"] >= _BEYOND).any() or (rows["sent"] >= _BEYOND).any():
                raise _invalid()
            names = [row.tobytes().hex() for row in np.ascontiguousarray(rows["writer_id"])]
            places = zip(rows["sequence"].tolist(), rows["sent"].tolist(), strict=True)
            position.writers[subject_id] = dict(zip(names, places, strict=True))
    except (struct.error, ValueError):
        raise _invalid() from None
    if at != len(token):
        raise _invalid()
    return position


def _question(subject_ids: Sequence[str], selection: Selection) -> bytes:
    asked = [sorted(set(subject_ids)), sorted(set(selection.keys)), dict(selection.context), selection.any_context]
    return hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=8).digest()


def _invalid() -> DomainError:
    return DomainError(
        Reason.RESUME_TOKEN_INVALID,
        "position is not one that Follow answered for the same runs and series; start without one.",
    )

"""What a writer sends and what becomes of it, as values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.points import Block, UInt64s
from trackway_server.metrics.domain.summaries import Summaries

MAX_SEQUENCE = 2**63 - 1
"""The greatest ordinal, and the greatest epoch: both are signed 64-bit columns."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A writer as it opens a stream."""

    writer_id: str
    subject_id: str
    principal: str
    workspace: str
    epoch: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriterCursor:
    """Where a writer stands. `durable_sequence` records are stored, whose rolling checksum is `prefix_checksum`."""

    writer_id: str
    subject_id: str
    principal: str
    workspace: str
    epoch: int
    durable_sequence: int = 0
    prefix_checksum: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    last_heard_us: int = 0


@dataclass(frozen=True, slots=True)
class SeriesDefinition:
    """A writer's own number for a series of its subject. `context` is canonical JSON, see canonical_context."""

    sequence: int
    series_id: int
    key: str
    context: str


@dataclass(frozen=True, slots=True)
class SubjectRecord:
    """A record that the subject's service understands and this package does not."""

    sequence: int
    payload: object


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """Records that are not stored and must not be sent again, with the reason they share."""

    sequences: UInt64s
    reason: Reason
    message: str

    @staticmethod
    def of(sequence: int, refused: DomainError) -> Refusal:
        """The refusal of one record."""
        return Refusal(np.array([sequence], dtype=np.uint64), refused.reason, refused.message)

    def from_sequence(self, sequence: int) -> Refusal:
        """The part whose ordinals are `sequence` or greater."""
        return Refusal(self.sequences[self.sequences >= np.uint64(sequence)], self.reason, self.message)


@dataclass(frozen=True, slots=True, eq=False)
class Append:
    """The records `first_sequence` to `end_sequence - 1` of a writer, each kind in the order of their ordinals."""

    first_sequence: int
    record_count: int
    record_checksums: bytes | None = None
    """One CRC-32 a record, four bytes little-endian each; None: the writer's history is not checked."""
    prefix_checksum: int = 0
    definitions: tuple[SeriesDefinition, ...] = ()
    blocks: tuple[Block, ...] = ()
    subject_records: tuple[SubjectRecord, ...] = ()
    refused: tuple[Refusal, ...] = ()
    size: int = 0
    """Bytes of memory that it holds, about."""

    @property
    def end_sequence(self) -> int:
        """The ordinal after the last covered."""
        return self.first_sequence + self.record_count


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """The points of one commit, encoded. `series` are the writer's numbers in it, rising, as little-endian u32."""

    first_sequence: int
    end_sequence: int
    point_count: int
    series: bytes
    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Commit:
    """What one transaction stores of one writer: `first_sequence` to `end_sequence - 1`."""

    first_sequence: int
    end_sequence: int
    prefix_checksum: int
    """The rolling checksum at `end_sequence`."""
    definitions: tuple[SeriesDefinition, ...]
    subject_records: tuple[SubjectRecord, ...]
    refused: tuple[Refusal, ...]
    segment: Segment | None
    summaries: Summaries | None
    """Of the segment's points, `series` being the writer's numbers; None without a segment."""


def canonical_context(context: Mapping[str, str]) -> str:
    """The one text of a context: JSON with sorted keys, no spaces, nothing escaped; empty for no context."""
    if not context:
        return ""
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def context_digest(context: str) -> str:
    """What stands for a canonical context in an index: 32 hexadecimal digits of BLAKE2b; empty for no context."""
    return hashlib.blake2b(context.encode(), digest_size=16).hexdigest() if context else ""

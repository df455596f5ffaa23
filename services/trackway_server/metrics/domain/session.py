"""The Ingest protocol as a state machine: what one stream of a writer may send, and what of it is to be stored.

It does no input or output. A stream is: `open_writer` in a transaction, then for each append `WriterSession.accept`,
and for one or more accepted appends in a row `commit_records` in a transaction. Whatever is lost or repeated in
between (a stream, an acknowledgement, the process), every record is stored once: the cursor and the records it counts
share a transaction, and a commit is refused unless it begins exactly where the stored cursor stands, under the epoch
that opened the stream last.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from trackway_server.core.admission import Admission
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.points import Block, Bools, Int64s, UInt32s
from trackway_server.metrics.domain.ports import IngestUnit, MetricUnit
from trackway_server.metrics.domain.records import (
    MAX_SEQUENCE,
    Append,
    Commit,
    Opening,
    Refusal,
    SeriesDefinition,
    SubjectRecord,
    WriterCursor,
)
from trackway_server.metrics.domain.summaries import Summaries


class SeriesNumbers:
    """The store's numbers of the series that a writer has defined, by the writer's own."""

    def __init__(self, own: UInt32s, stored: Int64s) -> None:
        self._stored = np.full(int(own.max(initial=0)) + 1, -1, dtype=np.int64)
        self._stored[own] = stored

    def without(self, stored: Collection[int]) -> SeriesNumbers:
        """The same, with some of the store's numbers as if they were not defined."""
        own = np.flatnonzero(self.defined & ~np.isin(self._stored, list(stored)))
        return SeriesNumbers(own.astype(np.uint32), self._stored[own])

    @property
    def defined(self) -> Bools:
        """Whether each number from 0 on is defined."""
        return self._stored >= 0

    def define(self, own: UInt32s, stored: Int64s) -> None:
        """Note further series."""
        needed = int(own.max(initial=0)) + 1
        if needed > len(self._stored):
            grown = np.full(max(needed, 2 * len(self._stored)), -1, dtype=np.int64)
            grown[: len(self._stored)] = self._stored
            self._stored = grown
        self._stored[own] = stored

    def renumbered(self, summaries: Summaries) -> Summaries:
        """`summaries` with the store's numbers in place of the writer's."""
        renumbered = summaries.copy()
        renumbered["series"] = self._stored[summaries["series"]]
        return renumbered


@dataclass(frozen=True, slots=True, eq=False)
class OpenedWriter:
    """A writer as the store knows it at the opening of a stream."""

    cursor: WriterCursor
    series: SeriesNumbers
    admission: Admission | None = None
    """Asked before every commit; None where the writer's role in the workspace suffices for all that lies there."""


@dataclass(frozen=True, slots=True, eq=False)
class Accepted:
    """What is to be stored of an append, after trimming."""

    first_sequence: int
    end_sequence: int
    prefix_checksum: int
    """The rolling checksum at `end_sequence`."""
    definitions: tuple[SeriesDefinition, ...]
    blocks: tuple[Block, ...]
    subject_records: tuple[SubjectRecord, ...]
    refused: tuple[Refusal, ...]
    size: int


def open_writer(metrics: MetricUnit, opening: Opening, now_us: int) -> OpenedWriter:
    """Let `opening` be the current stream of its writer; all older streams are fenced.

    Raises WRITER_FENCED where a stream of this or a later epoch was opened before, WRITER_FOREIGN where the writer
    belongs to another principal or subject.
    """
    if not 0 < opening.epoch <= MAX_SEQUENCE:
        raise DomainError(Reason.INVALID_FIELD, f"epoch must be from 1 to {MAX_SEQUENCE}.", field="open.epoch")
    known = metrics.writer(opening.writer_id)
    if known is None:
        cursor = WriterCursor(
            opening.writer_id, opening.subject_id, opening.principal, opening.workspace, opening.epoch
        )
    else:
        check_owner(known, opening)
        if opening.epoch <= known.epoch:
            raise fenced(opening.writer_id, known.epoch)
        cursor = known
    cursor = replace(cursor, epoch=opening.epoch, labels=dict(opening.labels), last_heard_us=now_us)
    metrics.put_writer(cursor)
    return OpenedWriter(cursor, SeriesNumbers(*metrics.defined_series(cursor.writer_id)))


def open_named(admission: Admission | None, unit: IngestUnit, opening: Opening, now_us: int) -> OpenedWriter:
    """open_writer for an opening that calls its subject by the name that clients know, and for a caller whose role in
    the workspace may not suffice (`admission` None: it does).

    Raises also what SubjectRecords.subject and SubjectRecords.admit raise.
    """
    subject_id = unit.subjects.subject(opening.subject_id, opening.workspace, admission)
    if admission is not None:
        unit.subjects.admit(opening.workspace, subject_id, (), admission)
    opened = open_writer(unit.metrics, replace(opening, subject_id=subject_id), now_us)
    if admission is not None and (forbidden := unit.subjects.forbidden_series(subject_id, admission)):
        opened = replace(opened, series=opened.series.without(forbidden))
    return replace(opened, admission=admission)


def permitted(unit: IngestUnit, append: Append, admission: Admission) -> Append:
    """`append` without the series that the caller may not define, which are refused; the session then refuses their
    points, for want of a definition."""
    refused = unit.subjects.forbidden(append.definitions, admission)
    gone = {sequence for refusal in refused for sequence in refusal.sequences.tolist()}
    kept = tuple(definition for definition in append.definitions if definition.sequence not in gone)
    return replace(append, definitions=kept, refused=(*append.refused, *refused))


def commit_records(unit: IngestUnit, opened: OpenedWriter, commit: Commit, now_us: int) -> list[Refusal]:
    """Store `commit` with the cursor, for the stream that `opened` describes. Answers every refusal in its range.

    Raises WRITER_FENCED where another stream was opened since, and what the subject's service raises; nothing is then
    stored.
    """
    writer_id, epoch = opened.cursor.writer_id, opened.cursor.epoch
    cursor = unit.metrics.writer(writer_id)
    if cursor is None or cursor.epoch != epoch or cursor.durable_sequence != commit.first_sequence:
        raise fenced(writer_id, cursor.epoch if cursor else 0)
    advanced = replace(
        cursor,
        durable_sequence=commit.end_sequence,
        prefix_checksum=commit.prefix_checksum,
        last_heard_us=now_us,
    )
    if opened.admission is not None:
        unit.subjects.admit(cursor.workspace, cursor.subject_id, commit.subject_records, opened.admission)
    refused = unit.subjects.apply(cursor, commit.subject_records, commit.refused, now_us)
    store_points(unit.metrics, opened, commit)
    unit.metrics.put_writer(advanced)
    return [*commit.refused, *refused]


def store_points(metrics: MetricUnit, opened: OpenedWriter, commit: Commit) -> None:
    """Store series and points of a commit."""
    if commit.definitions:
        stored = metrics.define_series(opened.cursor, commit.definitions)
        opened.series.define(np.array([d.series_id for d in commit.definitions], dtype=np.uint32), stored)
    if commit.segment is not None and commit.summaries is not None:
        metrics.add_segment(opened.cursor.writer_id, commit.segment)
        metrics.add_unfolded(opened.cursor.subject_id, opened.series.renumbered(commit.summaries))


class WriterSession:
    """One stream of a writer, as far as its appends are accepted (not yet: stored)."""

    def __init__(self, opened: OpenedWriter, max_series: int) -> None:
        self.cursor = opened.cursor
        self._accepted = opened.cursor.durable_sequence
        self._checksum = opened.cursor.prefix_checksum
        self._max_series = max_series
        self._defined: Bools = opened.series.defined

    @property
    def accepted_sequence(self) -> int:
        """The ordinal of the next record to accept."""
        return self._accepted

    def accept(self, append: Append) -> Accepted | None:
        """What is to be stored of `append`; None where all of it was accepted before.

        Raises SEQUENCE_GAP, WRITER_DIVERGED or INVALID_FIELD, which end the stream.
        """
        if append.end_sequence > MAX_SEQUENCE:
            raise DomainError(Reason.INVALID_FIELD, "The append ends beyond the last ordinal.", field="append")
        if append.first_sequence > self._accepted:
            raise self._gap(append)
        overlap = self._accepted - append.first_sequence
        if overlap > append.record_count:
            return None
        start = self._accepted
        self._advance(append, overlap)
        return self._trimmed(append, start) if append.end_sequence > start else None

    def _advance(self, append: Append, overlap: int) -> None:
        """Move the accepted sequence and its checksum to the end of `append`, if their histories agree."""
        checksums = append.record_checksums
        if checksums is None:
            checksums = bytes(4 * append.record_count)
        elif len(checksums) != 4 * append.record_count:
            raise DomainError(
                Reason.INVALID_FIELD,
                f"record_checksums must have 4 bytes a record, {4 * append.record_count} in all.",
                field="append.record_checksums",
            )
        elif zlib.crc32(checksums[: 4 * overlap], append.prefix_checksum) != self._checksum:
            raise diverged(self.cursor.writer_id, self._accepted)
        self._checksum = zlib.crc32(memoryview(checksums)[4 * overlap :], self._checksum)
        self._accepted = append.end_sequence

    def _trimmed(self, append: Append, start: int) -> Accepted:
        refused = [r for r in (refusal.from_sequence(start) for refusal in append.refused) if len(r.sequences)]
        definitions: list[SeriesDefinition] = []
        for definition in append.definitions:
            if definition.sequence >= start:
                self._define(definition, definitions, refused)
        blocks: list[Block] = []
        for block in append.blocks:
            rest = block.from_sequence(start)
            if rest.row_count:
                self._take(rest, blocks, refused)
        return Accepted(
            start,
            append.end_sequence,
            self._checksum,
            tuple(definitions),
            tuple(blocks),
            tuple(record for record in append.subject_records if record.sequence >= start),
            tuple(refused),
            append.size,
        )

    def _define(
        self, definition: SeriesDefinition, definitions: list[SeriesDefinition], refused: list[Refusal]
    ) -> None:
        """Take a definition, or refuse one whose number is out of range or taken."""
        number = definition.series_id
        if number >= self._max_series:
            limit = DomainError(
                Reason.LIMIT_EXCEEDED,
                f"A writer may define {self._max_series} series, numbered from 0; put what varies into steps or tags.",
            )
            refused.append(Refusal.of(definition.sequence, limit))
        elif number < len(self._defined) and self._defined[number]:
            taken = DomainError(Reason.INVALID_FIELD, f"series_id {number} is defined already; take the next number.")
            refused.append(Refusal.of(definition.sequence, taken))
        else:
            self._mark_defined(number)
            definitions.append(definition)

    def _take(self, block: Block, blocks: list[Block], refused: list[Refusal]) -> None:
        """Take a block, or refuse one that names a series not defined before it."""
        within = block.series[block.series < len(self._defined)]
        known = self._defined[within]
        if len(within) == len(block.series) and known.all():
            blocks.append(block)
            return
        beyond = block.series[block.series >= len(self._defined)]
        number = int((beyond if len(beyond) else within[~known])[0])
        message = f"series_id {number} has no SeriesDefinition of this writer before the block; define it first."
        refused.append(Refusal(np.unique(block.sequences), Reason.SERIES_UNDEFINED, message))

    def _mark_defined(self, number: int) -> None:
        if number >= len(self._defined):
            grown = np.zeros(max(number + 1, 2 * len(self._defined)), dtype=np.bool_)
            grown[: len(self._defined)] = self._defined
            self._defined = grown
        self._defined[number] = True

    def _gap(self, append: Append) -> DomainError:
        return DomainError(
            Reason.SEQUENCE_GAP,
            f"The append begins at {append.first_sequence}, beyond {self._accepted}; send from the durable sequence.",
            writer_id=self.cursor.writer_id,
            durable_sequence=str(self._accepted),
        )


def check_owner(known: WriterCursor, opening: Opening) -> None:
    """Raise WRITER_FOREIGN where the writer is somebody else's, or something else's."""
    owner = (known.subject_id, known.principal, known.workspace)
    if owner != (opening.subject_id, opening.principal, opening.workspace):
        raise DomainError(
            Reason.WRITER_FOREIGN,
            "The writer id belongs to another principal or subject; choose a random one for each spool.",
            writer_id=opening.writer_id,
        )


def fenced(writer_id: str, epoch: int) -> DomainError:
    """The refusal of a stream that is not its writer's newest."""
    return DomainError(
        Reason.WRITER_FENCED,
        "A newer stream of this writer is open; leave the records to it, or open again with a greater epoch.",
        writer_id=writer_id,
        epoch=str(epoch),
    )


def diverged(writer_id: str, durable_sequence: int) -> DomainError:
    """The refusal of a history that is not the one stored."""
    return DomainError(
        Reason.WRITER_DIVERGED,
        "Another history was recorded under this writer id; a spool must be written by one process only.",
        writer_id=writer_id,
        durable_sequence=str(durable_sequence),
    )

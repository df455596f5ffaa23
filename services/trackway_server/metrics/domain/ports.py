"""The ports of metrics: what the rules of this package ask of a store, and of the service that owns the subjects.

Everything here is called inside one transaction. Adapters: `store/memory.py` (the reference) and `store/sql.py`;
`tests/conformance/stores` states what each must do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from trackway_server.core.admission import Admission
from trackway_server.metrics.domain.chunks import ChunkEntry, Move, Range, WaitingSegment
from trackway_server.metrics.domain.points import Int64s, UInt32s
from trackway_server.metrics.domain.records import Refusal, Segment, SeriesDefinition, SubjectRecord, WriterCursor
from trackway_server.metrics.domain.summaries import Summaries

UnitT_co = TypeVar("UnitT_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Series:
    """A series of a subject. `number` is the store's own; `context` is canonical JSON."""

    number: int
    subject_id: str
    key: str
    context: str


SUMMARY_FIELDS = (
    *("count", "nan_count", "last_key", "last_step", "last_time", "min_key", "min_step", "max_key", "max_step"),
    *("first_key", "first_step", "first_time", "first_nan_step", "firsts_known"),
)
"""What of a summary is answered, see domain/summaries.py."""
SummaryRow: TypeAlias = Sequence[Any]
"""Subject id, key and context of a series, then the SUMMARY_FIELDS of its summary, as stored."""


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment in the index of its writer: what it stores of the ordinals `first_sequence` to `end_sequence - 1`."""

    first_sequence: int
    end_sequence: int
    point_count: int
    """Points of all series together."""
    series: bytes
    """The writer's numbers of the series in it, rising, as little-endian u32."""


@dataclass(frozen=True, slots=True)
class Unfolded:
    """Summaries of new points that were taken to be folded."""

    number: int
    """Of the first of them; 0 where there are none."""
    parts: Sequence[Summaries]


class MetricUnit(Protocol):
    """The metrics of all subjects, within one transaction."""

    def writer(self, writer_id: str) -> WriterCursor | None:
        """The cursor of a writer; in a write transaction it is locked until the end."""
        ...

    def put_writer(self, cursor: WriterCursor) -> None:
        """Store a cursor, new or changed. Subject, principal and workspace never change."""
        ...

    def writers(self, subject_id: str, after: str, limit: int) -> list[WriterCursor]:
        """Up to `limit` writers of a subject whose id is greater than `after`, by id."""
        ...

    def drop_unused_writers(self, before_us: int, limit: int) -> int:
        """Forget up to `limit` writers that have no record stored and were last heard of before then; how many."""
        ...

    def defined_series(self, writer_id: str) -> tuple[UInt32s, Int64s]:
        """The numbers that a writer has given to series, and the store's numbers of the same series."""
        ...

    def define_series(self, cursor: WriterCursor, definitions: Sequence[SeriesDefinition]) -> Int64s:
        """Give a writer's numbers to series, which are made where the subject has none of that key and context.

        Answers the store's number of each.
        """
        ...

    def series(self, subject_id: str, key: str, context: str | None) -> list[Series]:
        """The series of a key; of one context where it is given."""
        ...

    def series_page(self, subject_id: str, key: str, after: int, limit: int) -> list[Series]:
        """Up to `limit` series of a subject by (key, context digest), after the series numbered `after` (0: from the
        start), of one key where `key` is given."""
        ...

    def series_of_subjects(self, subject_ids: Sequence[str], context: str | None, limit: int) -> list[Series]:
        """The series of several subjects by (subject, key), up to `limit` in all; of one context where it is given."""
        ...

    def summary_rows(self, subject_ids: Sequence[str], context: str | None, limit: int) -> Sequence[SummaryRow]:
        """The folded summaries of the series that series_of_subjects answers; those without points are left out."""
        ...

    def columns(self, number: int) -> list[tuple[str, int]]:
        """Under which (writer id, writer's number) the points of a series stand, by writer id."""
        ...

    def add_segment(self, writer_id: str, segment: Segment) -> None:
        """Store a segment."""
        ...

    def segment_index(self, writer_id: str, after: int, limit: int) -> list[SegmentEntry]:
        """Up to `limit` segments of a writer that end after the ordinal `after` (-1: all), in order."""
        ...

    def segment_data(self, writer_id: str, first_sequences: Sequence[int]) -> list[bytes]:
        """The bytes of some segments, in order."""
        ...

    def chunks(self, series: Sequence[int], within: Range | None) -> list[ChunkEntry]:
        """The chunks of some series (the store's numbers) by (series, number): those that may have a point `within`.

        A point stands in exactly one place: in a segment of its writer (`segment_index`) or in a chunk of its series.
        The compactor moves it from one to the other at any time, so a read that needs all points of a range asks for
        chunks and segments, and for their bytes, in ONE transaction. What needs several reads one range of keys
        (steps, times, or a writer's sequences) after the other, each whole in a transaction of its own; never one
        place after the other.
        """
        ...

    def chunk_rows(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """The bytes of some row sets (`ChunkEntry.rows`), by number: chunk_codec.decode_rows reads them.

        Missing is what is no longer there.
        """
        ...

    def chunk_values(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """The values of some chunks (`ChunkEntry.number`), by number: chunk_codec.decode_values reads them."""
        ...

    def chunk_rollups(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """The roll-ups of some chunks (`ChunkEntry.number`), by number: chunk_codec.decode_rollup reads them.

        Empty where a chunk has none: fewer points than ROLLED_UP_POINTS, which are read as fast.
        """
        ...

    def waiting_subjects(self, after: str, limit: int) -> list[str]:
        """Up to `limit` subjects that have segments and whose id is greater than `after`, by id."""
        ...

    def waiting_segments(self, subject_id: str, limit: int) -> list[WaitingSegment]:
        """Up to `limit` segments of a subject by (writer id, first sequence)."""
        ...

    def count_segments(self) -> int:
        """How many segments all subjects have."""
        ...

    def lease_compaction(self, subject_id: str, holder: str, now_us: int, until_us: int) -> bool:
        """Let `holder` alone compact the subject until then; whether nobody else has it now. Again by the same: longer.

        `until_us` = `now_us` gives it back.
        """
        ...

    def move(self, subject_id: str, move: Move) -> bool:
        """Store the chunks of `move` in place of the segments and chunks it was made of; whether all were there.

        Where one was not (another compactor was faster, or the subject was purged) nothing is stored. The number of
        a chunk or a row set is never given to another one.
        """
        ...

    def add_unfolded(self, subject_id: str, summaries: Summaries) -> None:
        """Keep summaries of new points until they are folded; `series` are the store's numbers."""
        ...

    def unfolded_subjects(self, among: Collection[str] | None) -> list[str]:
        """Subjects (of `among`; None: all) that have unfolded summaries."""
        ...

    def take_unfolded(self, subject_id: str, limit: int, number: int | None = None) -> Unfolded:
        """Up to `limit` of a subject's unfolded summaries, oldest first, or the one of that number; they are removed.

        Until the transaction ends nobody else folds the subject.
        """
        ...

    def put_back(self, subject_id: str, number: int, summaries: Summaries) -> None:
        """Keep what is left of summaries just taken, under the number of the first of them."""
        ...

    def summaries(self, numbers: Sequence[int]) -> Summaries:
        """The folded summaries of some series, by number, rising; those without points are left out."""
        ...

    def put_summaries(self, summaries: Summaries) -> None:
        """Store summaries, `series` being the store's numbers, for searches too."""
        ...

    def unplaced_subjects(self, limit: int) -> list[str]:
        """Up to `limit` subjects with summaries that searches do not find: an older server has put them."""
        ...

    def place(self, subject_id: str) -> None:
        """Have searches find the summaries of a subject."""
        ...

    def point_bytes(self, subject_id: str) -> int:
        """The encoded size of all points of a subject, in segments and chunks."""
        ...

    def purge(self, subject_id: str, limit: int) -> bool:
        """Remove up to about `limit` rows of what is stored of a subject, for good; whether there is more.

        Nothing may be added to the subject any more; readers find less and less.
        """
        ...

    def reclaim(self, most_bytes: int) -> int:
        """Give up to so much of the room that was freed back to the file system; how much is left to be given back.

        0 where the database does that by itself, or its file cannot shrink.
        """
        ...


class SubjectRecords(Protocol):
    """The service that owns the subjects, within the same transaction."""

    def admit(self, workspace: str, subject_id: str, records: Sequence[SubjectRecord], admission: Admission) -> None:
        """Refuse a caller who may not write `records`, and what else there is, of the subject.

        Called at the opening of a stream, without records, and for every commit, where the caller's role in the
        workspace does not suffice: what is left are roles on single resources. Raises DomainError.
        """
        ...

    def forbidden(self, definitions: Sequence[SeriesDefinition], admission: Admission) -> list[Refusal]:
        """The definitions, of the caller that `admit` is asked about, whose contexts name what is not the caller's to
        measure, each with the reason. Asked once a series, never for points."""
        ...

    def forbidden_series(self, subject_id: str, admission: Admission) -> Collection[int]:
        """The series of a subject, by the store's numbers, whose definitions would be `forbidden` by now.

        Asked at the opening of a stream: roles may have been taken away since the series was defined.
        """
        ...

    def subject(self, name: str, workspace: str, admission: Admission | None) -> str:
        """The id, at most 64 characters, under which the metrics of the subject stand that clients call `name`.

        Raises DomainError where the name is none of this service's, or names what takes no metrics. It tells a caller
        with no role in the workspace (`admission` as for `admit`) nothing of what is there.
        """
        ...

    def apply(
        self, writer: WriterCursor, records: Sequence[SubjectRecord], refused: Sequence[Refusal], now_us: int
    ) -> list[Refusal]:
        """Store `records`, in order, and note `refused` and what it refuses itself, which it answers.

        Called for every commit, also without records. Raises DomainError where the subject can take nothing at all;
        nothing of the commit is then stored and the stream is refused.
        """
        ...


class IngestUnit(Protocol):
    """What a commit needs, within one transaction."""

    @property
    def metrics(self) -> MetricUnit:
        """The metrics."""
        ...

    @property
    def subjects(self) -> SubjectRecords:
        """The service that owns the subjects."""
        ...


class Transactions(Protocol[UnitT_co]):
    """Runs functions over a unit, each in one transaction. What it promises: core/db/database.py, Database."""

    async def read(self, work: Callable[[UnitT_co], T]) -> T:
        """Run `work` over one state of the store."""
        ...

    async def write(self, work: Callable[[UnitT_co], T]) -> T:
        """Run `work`; what it wrote is durable when this returns and undone when it raises."""
        ...

"""What is counted of ingestion: per append and per commit, never per point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trackway_server.core.errors import Reason
from trackway_server.core.telemetry import Telemetry
from trackway_server.metrics.domain.records import Append, Commit, Refusal


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction moved; sizes are of encoded bytes."""

    points: int = 0
    segments: int = 0
    chunks: int = 0
    read_bytes: int = 0
    stored_bytes: int = 0

    def __add__(self, other: Compacted) -> Compacted:
        return Compacted(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


LAG_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)


class IngestTelemetry:
    """The counters of one service that takes metrics."""

    def __init__(self, telemetry: Telemetry, service: str) -> None:
        self._service = service
        self.open_streams = telemetry.gauge(
            "trackway_ingest_open_streams", "Ingest streams that are open.", "service"
        ).labels(service)
        self.held_bytes = telemetry.gauge(
            "trackway_ingest_held_bytes", "Memory of records received and not yet stored, about.", "service"
        ).labels(service)
        self._received_bytes = telemetry.counter(
            "trackway_ingest_received_bytes", "Memory of the records received, about; replayed ones too.", "service"
        ).labels(service)
        self._points = telemetry.counter("trackway_ingest_points", "Points stored.", "service").labels(service)
        self._records = telemetry.counter(
            "trackway_ingest_records", "Records done with: stored, or refused.", "service"
        ).labels(service)
        self._replayed = telemetry.counter(
            "trackway_ingest_replayed_records", "Records received that had been received before.", "service"
        ).labels(service)
        self._refused_records = telemetry.counter(
            "trackway_ingest_refused_records", "Records refused, which are not sent again.", "service", "reason"
        )
        self._refused_streams = telemetry.counter(
            "trackway_ingest_refused_streams", "Streams refused.", "service", "reason"
        )
        self._segment_bytes = telemetry.counter(
            "trackway_ingest_stored_bytes", "Bytes of the encoded segments of points stored.", "service"
        ).labels(service)
        self._commit_seconds = telemetry.histogram(
            "trackway_ingest_commit_seconds",
            "How long one commit of a stream took; their number is `_count`.",
            "service",
        ).labels(service)
        self._lag_seconds = telemetry.histogram(
            "trackway_ingest_lag_seconds",
            "How old the newest point of an append was by its own time when it came in; 0 where it is of the future.",
            "service",
            buckets=LAG_BUCKETS,
        ).labels(service)

    @classmethod
    def apart(cls) -> IngestTelemetry:
        """Counters that nobody reads, for a service on its own."""
        return cls(Telemetry(), "")

    def received(self, append: Append, expected: int, now_us: int) -> None:
        """Told of an append that was accepted when the record `expected` was the next."""
        self._received_bytes.inc(append.size)
        replayed = min(expected - append.first_sequence, append.record_count)
        if replayed > 0:
            self._replayed.inc(replayed)
        if append.blocks and append.blocks[-1].row_count:
            # Blocks come in the order they were logged, so the last holds the newest, or nearly.
            newest_us = int(append.blocks[-1].times.max())
            self._lag_seconds.observe(max(0, now_us - newest_us) / 1e6)

    def committed(self, commit: Commit, refused: Sequence[Refusal], seconds: float) -> None:
        """Told of a commit and of all that was refused in its range."""
        self._commit_seconds.observe(seconds)
        self._records.inc(commit.end_sequence - commit.first_sequence)
        if commit.segment is not None:
            self._points.inc(commit.segment.point_count)
            self._segment_bytes.inc(len(commit.segment.data))
        for refusal in refused:
            self._refused_records.labels(self._service, refusal.reason.name).inc(len(refusal.sequences))

    def refused_stream(self, reason: Reason) -> None:
        """Told of a stream that was refused."""
        self._refused_streams.labels(self._service, reason.name).inc()


class CompactionTelemetry:
    """The counters of the compactor of one service."""

    def __init__(self, telemetry: Telemetry, service: str) -> None:
        self._service = service
        self.waiting_segments = telemetry.gauge(
            "trackway_compaction_waiting_segments", "Segments that are not in chunks, as counted last.", "service"
        ).labels(service)
        self.waiting_subjects = telemetry.gauge(
            "trackway_compaction_waiting_subjects", "Runs with new points that the compactor will look at.", "service"
        ).labels(service)
        self._points = telemetry.counter(
            "trackway_compaction_points", "Points moved from segments to chunks.", "service"
        ).labels(service)
        self._segments = telemetry.counter(
            "trackway_compaction_segments", "Segments moved to chunks.", "service"
        ).labels(service)
        self._chunks = telemetry.counter("trackway_compaction_chunks", "Chunks written.", "service").labels(service)
        self._read_bytes = telemetry.counter(
            "trackway_compaction_read_bytes", "Encoded bytes of segments and chunks read.", "service"
        ).labels(service)
        self._stored_bytes = telemetry.counter(
            "trackway_compaction_stored_bytes", "Encoded bytes of chunks and row sets written.", "service"
        ).labels(service)
        self._seconds = telemetry.histogram(
            "trackway_compaction_seconds", "How long one step of the compactor took.", "service"
        ).labels(service)
        self._failures = telemetry.counter(
            "trackway_compaction_failures", "Steps of the compactor that failed.", "service", "reason"
        )
        self._failed_at = telemetry.gauge(
            "trackway_compaction_last_failure_time_seconds", "When a step failed last; 0: none has.", "service"
        ).labels(service)

    @classmethod
    def apart(cls) -> CompactionTelemetry:
        """Counters that nobody reads, for a compactor on its own."""
        return cls(Telemetry(), "")

    def moved(self, done: Compacted, seconds: float) -> None:
        """Told of a step that moved points."""
        self._points.inc(done.points)
        self._segments.inc(done.segments)
        self._chunks.inc(done.chunks)
        self._read_bytes.inc(done.read_bytes)
        self._stored_bytes.inc(done.stored_bytes)
        self._seconds.observe(seconds)

    def failed(self, reason: Reason, now_us: int) -> None:
        """Told of a step that failed, now."""
        self._failures.labels(self._service, reason.name).inc()
        self._failed_at.set(now_us / 1e6)

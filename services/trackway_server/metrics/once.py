"""Points that come in one call: converted and encoded before the transaction that stores them, counted after it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from trackway.api.metrics.v1 import ingest_pb2
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics import convert
from trackway_server.metrics.domain.once import accept_whole, store_whole
from trackway_server.metrics.domain.ports import MetricUnit
from trackway_server.metrics.domain.records import Append, Commit, Opening
from trackway_server.metrics.endpoint import IngestEndpoint
from trackway_server.metrics.ingest import build_commit

_VALUES_INLINE = 256
"""Converting so many records, with a value each, costs less than handing them to a thread."""


@dataclass(frozen=True, slots=True, eq=False)
class WholePoints:
    """All points of one writer, ready to be stored."""

    opening: Opening
    append: Append
    commit: Commit

    def store(self, metrics: MetricUnit, workspace: str, now_us: int) -> bool:
        """See store_whole. The run lies in `workspace`."""
        return store_whole(metrics, replace(self.opening, workspace=workspace), self.commit, now_us)


async def whole_points(
    ingest: IngestEndpoint,
    message: ingest_pb2.AppendRecords,
    subject_id: str,
    writer_id: str,
    labels: Mapping[str, str],
    principal: str,
) -> WholePoints:
    """The points of a call. Raises DomainError where one of the records breaks a limit."""
    if not writer_id:
        raise DomainError(Reason.INVALID_FIELD, "writer_id must be given with points.", field="writer_id")
    ingest.check_size(message)
    now_us = ingest.clock.now_us()
    opening = Opening(writer_id, subject_id, principal, "", now_us, dict(labels))

    def prepared() -> WholePoints:
        append = convert.append_from_proto(message, ingest.subject_payload)
        accepted = accept_whole(opening, append, ingest.limits.max_series)
        return WholePoints(opening, append, build_commit([accepted]))

    inline = len(message.records) + message.ByteSize() // 8 <= _VALUES_INLINE
    points = prepared() if inline else await asyncio.to_thread(prepared)
    ingest.counts.received(points.append, 0, now_us)
    return points


def note_stored(ingest: IngestEndpoint, points: WholePoints, seconds: float) -> None:
    """Tell those who want to know of new points."""
    ingest.counts.committed(points.commit, (), seconds)
    if points.commit.segment is not None:
        ingest.on_commit(points.opening.subject_id)

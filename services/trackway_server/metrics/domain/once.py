"""Points that come in one call in place of a stream: all that their writer ever says, stored once or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.ports import MetricUnit
from trackway_server.metrics.domain.records import Append, Commit, Opening, WriterCursor
from trackway_server.metrics.domain.session import (
    Accepted,
    OpenedWriter,
    SeriesNumbers,
    WriterSession,
    check_owner,
    diverged,
    fenced,
    store_points,
)


def accept_whole(opening: Opening, append: Append, max_series: int) -> Accepted:
    """What is to be stored of all the records of a writer.

    Raises the refusal of the first record that has one, and what WriterSession.accept raises.
    """
    if append.subject_records:
        message = "points must hold series and points alone; give what else there is in the fields for it."
        raise DomainError(Reason.INVALID_FIELD, message, field="points.records")
    if append.first_sequence:
        message = "points must begin with the first record of their writer, 0."
        raise DomainError(Reason.INVALID_FIELD, message, field="points.first_sequence")
    accepted = WriterSession(_unwritten(opening), max_series).accept(append)
    assert accepted is not None, "an append covers one ordinal at least"
    if accepted.refused:
        refused = accepted.refused[0]
        raise DomainError(refused.reason, refused.message)
    return accepted


def store_whole(metrics: MetricUnit, opening: Opening, commit: Commit, now_us: int) -> bool:
    """Store what `accept_whole` has accepted; False where it is stored already.

    Raises WRITER_FOREIGN, WRITER_FENCED, and WRITER_DIVERGED where the writer has said something else.
    """
    known = metrics.writer(opening.writer_id)
    cursor = known or _cursor(opening)
    if known is not None:
        check_owner(known, opening)
        if known.durable_sequence:
            if (known.durable_sequence, known.prefix_checksum) != (commit.end_sequence, commit.prefix_checksum):
                raise diverged(opening.writer_id, known.durable_sequence)
            return False
        if opening.epoch <= known.epoch:
            raise fenced(opening.writer_id, known.epoch)
    cursor = replace(
        cursor,
        epoch=opening.epoch,
        durable_sequence=commit.end_sequence,
        prefix_checksum=commit.prefix_checksum,
        labels=dict(opening.labels),
        last_heard_us=now_us,
    )
    metrics.put_writer(cursor)
    store_points(metrics, OpenedWriter(cursor, _no_series()), commit)
    return True


def _unwritten(opening: Opening) -> OpenedWriter:
    return OpenedWriter(_cursor(opening), _no_series())


def _cursor(opening: Opening) -> WriterCursor:
    return WriterCursor(opening.writer_id, opening.subject_id, opening.principal, opening.workspace, opening.epoch)


def _no_series() -> SeriesNumbers:
    return SeriesNumbers(np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.int64))

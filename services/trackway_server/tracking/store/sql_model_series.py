"""Which series are about logged models or data sets: noted where they are defined, so that no point is stored twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from trackway_server.core.db.inserts import insert_new
from trackway_server.metrics.domain.points import Int64s
from trackway_server.metrics.domain.ports import Series
from trackway_server.metrics.domain.records import SeriesDefinition, WriterCursor
from trackway_server.metrics.domain.summaries import Summaries
from trackway_server.metrics.store.sql import SqlMetricUnit
from trackway_server.tracking.domain.logged_models import measured
from trackway_server.tracking.store.sql_run_changes import SqlRunChanges
from trackway_server.tracking.store.sql_statements import batches
from trackway_server.tracking.store.tables import LOGGED_MODEL_SERIES, METRICS

_SERIES = select(
    METRICS.series.c.number, METRICS.series.c.subject_id, METRICS.series.c.key, METRICS.series.c.context
).join_from(LOGGED_MODEL_SERIES, METRICS.series, LOGGED_MODEL_SERIES.c.series == METRICS.series.c.number)


class SqlRunMetrics(SqlMetricUnit):
    """The metrics of runs."""

    def __init__(self, connection: Connection, changes: SqlRunChanges, *, writing: bool) -> None:
        super().__init__(connection, METRICS, writing=writing)
        self._changes = changes

    def define_series(self, cursor: WriterCursor, definitions: Sequence[SeriesDefinition]) -> Int64s:
        """See MetricUnit."""
        numbers = super().define_series(cursor, definitions)
        self._note(cursor, zip(numbers.tolist(), definitions, strict=True))
        return numbers

    def put_summaries(self, summaries: Summaries) -> None:
        """See MetricUnit."""
        super().put_summaries(summaries)
        for batch in batches(summaries["series"].tolist()):
            of_runs = select(METRICS.series.c.subject_id).where(METRICS.series.c.number.in_(batch)).distinct()
            self._changes.note(self._connection.execute(of_runs).scalars())

    def place(self, subject_id: str) -> None:
        """See MetricUnit."""
        super().place(subject_id)
        self._changes.note([subject_id])

    def purge(self, subject_id: str, limit: int) -> bool:
        """See MetricUnit."""
        self._changes.note([subject_id])
        return super().purge(subject_id, limit)

    def _note(self, cursor: WriterCursor, defined: Iterable[tuple[int, SeriesDefinition]]) -> None:
        rows = [
            {
                "series": number,
                "model_id": on.model_id,
                "workspace": cursor.workspace,
                "run_id": cursor.subject_id,
                "key": definition.key,
                "dataset_name": on.dataset_name,
                "dataset_digest": on.dataset_digest,
            }
            for number, definition in sorted(defined, key=lambda each: each[0])  # one order: no deadlock
            if (on := measured(definition.context)) is not None
        ]
        if rows:
            self._connection.execute(insert_new(self._connection.dialect.name, LOGGED_MODEL_SERIES), rows)


def series_of_models(connection: Connection, workspace: str, model_ids: Sequence[str], limit: int) -> list[Series]:
    """See LoggedModels.series."""
    noted = LOGGED_MODEL_SERIES.c
    found: list[Series] = []
    for batch in batches(sorted(model_ids)):
        query = _SERIES.where(noted.model_id.in_(batch), noted.workspace == workspace)
        query = query.order_by(noted.model_id, noted.key, noted.run_id, METRICS.series.c.context_digest)
        found += _series(connection, query.limit(limit - len(found)))
    return found


def series_of_runs(connection: Connection, run_ids: Sequence[str], limit: int) -> list[Series]:
    """See LoggedModels.series_of_runs."""
    noted = LOGGED_MODEL_SERIES.c
    found: list[Series] = []
    for batch in batches(sorted(run_ids)):
        query = _SERIES.where(noted.run_id.in_(batch))
        query = query.order_by(noted.run_id, noted.key, METRICS.series.c.context_digest)
        found += _series(connection, query.limit(limit - len(found)))
    return found


def _series(connection: Connection, query: Select[Any]) -> list[Series]:
    return [Series(row.number, row.subject_id, row.key, row.context) for row in connection.execute(query)]

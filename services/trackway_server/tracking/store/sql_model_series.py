"""Which series are metrics of logged models: noted where they are defined, so that no point is stored twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from trackway_server.metrics.domain.points import Int64s
from trackway_server.metrics.domain.ports import Series
from trackway_server.metrics.domain.records import SeriesDefinition, WriterCursor
from trackway_server.metrics.store.sql import SqlMetricUnit
from trackway_server.tracking.domain.logged_models import measured
from trackway_server.tracking.store.sql_statements import batches, insert_of
from trackway_server.tracking.store.tables import LOGGED_MODEL_SERIES, METRICS


class SqlRunMetrics(SqlMetricUnit):
    """The metrics of runs."""

    def __init__(self, connection: Connection, *, writing: bool) -> None:
        super().__init__(connection, METRICS, writing=writing)

    def define_series(self, cursor: WriterCursor, definitions: Sequence[SeriesDefinition]) -> Int64s:
        """See MetricUnit."""
        numbers = super().define_series(cursor, definitions)
        self._note(cursor, zip(numbers.tolist(), definitions, strict=True))
        return numbers

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
            self._connection.execute(insert_of(self._connection, LOGGED_MODEL_SERIES).on_conflict_do_nothing(), rows)


def series_of_models(connection: Connection, workspace: str, model_ids: Sequence[str], limit: int) -> list[Series]:
    """See LoggedModels.series."""
    of_model, series = LOGGED_MODEL_SERIES.c, METRICS.series.c
    found: list[Series] = []
    for batch in batches(sorted(model_ids)):
        query = (
            select(series.number, series.subject_id, series.key, series.context)
            .join_from(LOGGED_MODEL_SERIES, METRICS.series, of_model.series == series.number)
            .where(of_model.model_id.in_(batch), of_model.workspace == workspace)
            .order_by(of_model.model_id, of_model.key, of_model.run_id, series.context_digest)
            .limit(limit - len(found))
        )
        found += [Series(row.number, row.subject_id, row.key, row.context) for row in connection.execute(query)]
    return found

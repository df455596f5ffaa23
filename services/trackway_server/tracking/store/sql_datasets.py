"""The data sets of runs in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, and_, select

from trackway_server.tracking.domain.model import DATASET_TEXTS, DatasetInput, RunsQuery, UsedDataset, View
from trackway_server.tracking.store.dataset_codec import decode_tags, encode_tags
from trackway_server.tracking.store.sql_bindings import bound_experiments
from trackway_server.tracking.store.tables import DATASET_INPUTS, RUNS

DATASET_COLUMNS = (*DATASET_TEXTS, "tags")
"""The columns that may be long."""
_PLAIN = tuple(name for name in DatasetInput.__dataclass_fields__ if name != "tags")


def dataset_row(one: DatasetInput) -> dict[str, str]:
    """The columns of a data set, but its run's."""
    return {name: getattr(one, name) for name in _PLAIN} | {"tags": encode_tags(one.tags)}


def dataset_of(row: RowMapping) -> DatasetInput:
    """The data set of a row."""
    return DatasetInput(**{name: row[name] for name in _PLAIN}, tags=decode_tags(row["tags"]))


def used_datasets(connection: Connection, query: RunsQuery, limit: int) -> list[UsedDataset]:
    """See TrackingUnit."""
    columns = [RUNS.c.experiment_id, *(DATASET_INPUTS.c[name] for name in ("name", "digest", "context"))]
    wanted: Any = and_(RUNS.c.workspace == query.workspace, RUNS.c.experiment_id.in_(query.experiment_ids))
    if query.view is not View.ALL:
        wanted = and_(wanted, RUNS.c.deleted.is_(query.view is View.DELETED_ONLY))
    if query.bound_to:
        wanted = and_(wanted, RUNS.c.experiment_id.in_(bound_experiments(query.bound_to)))
    # Texts in the order of code points, as everywhere, whatever the database's language is.
    order = [columns[0], *(_by_code_points(connection, column) for column in columns[1:])]
    rows = (
        select(*columns)
        .join_from(DATASET_INPUTS, RUNS, DATASET_INPUTS.c.run_id == RUNS.c.run_id)
        .where(wanted)
        .group_by(*columns)
        .order_by(*order)
        .limit(limit)
    )
    return [UsedDataset(*row) for row in connection.execute(rows)]


def _by_code_points(connection: Connection, column: Any) -> Any:
    return column.collate("C") if connection.dialect.name == "postgresql" else column

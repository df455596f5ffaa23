"""How many characters the texts of runs have: of all tables in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Table, bindparam, func, literal, select, union_all

from trackway_server.tracking.store.sql_datasets import DATASET_COLUMNS
from trackway_server.tracking.store.tables import DATASET_INPUTS, PARAMS, RUN_MODELS, TAGS


def _of_table(table: Table, columns: Sequence[str]) -> Select[Any]:
    length = func.sum(sum((func.length(table.c[name]) for name in columns), literal(0)))
    of_run = select(table.c.run_id, length.label("size"))
    return of_run.where(table.c.run_id.in_(bindparam("ids", expanding=True))).group_by(table.c.run_id)


_SIZES = union_all(
    _of_table(PARAMS, ("value",)),
    _of_table(TAGS, ("value",)),
    _of_table(DATASET_INPUTS, DATASET_COLUMNS),
    _of_table(RUN_MODELS, ("model_id",)),
).subquery()

TEXT_SIZES = select(_SIZES.c.run_id, func.sum(_SIZES.c.size)).group_by(_SIZES.c.run_id)
"""Run and size, of the runs `ids`, which stand in it four times."""

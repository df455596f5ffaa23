"""LoggedModels over a SQLAlchemy connection. What each method promises: domain/logged_models.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, bindparam, func, select, update

from trackway_server.core.db.inserts import insert_new
from trackway_server.core.db.locking import locked
from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.metrics.domain.ports import Series
from trackway_server.tracking.domain.logged_models import FoundModel, LoggedModelStatus, ModelInfo, ModelsQuery
from trackway_server.tracking.domain.model import ModelOutput
from trackway_server.tracking.store.sql_logged_model_search import search_models
from trackway_server.tracking.store.sql_model_series import series_of_models, series_of_runs
from trackway_server.tracking.store.sql_numbers import number_column
from trackway_server.tracking.store.sql_run_changes import SqlRunChanges
from trackway_server.tracking.store.sql_statements import batches, upsert_value
from trackway_server.tracking.store.tables import LOGGED_MODEL_PARAMS, LOGGED_MODEL_TAGS, LOGGED_MODELS, RUN_MODELS

_FIELDS = tuple(ModelInfo.__dataclass_fields__)
_EDGES = (
    select(RUN_MODELS.c.run_id, RUN_MODELS.c.model_id, RUN_MODELS.c.step)
    .where(RUN_MODELS.c.run_id.in_(bindparam("ids", expanding=True)), RUN_MODELS.c.output == bindparam("is_output"))
    .order_by(RUN_MODELS.c.step, RUN_MODELS.c.model_id)
)


class SqlLoggedModels:
    """Logged models, within the transaction of `connection`; a `writing` one locks what it reads by id."""

    def __init__(self, connection: Connection, changes: SqlRunChanges, *, writing: bool) -> None:
        self._connection = connection
        self._changes = changes
        self._writing = writing

    def get(self, model_id: str) -> ModelInfo | None:
        """See LoggedModels."""
        query = locked(select(LOGGED_MODELS).where(LOGGED_MODELS.c.model_id == model_id), writing=self._writing)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _model(row)

    def add(self, model: ModelInfo) -> None:
        """See LoggedModels."""
        self._connection.execute(LOGGED_MODELS.insert().values(_row(model)))

    def save(self, model: ModelInfo) -> None:
        """See LoggedModels."""
        changed = update(LOGGED_MODELS).where(LOGGED_MODELS.c.model_id == model.model_id)
        self._connection.execute(changed.values(_row(model)))

    def search(self, query: ModelsQuery, search: Search, after: Place | None, limit: int) -> list[FoundModel]:
        """See LoggedModels."""
        found = search_models(self._connection, query, search, after, limit)
        infos: dict[str, ModelInfo] = {}
        for batch in batches(model_id for model_id, _ in found):
            chosen = select(LOGGED_MODELS).where(LOGGED_MODELS.c.model_id.in_(batch))
            infos |= {row["model_id"]: _model(row) for row in self._connection.execute(chosen).mappings()}
        return [FoundModel(infos[model_id], place) for model_id, place in found]

    def text_sizes(self, model_ids: Sequence[str]) -> dict[str, int]:
        """See LoggedModels."""
        sizes: Counter[str] = Counter()
        for table in (LOGGED_MODEL_PARAMS, LOGGED_MODEL_TAGS):
            for batch in batches(model_ids):
                query = select(table.c.model_id, func.sum(func.length(table.c.value)))
                rows = self._connection.execute(query.where(table.c.model_id.in_(batch)).group_by(table.c.model_id))
                sizes.update({model_id: int(size) for model_id, size in rows})
        return {model_id: size for model_id, size in sizes.items() if size}

    def params(self, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See LoggedModels."""
        return self._maps(LOGGED_MODEL_PARAMS, model_ids)

    def add_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """See LoggedModels."""
        rows = [
            {"model_id": model_id, "key": key, "value": value, "number": number_column(value)}
            for key, value in params.items()
        ]
        self._connection.execute(LOGGED_MODEL_PARAMS.insert(), rows)

    def tags(self, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See LoggedModels."""
        return self._maps(LOGGED_MODEL_TAGS, model_ids)

    def put_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """See LoggedModels."""
        upsert = upsert_value(self._connection.dialect.name, LOGGED_MODEL_TAGS, ("model_id", "key"))
        rows = [{"model_id": model_id, "key": key, "value": value} for key, value in tags.items()]
        self._connection.execute(upsert, rows)

    def delete_tags(self, model_id: str, keys: Collection[str]) -> None:
        """See LoggedModels."""
        tags = LOGGED_MODEL_TAGS
        for batch in batches(sorted(keys)):
            self._connection.execute(tags.delete().where(tags.c.model_id == model_id, tags.c.key.in_(batch)))

    def series(self, workspace: str, model_ids: Sequence[str], limit: int) -> list[Series]:
        """See LoggedModels."""
        return series_of_models(self._connection, workspace, model_ids, limit)

    def series_of_runs(self, run_ids: Sequence[str], limit: int) -> list[Series]:
        """See LoggedModels."""
        return series_of_runs(self._connection, run_ids, limit)

    def inputs(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        """See LoggedModels."""
        found: dict[str, list[str]] = {}
        for run_id, model_id, _ in self._edges(run_ids, output=False):
            found.setdefault(run_id, []).append(model_id)
        return found

    def outputs(self, run_ids: Sequence[str]) -> dict[str, list[ModelOutput]]:
        """See LoggedModels."""
        found: dict[str, list[ModelOutput]] = {}
        for run_id, model_id, step in self._edges(run_ids, output=True):
            found.setdefault(run_id, []).append(ModelOutput(model_id, step))
        return found

    def add_inputs(self, run_id: str, model_ids: Sequence[str]) -> None:
        """See LoggedModels."""
        self._add_edges(run_id, [(model_id, 0) for model_id in model_ids], output=False)

    def add_outputs(self, run_id: str, outputs: Sequence[ModelOutput]) -> None:
        """See LoggedModels."""
        self._add_edges(run_id, [(one.model_id, one.step) for one in outputs], output=True)

    def _edges(self, run_ids: Sequence[str], *, output: bool) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        for batch in batches(run_ids):
            rows = self._connection.execute(_EDGES, {"ids": batch, "is_output": output})
            found += [(row.run_id, row.model_id, row.step) for row in rows]
        return found

    def _add_edges(self, run_id: str, edges: Sequence[tuple[str, int]], *, output: bool) -> None:
        rows = [{"run_id": run_id, "output": output, "model_id": model_id, "step": step} for model_id, step in edges]
        self._connection.execute(insert_new(self._connection.dialect.name, RUN_MODELS), rows)
        self._changes.note([run_id])

    def _maps(self, table: Table, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for batch in batches(model_ids):
            query = select(table.c.model_id, table.c.key, table.c.value).where(table.c.model_id.in_(batch))
            for row in self._connection.execute(query):
                found.setdefault(row.model_id, {})[row.key] = row.value
        return found


def _model(row: RowMapping) -> ModelInfo:
    return ModelInfo(**{name: row[name] for name in _FIELDS} | {"status": LoggedModelStatus(row["status"])})


def _row(model: ModelInfo) -> dict[str, Any]:
    return {name: getattr(model, name) for name in _FIELDS} | {"status": int(model.status)}

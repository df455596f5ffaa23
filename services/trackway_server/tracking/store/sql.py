"""TrackingUnit over a SQLAlchemy connection: SQLite and PostgreSQL. What each method promises: domain/ports.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    Select,
    Table,
    and_,
    bindparam,
    select,
    update,
)

from trackway_server.core.db.database import Database
from trackway_server.core.db.inserts import insert_new
from trackway_server.core.db.locking import locked
from trackway_server.core.errors import Reason
from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.metrics.store.liveness import SqlLivenessRows
from trackway_server.tracking.domain.deletions import Stage
from trackway_server.tracking.domain.model import (
    DatasetInput,
    Experiment,
    RefusedRecord,
    RunInfo,
    RunsQuery,
    RunStatus,
    UsedDataset,
    View,
)
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.records import RunRecords
from trackway_server.tracking.domain.search import FoundExperiment, FoundRun
from trackway_server.tracking.store.console_sql import SqlConsoleUnit
from trackway_server.tracking.store.deletions_sql import SqlDeletions
from trackway_server.tracking.store.model_deletions_sql import SqlModelDeletions
from trackway_server.tracking.store.run_copy.keeping import RunCopy
from trackway_server.tracking.store.sql_bindings import SqlBindings
from trackway_server.tracking.store.sql_datasets import dataset_of, dataset_row, used_datasets
from trackway_server.tracking.store.sql_experiment_search import search_experiments
from trackway_server.tracking.store.sql_logged_models import SqlLoggedModels
from trackway_server.tracking.store.sql_model_series import SqlRunMetrics
from trackway_server.tracking.store.sql_numbers import fill_numbers, has_unfilled_numbers, number_column
from trackway_server.tracking.store.sql_run_changes import SqlRunChanges
from trackway_server.tracking.store.sql_run_search import RunSearch
from trackway_server.tracking.store.sql_statements import batches, upsert_value
from trackway_server.tracking.store.sql_text_sizes import TEXT_SIZES
from trackway_server.tracking.store.tables import (
    DATASET_INPUTS,
    DELETIONS,
    EXPERIMENT_TAGS,
    EXPERIMENTS,
    LIVENESS,
    METRICS,
    PARAMS,
    REFUSALS,
    RUNS,
    TAGS,
)

T = TypeVar("T")

_MOST_NOTED = 1_000
"""Runs of an experiment whose change is noted one by one; of more, all runs are said to have changed."""
_REASONS = {reason.number: reason for reason in Reason}
_RUN_FIELDS = tuple(name for name in RunInfo.__dataclass_fields__)
_STATUS = _RUN_FIELDS.index("status")

# Statements of every request are built once: building one takes twice as long as running it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_OF_RUNS = select(*(RUNS.c[name] for name in _RUN_FIELDS))
_RUN = _OF_RUNS.where(RUNS.c.run_id == bindparam("run_id"))
_LOCKED_RUN = locked(_RUN, writing=True)
_RUNS = _OF_RUNS.where(RUNS.c.run_id.in_(_IDS))
_ADD_RUN = RUNS.insert()
_ADD_PARAMS = PARAMS.insert()
_EXPERIMENT_TAGS = select(EXPERIMENT_TAGS).where(EXPERIMENT_TAGS.c.experiment_id.in_(_IDS))
_DATASET_INPUTS = select(DATASET_INPUTS).where(DATASET_INPUTS.c.run_id.in_(_IDS))
_MAPS = {
    table: select(table.c.run_id, table.c.key, table.c.value).where(table.c.run_id.in_(_IDS))
    for table in (PARAMS, TAGS)
}
_MAP = {
    table: select(table.c.key, table.c.value).where(
        table.c.run_id == bindparam("run_id"), table.c.key.in_(bindparam("keys", expanding=True))
    )
    for table in (PARAMS, TAGS)
}


class SqlTracking:
    """Transactions[TrackingUnit] over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.copy = RunCopy(database)

    async def read(self, work: Callable[[TrackingUnit], T]) -> T:
        """See Transactions."""
        return await self._database.read(_in_unit, work, self.copy, writing=False)

    async def write(self, work: Callable[[TrackingUnit], T]) -> T:
        """See Transactions."""
        return await self._database.write(_in_unit, work, self.copy, writing=True)


def _in_unit(connection: Connection, work: Callable[[TrackingUnit], T], copy: RunCopy, *, writing: bool) -> T:
    unit = SqlTrackingUnit(connection, copy, writing=writing)
    result = work(unit)
    unit.changes.store()
    return result


class SqlTrackingUnit:
    """Experiments and runs, within the transaction of `connection`; a `writing` one locks what it reads by key."""

    def __init__(self, connection: Connection, copy: RunCopy, *, writing: bool) -> None:
        self._connection = connection
        self._copy = copy
        self._writing = writing
        self.changes = SqlRunChanges(connection)
        self.metrics = SqlRunMetrics(connection, self.changes, writing=writing)
        self.models = SqlLoggedModels(connection, self.changes, writing=writing)
        self.subjects = RunRecords(self)
        self.bindings = SqlBindings(connection)
        self.liveness = SqlLivenessRows(connection, LIVENESS, METRICS.writers)
        self.deletions = SqlDeletions(connection, self.changes, writing=writing)
        self.model_deletions = SqlModelDeletions(connection)
        self.console = SqlConsoleUnit(connection)

    def awaited(self, subject_ids: Sequence[str]) -> set[str]:
        """See TrackingUnit."""
        running = and_(RUNS.c.status == int(RunStatus.RUNNING), RUNS.c.deleted.is_(False))
        found: set[str] = set()
        for batch in batches(subject_ids):
            found.update(
                self._connection.execute(select(RUNS.c.run_id).where(RUNS.c.run_id.in_(batch), running)).scalars()
            )
        return found

    def experiment(self, experiment_id: int) -> Experiment | None:
        """See TrackingUnit."""
        return self._one_experiment(EXPERIMENTS.c.experiment_id == experiment_id)

    def experiment_by_name(self, workspace: str, name: str) -> Experiment | None:
        """See TrackingUnit."""
        return self._one_experiment(and_(EXPERIMENTS.c.workspace == workspace, EXPERIMENTS.c.name == name))

    def _one_experiment(self, condition: ColumnElement[bool]) -> Experiment | None:
        query = locked(select(EXPERIMENTS).where(condition), writing=self._writing)
        rows = self._connection.execute(query).mappings().all()
        return next(iter(self._with_tags(rows)), None)

    def search_experiments(
        self, workspace: str, view: View, search: Search, after: Place | None, limit: int, bound_to: str = ""
    ) -> list[FoundExperiment]:
        """See TrackingUnit."""
        found = dict(search_experiments(self._connection, workspace, view, search, after, limit, bound_to))
        query = select(EXPERIMENTS).where(EXPERIMENTS.c.experiment_id.in_(found))
        rows = self._connection.execute(query).mappings().all()
        known = {each.experiment_id: each for each in self._with_tags(rows)}
        return [FoundExperiment(known[number], place) for number, place in found.items()]

    def _with_tags(self, rows: Sequence[RowMapping]) -> list[Experiment]:
        tags: dict[int, dict[str, str]] = {}
        for batch in batches(row["experiment_id"] for row in rows):
            for row in self._connection.execute(_EXPERIMENT_TAGS, {"ids": batch}):
                tags.setdefault(row.experiment_id, {})[row.key] = row.value
        return [Experiment(**row, tags=tags.get(row["experiment_id"], {})) for row in rows]

    def add_experiment(self, workspace: str, name: str, tags: Mapping[str, str], now_us: int) -> Experiment:
        """See TrackingUnit."""
        row = {
            "workspace": workspace,
            "name": name,
            "deleted": False,
            "create_time_us": now_us,
            "update_time_us": now_us,
        }
        insert = EXPERIMENTS.insert().values(row).returning(EXPERIMENTS.c.experiment_id)
        experiment_id: int = self._connection.execute(insert).scalar_one()
        self.put_experiment_tags(experiment_id, tags)
        return Experiment(experiment_id, workspace, name, False, now_us, now_us, dict(tags))

    def save_experiment(self, experiment: Experiment) -> None:
        """See TrackingUnit."""
        self._connection.execute(
            update(EXPERIMENTS)
            .where(EXPERIMENTS.c.experiment_id == experiment.experiment_id)
            .values(name=experiment.name, deleted=experiment.deleted, update_time_us=experiment.update_time_us)
        )

    def put_experiment_tags(self, experiment_id: int, tags: Mapping[str, str]) -> None:
        """See TrackingUnit."""
        rows = [{"experiment_id": experiment_id, "key": key, "value": value} for key, value in tags.items()]
        self._upsert(EXPERIMENT_TAGS, rows, ("experiment_id", "key"))

    def delete_experiment_tags(self, experiment_id: int, keys: Collection[str]) -> None:
        """See TrackingUnit."""
        self._delete_keys(EXPERIMENT_TAGS, EXPERIMENT_TAGS.c.experiment_id == experiment_id, keys)

    def delete_runs_of(self, experiment_id: int) -> None:
        """See TrackingUnit."""
        active = and_(RUNS.c.experiment_id == experiment_id, RUNS.c.deleted.is_(False))
        self._note_runs(active)
        self._connection.execute(update(RUNS).where(active).values(deleted=True, deleted_with_experiment=True))

    def restore_runs_of(self, experiment_id: int) -> None:
        """See TrackingUnit."""
        gone = and_(RUNS.c.experiment_id == experiment_id, RUNS.c.deleted_with_experiment.is_(True))
        noted = select(DELETIONS.c.run_id).where(DELETIONS.c.stage == int(Stage.NOTED))
        restored = select(RUNS.c.run_id).where(gone)
        self._note_runs(gone)
        self._connection.execute(
            DELETIONS.delete().where(DELETIONS.c.run_id.in_(restored), DELETIONS.c.run_id.in_(noted))
        )
        purged = RUNS.c.run_id.in_(select(DELETIONS.c.run_id))
        self._connection.execute(update(RUNS).where(gone, ~purged).values(deleted=False, deleted_with_experiment=False))

    def _note_runs(self, chosen: ColumnElement[bool]) -> None:
        """Note a change of the runs chosen so; of all, where there are many."""
        found = self._connection.execute(select(RUNS.c.run_id).where(chosen).limit(_MOST_NOTED + 1)).scalars().all()
        if len(found) > _MOST_NOTED:
            self.changes.note_all()
        else:
            self.changes.note(found)

    def run(self, run_id: str) -> RunInfo | None:
        """See TrackingUnit."""
        return self._one_run(_LOCKED_RUN if self._writing else _RUN, run_id)

    def peek_run(self, run_id: str) -> RunInfo | None:
        """See TrackingUnit."""
        return self._one_run(_RUN, run_id)

    def _one_run(self, query: Select[Any], run_id: str) -> RunInfo | None:
        row = self._connection.execute(query, {"run_id": run_id}).first()
        return None if row is None else _run(row)

    def peek_runs(self, run_ids: Sequence[str]) -> dict[str, RunInfo]:
        """See TrackingUnit."""
        infos: dict[str, RunInfo] = {}
        for batch in batches(run_ids):
            infos |= {row.run_id: _run(row) for row in self._connection.execute(_RUNS, {"ids": batch}).all()}
        return infos

    def add_run(self, run: RunInfo) -> None:
        """See TrackingUnit."""
        self._connection.execute(_ADD_RUN, _run_row(run))
        self.changes.note([run.run_id])

    def save_run(self, run: RunInfo) -> None:
        """See TrackingUnit."""
        self._connection.execute(update(RUNS).where(RUNS.c.run_id == run.run_id).values(_run_row(run)))
        self.changes.note([run.run_id])

    def search_runs(self, query: RunsQuery, search: Search, after: Place | None, limit: int) -> list[FoundRun]:
        """See TrackingUnit."""
        if self._writing:
            # What this transaction wrote is in no copy yet.
            found = RunSearch(self._connection, query, search, after).page(limit)
        else:
            found = self._copy.page(self._connection, query, search, after, limit)
        infos = self.peek_runs([run_id for run_id, _ in found])
        return [FoundRun(infos[run_id], place) for run_id, place in found]

    def has_unfilled_numbers(self) -> bool:
        """See TrackingUnit."""
        return has_unfilled_numbers(self._connection)

    def fill_numbers(self, limit: int) -> None:
        """See TrackingUnit."""
        fill_numbers(self._connection, limit)
        self.changes.note_all()

    def text_sizes(self, run_ids: Sequence[str]) -> dict[str, int]:
        """See TrackingUnit."""
        sizes: Counter[str] = Counter()
        for batch in batches(run_ids, times=4):
            found = self._connection.execute(TEXT_SIZES, {"ids": batch}).all()
            sizes.update({run_id: int(size) for run_id, size in found if size})
        return dict(sizes)

    def params(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See TrackingUnit."""
        return self._maps(PARAMS, run_ids)

    def params_of(self, run_id: str, keys: Collection[str]) -> dict[str, str]:
        """See TrackingUnit."""
        return self._map(PARAMS, run_id, keys)

    def add_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """See TrackingUnit."""
        rows = [
            {"run_id": run_id, "key": key, "value": value, "number": number_column(value)}
            for key, value in params.items()
        ]
        self._connection.execute(_ADD_PARAMS, rows)
        self.changes.note([run_id])

    def tags(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See TrackingUnit."""
        return self._maps(TAGS, run_ids)

    def tags_of(self, run_id: str, keys: Collection[str]) -> dict[str, str]:
        """See TrackingUnit."""
        return self._map(TAGS, run_id, keys)

    def put_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """See TrackingUnit."""
        self._upsert(TAGS, _key_rows(run_id, tags), ("run_id", "key"))
        self.changes.note([run_id])

    def delete_tags(self, run_id: str, keys: Collection[str]) -> None:
        """See TrackingUnit."""
        self._delete_keys(TAGS, TAGS.c.run_id == run_id, keys)
        self.changes.note([run_id])

    def dataset_inputs(self, run_ids: Sequence[str]) -> dict[str, list[DatasetInput]]:
        """See TrackingUnit."""
        found: dict[str, list[DatasetInput]] = {}
        for batch in batches(run_ids):
            rows = self._connection.execute(_DATASET_INPUTS, {"ids": batch}).mappings()
            # Sorted here: databases differ in how they sort names.
            for row in sorted(rows, key=itemgetter("run_id", "name", "digest")):
                found.setdefault(row["run_id"], []).append(dataset_of(row))
        return found

    def add_dataset_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        """See TrackingUnit."""
        rows = [{"run_id": run_id} | dataset_row(one) for one in inputs]
        self._connection.execute(insert_new(self._connection.dialect.name, DATASET_INPUTS), rows)
        self.changes.note([run_id])

    def used_datasets(self, query: RunsQuery, limit: int) -> list[UsedDataset]:
        """See TrackingUnit."""
        return used_datasets(self._connection, query, limit)

    def refusals(self, run_id: str) -> list[RefusedRecord]:
        """See TrackingUnit."""
        query = select(REFUSALS).where(REFUSALS.c.run_id == run_id).order_by(REFUSALS.c.number)
        return [
            RefusedRecord(row.writer_id, row.sequence, _REASONS[row.reason], row.message)
            for row in self._connection.execute(query)
        ]

    def add_refusals(self, run_id: str, refused: Sequence[RefusedRecord]) -> None:
        """See TrackingUnit."""
        self._connection.execute(
            REFUSALS.insert(),
            [
                {
                    "run_id": run_id,
                    "writer_id": one.writer_id,
                    "sequence": one.sequence,
                    "reason": one.reason.number,
                    "message": one.message,
                }
                for one in refused
            ],
        )

    def _maps(self, table: Table, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for batch in batches(run_ids):
            # All at once: row by row takes twice as long, and a page of runs has thousands.
            for run_id, key, value in self._connection.execute(_MAPS[table], {"ids": batch}).all():
                found.setdefault(run_id, {})[key] = value
        return found

    def _map(self, table: Table, run_id: str, keys: Collection[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for batch in batches(sorted(keys)):
            rows = self._connection.execute(_MAP[table], {"run_id": run_id, "keys": batch})
            found |= {row.key: row.value for row in rows}
        return found

    def _delete_keys(self, table: Table, owned: ColumnElement[bool], keys: Collection[str]) -> None:
        for batch in batches(sorted(keys)):
            self._connection.execute(table.delete().where(owned, table.c.key.in_(batch)))

    def _upsert(self, table: Table, rows: Sequence[Mapping[str, object]], key: Sequence[str]) -> None:
        if rows:
            self._connection.execute(upsert_value(self._connection.dialect.name, table, tuple(key)), rows)


def _run(row: Row[Any]) -> RunInfo:
    values = list(row)
    values[_STATUS] = RunStatus(values[_STATUS])
    return RunInfo(*values)


def _run_row(run: RunInfo) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _RUN_FIELDS} | {"status": int(run.status)}


def _key_rows(run_id: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"run_id": run_id, "key": key, "value": value} for key, value in values.items()]

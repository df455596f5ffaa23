"""Reading the database of an MLflow server, of any of its versions: tables and columns are used as far as they are
there."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from trackway.errors import DataLoss, FailedPrecondition, TrackwayError, Unavailable
from trackway.importing.mlflow_artifacts import ArtifactRoot
from trackway.importing.places import Place
from trackway.importing.source import (
    CHUNK_ROWS,
    MetricColumns,
    SourceExperiment,
    SourceLoggedModel,
    SourceModel,
    SourceRun,
    by_number,
)
from trackway.importing.sql_engine import cause, checked, engine, engine_of_file
from trackway.importing.sql_logged_models import SqlLoggedModels
from trackway.importing.sql_registry import read_models
from trackway.importing.sql_tables import Tables
from trackway.importing.values import Malformed, Refused, ignore, or_nothing, points, text, time_us, whole
from trackway.types import CONTEXT_TAG, Dataset, DatasetInput

PAGE = 500
_BY_BYTES = {"postgresql": "C", "mysql": "utf8mb4_bin", "mssql": "Latin1_General_BIN2"}
"""Collations that order texts by their bytes, where the usual one may not."""
_NEEDED = ("experiments", "runs", "metrics", "params", "tags")


class SqlSource:
    """A Source: MLflow's database, read only. `artifacts` is where its `mlflow-artifacts:` lie, if anywhere;
    `allowed` are other places whose files may be read."""

    refused: Refused = staticmethod(ignore)

    def __init__(self, url: str, artifacts: str = "", allowed: Sequence[str] = ()) -> None:
        address = checked(url)
        self.name = address.render_as_string(hide_password=True)
        is_file = address.get_backend_name() == "sqlite"
        self._engine = engine_of_file(address) if is_file else engine(address)
        try:
            self._tables = Tables(self._engine)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(f"{self.name} cannot be read: {cause(error)}") from None
        missing = [name for name in _NEEDED if name not in self._tables]
        if missing:
            raise FailedPrecondition(
                f"{self.name} is no database of MLflow's tracking: it has no table {', '.join(missing)}"
            )
        base = Path(address.database or ".").absolute().parent if is_file else None
        self._root = ArtifactRoot(artifacts, base=base, own=self._place_of_default(), allowed=allowed)
        self._points = self._points_of_run()
        self._models = SqlLoggedModels(self._tables, self._rows, self._stream)

    def experiments(self) -> Iterator[SourceExperiment]:
        """See Source."""
        tags, found = self._pairs("experiment_tags", "experiment_id"), []
        for row in filter(self._tables.own, self._rows(sa.select(self._tables["experiments"]))):
            try:
                number, name = whole(row["experiment_id"]), text(row["name"])
                deleted = row["lifecycle_stage"] == "deleted"
                found.append(SourceExperiment(str(number), name, deleted, tags[row["experiment_id"]]))
            except Malformed as error:
                self.refused("experiment", str(row["experiment_id"]), error.message)
        return iter(by_number(found))

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """See Source."""
        table = self._tables["runs"]
        last = ""
        while True:
            chosen = sa.select(table).where(table.c.experiment_id == int(experiment_id), table.c.run_uuid > last)
            page = self._rows(chosen.order_by(table.c.run_uuid).limit(PAGE))
            if not page:
                return
            last = page[-1]["run_uuid"]
            ids = [row["run_uuid"] for row in page]
            params, tags = self._pairs("params", "run_uuid", ids), self._pairs("tags", "run_uuid", ids)
            datasets, edges = self._datasets(ids), self._models.edges(ids, self.refused)
            measured = self._models.measured(ids, self.refused)
            for row in page:
                run_id = row["run_uuid"]
                read, made = edges[run_id]
                more = {"model_inputs": read, "model_outputs": made, "measured": measured[run_id]}
                facts = {"params": params[run_id], "tags": tags[run_id], "datasets": datasets[run_id]}
                try:
                    yield _run(row, self.refused, **facts, **more)
                except Malformed as error:
                    self.refused("run", str(run_id), error.message)

    def metrics(self, run: SourceRun) -> Iterator[MetricColumns]:
        """See Source. A cursor of the server's is read; no more than two chunks are in memory."""
        held: list[Any] = []
        try:
            with self._engine.connect() as connection:
                streamed = connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
                for part in streamed.execute(self._points, {"run": run.run_id}).partitions(CHUNK_ROWS):
                    for key, rows in groupby(part, itemgetter(0)):
                        if held and held[0][0] != key:
                            yield self._columns(run, held)
                            held = []
                        held += rows
                        if len(held) >= CHUNK_ROWS:
                            yield self._columns(run, held[:CHUNK_ROWS])
                            held = held[CHUNK_ROWS:]
            if held:
                yield self._columns(run, held)
        except SQLAlchemyError as error:
            raise self._failed(error) from None

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """See Source."""
        return self._models.of_experiment(experiment_id, self.refused)

    def models(self) -> Iterator[SourceModel]:
        """See Source."""
        return read_models(self._tables, self._rows, self.refused)

    def files(self, uri: str, run_id: str = "") -> Place:
        """See Source."""
        return self._root.place(uri)

    def notes(self) -> list[str]:
        """See Source."""
        others = sorted(self._tables.workspaces() - {self._tables.workspace})
        if not others:
            return []
        return [f"workspaces of MLflow other than {self._tables.workspace!r} are left out: {', '.join(others)}"]

    def left_out(self) -> Mapping[str, int]:
        """See Source."""
        counts = {name: self._rows(statement)[0]["n"] for name, statement in self._tables.left_out().items()}
        return counts | {"deleted logged models": self._models.deleted()}

    def close(self) -> None:
        """See Source."""
        self._engine.dispose()

    # -- reading -----------------------------------------------------------------------------------------------------

    def _rows(self, statement: sa.Select[Any]) -> list[Mapping[str, Any]]:
        """The rows; columns that this database does not have are None."""
        try:
            with self._engine.connect() as connection:
                return [defaultdict(lambda: None, row) for row in connection.execute(statement).mappings()]
        except SQLAlchemyError as error:
            raise self._failed(error) from None

    def _place_of_default(self) -> str:
        table = self._tables["experiments"]
        found = self._rows(sa.select(table).where(table.c.experiment_id == 0))
        location = found[0]["artifact_location"] if found else ""
        return location if isinstance(location, str) else ""

    def _stream(self, statement: sa.Select[Any]) -> Iterator[Any]:
        """The rows, by a cursor of the server's."""
        try:
            with self._engine.connect() as connection:
                streamed = connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
                yield from streamed.execute(statement)
        except SQLAlchemyError as error:
            raise self._failed(error) from None

    def _pairs(self, name: str, owner: str, ids: Sequence[str] | None = None) -> dict[Any, dict[str, str]]:
        """Keys and values by owner, of a table of params or tags."""
        found: dict[Any, dict[str, str]] = defaultdict(dict)
        if name in self._tables:
            table = self._tables[name]
            statement = sa.select(table) if ids is None else sa.select(table).where(table.c[owner].in_(ids))
            for row in filter(self._tables.own, self._rows(statement)):
                try:
                    found[row[owner]][text(row["key"])] = text(row["value"])
                except Malformed as error:
                    self.refused(name.removesuffix("s"), str(row[owner]), error.message)
        return found

    def _columns(self, run: SourceRun, rows: Sequence[Any]) -> MetricColumns:
        """Rows of (key, timestamp, step, value, is_nan), all of one key, as columns."""
        keys, times, steps, values, nans = zip(*rows, strict=True)
        numbers = [math.nan if nan or value is None else value for value, nan in zip(values, nans, strict=True)]
        in_us, at, found, bad = points([time or 0 for time in times], [step or 0 for step in steps], numbers)
        key = text(keys[0])
        if bad:
            self.refused(f"metric {key!r}", f"run {run.run_id}", f"{bad} of its points are malformed")
        return MetricColumns(key, in_us, at, found)

    def _points_of_run(self) -> sa.Select[Any]:
        """The points of the run `:run`, as the port has them. Keys come in the order of their bytes, whatever the
        collation of the database is: an import is resumed by position."""
        names = ("key", "timestamp", "step", "value", "is_nan")
        key, *others = self._tables.columns("metrics", names)
        collation = _BY_BYTES.get(self._engine.dialect.name)
        by_bytes = sa.collate(key, collation) if collation else key
        chosen = sa.select(key, *others).where(self._tables["metrics"].c.run_uuid == sa.bindparam("run"))
        return chosen.order_by(by_bytes, *others)

    def _datasets(self, run_ids: Sequence[str]) -> dict[str, tuple[DatasetInput, ...]]:
        found: dict[str, list[DatasetInput]] = defaultdict(list)
        if "inputs" in self._tables and "datasets" in self._tables:
            inputs, datasets = self._tables["inputs"], self._tables["datasets"]
            joined = sa.select(inputs.c.input_uuid, inputs.c.destination_id, datasets).where(
                inputs.c.source_type == "DATASET",
                inputs.c.source_id == datasets.c.dataset_uuid,
                inputs.c.destination_type == "RUN",
                inputs.c.destination_id.in_(run_ids),
            )
            rows = self._rows(joined)
            tags = self._input_tags([row["input_uuid"] for row in rows])
            for row in rows:
                said = tags[row["input_uuid"]]
                names = ("name", "digest", "dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile")
                try:
                    dataset = Dataset(*(text(row[name]) for name in names))
                except Malformed as error:
                    self.refused("data set", f"run {row['destination_id']}", error.message)
                    continue
                found[row["destination_id"]].append(DatasetInput(dataset, said.pop(CONTEXT_TAG, ""), said))
        ordered = {
            run: sorted(each, key=lambda one: (one.dataset.name, one.dataset.digest)) for run, each in found.items()
        }
        return defaultdict(tuple, {run: tuple(each) for run, each in ordered.items()})

    def _input_tags(self, input_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        if "input_tags" in self._tables and input_ids:
            table = self._tables["input_tags"]
            for row in self._rows(sa.select(table).where(table.c.input_uuid.in_(input_ids))):
                found[row["input_uuid"]][str(row["name"])] = str(row["value"])
        return found

    def _failed(self, error: SQLAlchemyError) -> TrackwayError:
        """Of a file with broken pages the rest can be read; without a server nothing can."""
        broken = isinstance(error, DatabaseError) and not isinstance(error, OperationalError)
        return (DataLoss if broken else Unavailable)(f"{self.name} cannot be read further: {cause(error)}")


def _run(row: Mapping[str, Any], refused: Refused, **more: Any) -> SourceRun:
    run_id = text(row["run_uuid"])
    where = f"run {run_id}"
    return SourceRun(
        run_id=run_id,
        experiment_id=str(row["experiment_id"]),
        name=text(row["name"]) or more["tags"].get("mlflow.runName", ""),
        status=text(row["status"]) or "RUNNING",
        user_id=text(row["user_id"]),
        start_time_us=or_nothing(time_us, row["start_time"], "start time", where, refused),
        end_time_us=or_nothing(time_us, row["end_time"], "end time", where, refused),
        deleted=row["lifecycle_stage"] == "deleted",
        artifact_uri=text(row["artifact_uri"]),
        **more,
    )

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
from urllib.parse import quote

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from trackway.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from trackway.importing.mlflow_artifacts import ArtifactRoot
from trackway.importing.places import Place
from trackway.importing.source import (
    CHUNK_ROWS,
    DELETED_STAGE,
    MetricColumns,
    SourceExperiment,
    SourceLoggedModel,
    SourceModel,
    SourceRun,
    SourceVersion,
    by_number,
)
from trackway.importing.sql_tables import Tables
from trackway.types import Dataset, DatasetInput

PAGE = 500
_BUSY_SECONDS = 60
_GREATEST = 1.7976931348623157e308
"""What MLflow writes for infinity."""
_BY_BYTES = {"postgresql": "C", "mysql": "utf8mb4_bin", "mssql": "Latin1_General_BIN2"}
"""Collations that order texts by their bytes, where the usual one may not."""
_NEEDED = ("experiments", "runs", "metrics", "params", "tags")
_SCHEMES = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class SqlSource:
    """A Source: MLflow's database, read only. `artifacts` is where its `mlflow-artifacts:` lie, if anywhere."""

    def __init__(self, url: str, artifacts: str = "") -> None:
        address = _checked(url)
        self.name = address.render_as_string(hide_password=True)
        is_file = address.get_backend_name() == "sqlite"
        self._root = ArtifactRoot(artifacts, base=Path(address.database or ".").absolute().parent if is_file else None)
        self._engine = _engine_of_file(address) if is_file else _engine(address)
        try:
            self._tables = Tables(self._engine)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(f"{self.name} cannot be read: {_cause(error)}") from None
        missing = [name for name in _NEEDED if name not in self._tables]
        if missing:
            raise FailedPrecondition(
                f"{self.name} is no database of MLflow's tracking: it has no table {', '.join(missing)}"
            )
        self._points = self._points_of_run()

    def experiments(self) -> Iterator[SourceExperiment]:
        """See Source."""
        table = self._tables["experiments"]
        tags = self._pairs("experiment_tags", "experiment_id")
        found = [
            SourceExperiment(
                str(row["experiment_id"]), row["name"], row["lifecycle_stage"] == "deleted", tags[row["experiment_id"]]
            )
            for row in self._rows(sa.select(table), "experiments")
            if self._own(row)
        ]
        return iter(by_number(found))

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """See Source."""
        table = self._tables["runs"]
        last = ""
        while True:
            chosen = sa.select(table).where(table.c.experiment_id == int(experiment_id), table.c.run_uuid > last)
            page = self._rows(chosen.order_by(table.c.run_uuid).limit(PAGE), "runs")
            if not page:
                return
            last = page[-1]["run_uuid"]
            ids = [row["run_uuid"] for row in page]
            params, tags = self._pairs("params", "run_uuid", ids), self._pairs("tags", "run_uuid", ids)
            datasets = self._datasets(ids)
            for row in page:
                yield _run(row, params[row["run_uuid"]], tags[row["run_uuid"]], datasets[row["run_uuid"]])

    def metrics(self, run: SourceRun) -> Iterator[MetricColumns]:
        """See Source. A cursor of the server's is read; no more than two chunks are in memory."""
        held: list[Any] = []
        try:
            with self._engine.connect() as connection:
                streamed = connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
                for part in streamed.execute(self._points, {"run": run.run_id}).partitions(CHUNK_ROWS):
                    for key, rows in groupby(part, itemgetter(0)):
                        if held and held[0][0] != key:
                            yield _columns(held)
                            held = []
                        held += rows
                        if len(held) >= CHUNK_ROWS:
                            yield _columns(held[:CHUNK_ROWS])
                            held = held[CHUNK_ROWS:]
            if held:
                yield _columns(held)
        except SQLAlchemyError as error:
            raise self._failed(error) from None

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """See Source."""
        if "logged_models" not in self._tables:
            return
        table = self._tables["logged_models"]
        chosen = sa.select(table).where(table.c.experiment_id == int(experiment_id))
        for row in self._rows(chosen.order_by(table.c.model_id), "logged_models"):
            if row["lifecycle_stage"] != "deleted":
                yield SourceLoggedModel(
                    row["model_id"],
                    row["name"],
                    row["source_run_id"] or "",
                    row["artifact_location"],
                    1000 * (row["creation_timestamp_ms"] or 0),
                )

    def models(self) -> Iterator[SourceModel]:
        """See Source."""
        if "registered_models" not in self._tables:
            return
        tags, versions = self._pairs("registered_model_tags", "name"), self._versions()
        aliases: dict[str, dict[str, int]] = defaultdict(dict)
        if "registered_model_aliases" in self._tables:
            for row in self._rows(sa.select(self._tables["registered_model_aliases"]), "registered_model_aliases"):
                if self._own(row):
                    aliases[row["name"]][row["alias"]] = int(row["version"])
        table = self._tables["registered_models"]
        for row in self._rows(sa.select(table).order_by(table.c.name), "registered_models"):
            if self._own(row):
                name = row["name"]
                yield SourceModel(name, row["description"] or "", tags[name], aliases[name], tuple(versions[name]))

    def files(self, uri: str, run_id: str = "") -> Place:
        """See Source."""
        return self._root.place(uri)

    def notes(self) -> list[str]:
        """See Source."""
        others = sorted(self._tables.workspaces() - {self._tables.workspace})
        if not others:
            return []
        return [f"workspaces of MLflow other than {self._tables.workspace!r} are left out: {', '.join(others)}"]

    def close(self) -> None:
        """See Source."""
        self._engine.dispose()

    # -- reading -----------------------------------------------------------------------------------------------------

    def _own(self, row: Mapping[str, Any]) -> bool:
        return row["workspace"] in {None, self._tables.workspace}

    def _rows(self, statement: sa.Select[Any], table: str) -> list[Mapping[str, Any]]:
        """The rows; columns that this database does not have are None."""
        try:
            with self._engine.connect() as connection:
                return [defaultdict(lambda: None, row) for row in connection.execute(statement).mappings()]
        except SQLAlchemyError as error:
            raise self._failed(error) from None

    def _pairs(self, name: str, owner: str, ids: Sequence[str] | None = None) -> dict[Any, dict[str, str]]:
        """Keys and values by owner, of a table of params or tags."""
        found: dict[Any, dict[str, str]] = defaultdict(dict)
        if name in self._tables:
            table = self._tables[name]
            statement = sa.select(table) if ids is None else sa.select(table).where(table.c[owner].in_(ids))
            for row in self._rows(statement, name):
                if self._own(row):
                    found[row[owner]][row["key"]] = row["value"] or ""
        return found

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
            rows = self._rows(joined, "inputs")
            contexts = self._contexts([row["input_uuid"] for row in rows])
            for row in rows:
                dataset = Dataset(
                    row["name"],
                    row["digest"],
                    row["dataset_source_type"] or "",
                    row["dataset_source"] or "",
                    row["dataset_schema"] or "",
                    row["dataset_profile"] or "",
                )
                found[row["destination_id"]].append(DatasetInput(dataset, contexts.get(row["input_uuid"], "")))
        ordered = {
            run: sorted(each, key=lambda one: (one.dataset.name, one.dataset.digest)) for run, each in found.items()
        }
        return defaultdict(tuple, {run: tuple(each) for run, each in ordered.items()})

    def _contexts(self, input_ids: Sequence[str]) -> dict[str, str]:
        if "input_tags" not in self._tables or not input_ids:
            return {}
        table = self._tables["input_tags"]
        chosen = sa.select(table).where(table.c.input_uuid.in_(input_ids), table.c.name == "mlflow.data.context")
        return {row["input_uuid"]: row["value"] for row in self._rows(chosen, "input_tags")}

    def _versions(self) -> dict[str, list[SourceVersion]]:
        found: dict[str, list[SourceVersion]] = defaultdict(list)
        if "model_versions" not in self._tables:
            return found
        tags: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        if "model_version_tags" in self._tables:
            for row in self._rows(sa.select(self._tables["model_version_tags"]), "model_version_tags"):
                if self._own(row):
                    tags[row["name"], row["version"]][row["key"]] = row["value"] or ""
        table = self._tables["model_versions"]
        rows = self._rows(sa.select(table).order_by(table.c.name, table.c.version), "model_versions")
        for name, versions in groupby(filter(self._own, rows), key=itemgetter("name")):
            kept = [row for row in versions if row["current_stage"] != DELETED_STAGE]
            found[name] = [_version(row, tags[name, row["version"]]) for row in kept]
        return found

    def _failed(self, error: SQLAlchemyError) -> Unavailable:
        return Unavailable(f"{self.name} cannot be read further: {_cause(error)}")


def _checked(url: str) -> sa.URL:
    """The address, with the driver that is installed. Raises InvalidArgument, NotFound."""
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=_SCHEMES.get(parsed.drivername, parsed.drivername))
        parsed.get_dialect().import_dbapi()
    except ArgumentError:
        raise InvalidArgument("that is no address of a database: write sqlite:///FILE or postgresql://…") from None
    except NoSuchModuleError:
        raise InvalidArgument(f"there is no driver for databases of {url.partition(':')[0]!r}") from None
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise NotFound(f"there is no file {parsed.database!r}: sqlite:/// takes a path, sqlite://// an absolute one")
    return parsed


def _engine_of_file(address: sa.URL) -> sa.Engine:
    """An engine that cannot write, and waits where MLflow's server does."""
    place = quote(str(Path(address.database or "").absolute()))
    read_only = address.set(database=f"file:{place}", query={"mode": "ro", "uri": "true"})
    waits = {"timeout": _BUSY_SECONDS}
    return sa.create_engine(read_only, pool_size=8, max_overflow=8, isolation_level="AUTOCOMMIT", connect_args=waits)


def _engine(address: sa.URL) -> sa.Engine:
    """An engine that, on PostgreSQL, asks for transactions that cannot write."""
    is_postgres = address.get_backend_name() == "postgresql"
    options = {"postgresql_readonly": True} if is_postgres else {}
    return sa.create_engine(address, pool_size=8, max_overflow=8, execution_options=options)


def _cause(error: BaseException) -> str:
    """What the driver says, in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]


def _run(
    row: Mapping[str, Any], params: Mapping[str, str], tags: Mapping[str, str], datasets: tuple[DatasetInput, ...]
) -> SourceRun:
    return SourceRun(
        run_id=row["run_uuid"],
        experiment_id=str(row["experiment_id"]),
        name=row["name"] or tags.get("mlflow.runName", ""),
        status=row["status"] or "RUNNING",
        user_id=row["user_id"] or "",
        start_time_us=1000 * (row["start_time"] or 0),
        end_time_us=1000 * (row["end_time"] or 0),
        deleted=row["lifecycle_stage"] == "deleted",
        artifact_uri=row["artifact_uri"] or "",
        params=params,
        tags=tags,
        datasets=datasets,
    )


def _version(row: Mapping[str, Any], tags: Mapping[str, str]) -> SourceVersion:
    return SourceVersion(
        number=int(row["version"]),
        source=row["source"] or "",
        location=row["storage_location"] or row["source"] or "",
        run_id=row["run_id"] or "",
        run_link=row["run_link"] or "",
        user_id=row["user_id"] or "",
        stage=row["current_stage"] or "None",
        description=row["description"] or "",
        model_id=tags.get("mlflow.model_id", "") or _model_id(row["source"] or ""),
        created_us=1000 * (row["creation_time"] or 0),
        tags=tags,
    )


def _model_id(source: str) -> str:
    """The logged model that a source names: `models:/m-…`."""
    name = source.removeprefix("models:/")
    return name if name != source and name.startswith("m-") and "/" not in name else ""


def _columns(rows: Sequence[Any]) -> MetricColumns:
    """Rows of (key, timestamp, step, value, is_nan), all of one key, as columns."""
    keys, times, steps, values, nans = zip(*rows, strict=True)
    numbers = np.array([math.nan if value is None else value for value in values], np.float64)
    numbers[numbers >= _GREATEST] = np.inf
    numbers[numbers <= -_GREATEST] = -np.inf
    numbers[np.array([bool(nan) for nan in nans], np.bool_)] = np.nan
    in_us = 1000 * np.array([time or 0 for time in times], np.int64)
    return MetricColumns(keys[0], in_us, np.array([step or 0 for step in steps], np.int64), numbers)

"""Logged models in an MLflow database: what they are, what runs measured of them, which runs read and make them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from trackway.importing.measured import context_of, model_id_here
from trackway.importing.source import MODEL_STATUSES, MetricColumns, SourceLoggedModel, in_order
from trackway.importing.sql_tables import Tables
from trackway.importing.values import Malformed, Refused, or_nothing, points, text, time_us, whole

Rows = Callable[[sa.Select[Any]], list[Mapping[str, Any]]]
Stream = Callable[[sa.Select[Any]], Iterator[Any]]
_PAGE = 200


class SqlLoggedModels:
    """Reads them; `rows` and `stream` ask the database."""

    def __init__(self, tables: Tables, rows: Rows, stream: Stream) -> None:
        self._tables = tables
        self._rows = rows
        self._stream = stream
        self._measured_runs: frozenset[str] | None = None

    def of_experiment(self, experiment_id: str, refused: Refused) -> Iterator[SourceLoggedModel]:
        """Those of an experiment that are not deleted, by id."""
        if "logged_models" not in self._tables:
            return
        table = self._tables["logged_models"]
        last = ""
        while True:
            chosen = sa.select(table).where(table.c.experiment_id == int(experiment_id), table.c.model_id > last)
            page = self._rows(chosen.order_by(table.c.model_id).limit(_PAGE))
            if not page:
                return
            last = page[-1]["model_id"]
            ids = [row["model_id"] for row in page]
            params, tags = self._pairs("param", ids, refused), self._pairs("tag", ids, refused)
            for row in page:
                if row["lifecycle_stage"] != "deleted":
                    try:
                        yield _model(row, params[row["model_id"]], tags[row["model_id"]], refused)
                    except Malformed as error:
                        refused("logged model", str(row["model_id"]), error.message)

    def deleted(self) -> int:
        """How many are deleted."""
        if "logged_models" not in self._tables:
            return 0
        table = self._tables["logged_models"]
        found = self._rows(sa.select(sa.func.count().label("n")).where(table.c.lifecycle_stage == "deleted"))
        return int(found[0]["n"])

    def measured(self, run_ids: Sequence[str], refused: Refused) -> dict[str, tuple[MetricColumns, ...]]:
        """The points that some runs have logged for models, by run. Those of deleted models are the runs' alone."""
        found: dict[str, list[MetricColumns]] = defaultdict(list)
        wanted = [run_id for run_id in run_ids if run_id in self._runs_that_measured()]
        if wanted:
            table, models = self._tables["logged_model_metrics"], self._tables["logged_models"]
            there = sa.select(models.c.model_id).where(
                sa.func.coalesce(models.c.lifecycle_stage, "active") != "deleted"
            )
            names = ("run_id", "metric_name", "model_id", "dataset_name", "dataset_digest")
            series = [table.c[name] for name in names]
            chosen = (
                sa.select(*series, table.c.metric_timestamp_ms, table.c.metric_step, table.c.metric_value)
                .where(table.c.run_id.in_(wanted), table.c.model_id.in_(there))
                .order_by(*series)
            )
            for name, rows in groupby(self._stream(chosen), key=lambda row: tuple(map(text, row[:5]))):
                run_id, key, model_id, dataset, digest = name
                times, steps, values, bad = points(*zip(*(row[5:] for row in rows), strict=True))
                if bad:
                    refused(f"metric {key!r}", f"run {run_id}", f"{bad} of its points are malformed")
                found[run_id] += in_order(key, times, steps, values, context_of(model_id, dataset, digest))
        return defaultdict(tuple, {run_id: tuple(each) for run_id, each in found.items()})

    def edges(
        self, run_ids: Sequence[str], refused: Refused
    ) -> dict[str, tuple[tuple[str, ...], tuple[tuple[str, int], ...]]]:
        """The models that some runs read, and those that they make and at which step, by run."""
        read: dict[str, set[str]] = defaultdict(set)
        made: dict[str, set[tuple[str, int]]] = defaultdict(set)
        if "inputs" in self._tables:
            names = ("source_type", "source_id", "destination_id", "step")
            columns = self._tables.columns("inputs", names)
            table = self._tables["inputs"]
            chosen = sa.select(*columns).where(
                table.c.source_type.in_(["RUN_INPUT", "RUN_OUTPUT"]), table.c.source_id.in_(run_ids)
            )
            for row in self._rows(chosen):
                model_id = model_id_here(text(row["destination_id"]))
                if row["source_type"] == "RUN_INPUT":
                    read[row["source_id"]].add(model_id)
                else:
                    what, where = f"model output {model_id!r}", f"run {row['source_id']}"
                    made[row["source_id"]].add((model_id, or_nothing(whole, row["step"], what, where, refused)))
        return defaultdict(
            lambda: ((), ()), {run: (tuple(sorted(read[run])), tuple(sorted(made[run]))) for run in {*read, *made}}
        )

    def _runs_that_measured(self) -> frozenset[str]:
        """The runs that have logged points for models: asked for once, for no index finds them."""
        if self._measured_runs is None:
            self._measured_runs = frozenset()
            if "logged_model_metrics" in self._tables and "logged_models" in self._tables:
                asked = sa.select(self._tables["logged_model_metrics"].c.run_id).distinct()
                self._measured_runs = frozenset(row["run_id"] for row in self._rows(asked))
        return self._measured_runs

    def _pairs(self, what: str, ids: Sequence[str], refused: Refused) -> dict[Any, dict[str, str]]:
        """Params (`param`) or tags (`tag`) by model."""
        found: dict[Any, dict[str, str]] = defaultdict(dict)
        if f"logged_model_{what}s" in self._tables:
            table = self._tables[f"logged_model_{what}s"]
            for row in self._rows(sa.select(table).where(table.c.model_id.in_(ids))):
                try:
                    found[row["model_id"]][text(row[f"{what}_key"])] = text(row[f"{what}_value"])
                except Malformed as error:
                    refused(what, f"logged model {row['model_id']}", error.message)
        return found


def _model(
    row: Mapping[str, Any], params: Mapping[str, str], tags: Mapping[str, str], refused: Refused
) -> SourceLoggedModel:
    model_id = text(row["model_id"])
    where = f"logged model {model_id}"
    return SourceLoggedModel(
        model_id=model_id,
        name=text(row["name"]),
        run_id=text(row["source_run_id"]),
        artifact_uri=text(row["artifact_location"]),
        created_us=or_nothing(time_us, row["creation_timestamp_ms"], "creation time", where, refused),
        model_type=text(row["model_type"]),
        status=MODEL_STATUSES.get(or_nothing(whole, row["status"], "status", where, refused), "PENDING"),
        status_message=text(row["status_message"]),
        params=params,
        tags=tags,
    )

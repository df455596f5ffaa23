"""The tables of an MLflow database, as far as they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

_READ = (
    "experiments",
    "experiment_tags",
    "runs",
    "metrics",
    "params",
    "tags",
    "datasets",
    "inputs",
    "input_tags",
    "logged_models",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "registered_models",
    "registered_model_tags",
    "registered_model_aliases",
    "model_versions",
    "model_version_tags",
)


_LEFT_OUT = {
    "trace_info": "traces",
    "assessments": "assessments of traces",
    "evaluation_datasets": "evaluation data sets",
    "scorers": "scorers",
    "issues": "issues",
    "label_schemas": "label schemas",
    "review_queues": "review queues",
    "webhooks": "webhooks",
    "endpoints": "endpoints of MLflow's gateway",
    "secrets": "secrets of MLflow's gateway",
    "budget_policies": "budget policies",
    "guardrails": "guardrails",
    "mcp_servers": "MCP servers",
    "jobs": "jobs",
}
"""Tables of what has no place here, and what it is."""


class Tables:
    """What a database has of the tables that are read. Raises SQLAlchemyError where it cannot be asked."""

    workspace = "default"
    """MLflow's workspace that is read, where there are several."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._metadata = sa.MetaData()
        with engine.connect() as connection:
            there = set(sa.inspect(connection).get_table_names())
            self._left_out = {name: table for table, name in _LEFT_OUT.items() if table in there}
            self._metadata.reflect(connection, only=[name for name in _READ if name in there], resolve_fks=False)

    def __contains__(self, name: str) -> bool:
        return name in self._metadata.tables

    def __getitem__(self, name: str) -> sa.Table:
        return self._metadata.tables[name]

    def columns(self, table: str, names: Sequence[str]) -> list[sa.ColumnElement[Any]]:
        """Columns by name; those that this version of MLflow does not have are NULL."""
        there = self[table].c
        return [there[name] if name in there else sa.null().label(name) for name in names]

    def own(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is of the workspace that is read."""
        return row["workspace"] in {None, self.workspace}

    def left_out(self) -> dict[str, sa.Select[Any]]:
        """Questions for how many there are (`n`) of what is not read, by its name."""
        counted = sa.func.count().label("n")
        return {name: sa.select(counted).select_from(sa.table(table)) for name, table in self._left_out.items()}

    def workspaces(self) -> set[str]:
        """The workspaces that hold experiments; none in versions of MLflow that have none."""
        if "workspace" not in self["experiments"].c:
            return set()
        with self._engine.connect() as connection:
            chosen = sa.select(self["experiments"].c.workspace).distinct()
            return {name for name in connection.execute(chosen).scalars() if name}

"""The SQL tables of Tracking, those of its metrics included: one schema, so that they commit together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy import UniqueConstraint as Unique

from trackway_server.core.search.ordering import HEAD
from trackway_server.metrics.store.liveness import liveness_tables
from trackway_server.metrics.store.tables import BigKey, metric_tables

METADATA = MetaData()

METRICS = metric_tables(METADATA)
LIVENESS = liveness_tables(METADATA)

_HEAD = text(f"substr(value, 1, {HEAD})")
_UNFILLED = text("number IS NULL")

EXPERIMENTS = Table(
    "experiments",
    METADATA,
    Column("experiment_id", BigKey, primary_key=True),
    Column("workspace", String(63), nullable=False),
    Column("name", String(500), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("create_time_us", BigInteger, nullable=False),
    Column("update_time_us", BigInteger, nullable=False),
    Unique("workspace", "name", name="uq_experiments_name"),
)

EXPERIMENT_BINDINGS = Table(
    "experiment_bindings",
    METADATA,
    Column("experiment_id", ForeignKey("experiments.experiment_id"), primary_key=True),
    Column("principal", String(250).with_variant(String(250, collation="C"), "postgresql"), primary_key=True),
    Column("role", Integer, nullable=False, comment="auth.v1.Role"),
    Index("ix_experiment_bindings_principal", "principal", "experiment_id"),
)

EXPERIMENT_TAGS = Table(
    "experiment_tags",
    METADATA,
    Column("experiment_id", ForeignKey("experiments.experiment_id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String(32), primary_key=True),
    Column("workspace", String(63), nullable=False),
    Column("experiment_id", ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", String(500), nullable=False),
    Column("status", Integer, nullable=False, comment="tracking.v1.RunStatus"),
    Column("status_message", Text, nullable=False),
    Column("user_id", String(250), nullable=False),
    Column("start_time_us", BigInteger, nullable=False),
    Column("end_time_us", BigInteger, nullable=False, comment="0: not ended"),
    Column("parent_run_id", String(32), nullable=False, comment="empty: none"),
    Column("start_digest", String(64), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("deleted_with_experiment", Boolean, nullable=False),
    Column("refused_count", BigInteger, nullable=False),
    Index("ix_runs_workspace", "workspace", "deleted", "start_time_us", "run_id"),
    Index("ix_runs_experiment", "experiment_id", "deleted", "start_time_us", "run_id"),
    Index("ix_runs_parent", "parent_run_id"),
)

PARAMS = Table(
    "params",
    METADATA,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    Column("number", Float(53), comment="what number the value is; infinite: none; null: not filled yet"),
    Index("ix_params_values", "key", "run_id", "number", _HEAD),
    Index("ix_params_unfilled", "run_id", sqlite_where=_UNFILLED, postgresql_where=_UNFILLED),
)

TAGS = Table(
    "tags",
    METADATA,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    Index("ix_tags_value", "key", _HEAD, "run_id"),
)

DATASET_INPUTS = Table(
    "dataset_inputs",
    METADATA,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("name", String(500), primary_key=True),
    Column("digest", String(128), primary_key=True),
    Column("source_type", String(250), nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("context", String(250), nullable=False),
    Column("tags", Text, nullable=False, server_default="{}", comment="store/dataset_codec.py"),
)

DELETIONS = Table(
    "run_deletions",
    METADATA,
    Column("run_id", String(32), primary_key=True, comment="of a run, or of one that is gone"),
    Column("since_us", BigInteger, nullable=False, comment="when it was first found deleted"),
    Column("stage", Integer, nullable=False, comment="domain/deletions.py, Stage"),
)

RUN_CHANGES = Table(
    "run_changes",
    METADATA,
    Column("stamp", BigInteger, primary_key=True, autoincrement=False, comment="rises with the transactions"),
    Column("run_id", String(32), primary_key=True, comment="empty: a mark; *: all runs"),
)

REFUSALS = Table(
    "run_refusals",
    METADATA,
    Column("number", BigKey, primary_key=True),
    Column("run_id", ForeignKey("runs.run_id"), nullable=False),
    Column("writer_id", String(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("reason", Integer, nullable=False, comment="common.v1.ErrorReason"),
    Column("message", Text, nullable=False),
    Index("ix_run_refusals_run_id", "run_id", "number"),
)

CONSOLE_PAGES = Table(
    "console_pages",
    METADATA,
    Column("number", BigKey, primary_key=True),
    Column("run_id", ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False),
    Column("writer_id", String(32), nullable=False),
    Column("first_sequence", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("total_bytes", BigInteger, nullable=False, comment="of the writer, up to the end of this page"),
    Column("data", LargeBinary, nullable=False, comment="store/console_codec.py"),
    Unique("writer_id", "first_sequence", name="uq_console_pages"),
    Index("ix_console_pages_writer", "writer_id", "last_sequence"),
    Index("ix_console_pages_run_id", "run_id"),
)

LOGGED_MODELS = Table(
    "logged_models",
    METADATA,
    Column("model_id", String(34), primary_key=True),
    Column("workspace", String(63), nullable=False),
    Column("experiment_id", ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", String(500), nullable=False),
    Column("model_type", String(500), nullable=False, comment="empty: none"),
    Column("source_run_id", String(32), nullable=False, comment="empty: none"),
    Column("status", Integer, nullable=False, comment="tracking.v1.LoggedModelStatus"),
    Column("status_message", Text, nullable=False),
    Column("create_time_us", BigInteger, nullable=False),
    Column("update_time_us", BigInteger, nullable=False),
    Column("start_digest", String(64), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Index("ix_logged_models_workspace", "workspace", "deleted", "create_time_us", "model_id"),
    Index("ix_logged_models_experiment", "experiment_id", "deleted", "create_time_us", "model_id"),
)

GONE_MODELS = Table(
    "gone_logged_models",
    METADATA,
    Column("model_id", String(34), primary_key=True, comment="of a model that was deleted for good"),
)

LOGGED_MODEL_PARAMS = Table(
    "logged_model_params",
    METADATA,
    Column("model_id", ForeignKey("logged_models.model_id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    Column("number", Float(53), nullable=False, comment="what number the value is; infinite: none"),
)

LOGGED_MODEL_TAGS = Table(
    "logged_model_tags",
    METADATA,
    Column("model_id", ForeignKey("logged_models.model_id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
)

LOGGED_MODEL_SERIES = Table(
    "logged_model_series",
    METADATA,
    Column("series", ForeignKey("metric_series.number", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("model_id", String(34), nullable=False, comment="of the series' context; the model need not be there"),
    Column("workspace", String(63), nullable=False, comment="of the run"),
    Column("run_id", String(32), nullable=False),
    Column("key", String(250).with_variant(String(250, collation="C"), "postgresql"), nullable=False),
    Column("dataset_name", String(250), nullable=False),
    Column("dataset_digest", String(250), nullable=False),
    Index("ix_logged_model_series_model", "model_id", "key"),
    Index("ix_logged_model_series_run", "run_id"),
)

RUN_MODELS = Table(
    "run_models",
    METADATA,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("output", Boolean, primary_key=True, comment="whether the run makes the model; else it reads it"),
    Column("model_id", String(34), primary_key=True, comment="the model need not be there"),
    Column("step", BigInteger, primary_key=True, autoincrement=False, comment="0 for what is read"),
    Index("ix_run_models_model", "model_id", "output"),
)

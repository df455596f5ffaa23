"""The registry's tables."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from trackway_server.metrics.store.tables import metric_tables

METADATA = MetaData()

EMPTY = text("''")
"""The default of columns that servers of an older version do not fill."""

METRICS = metric_tables(METADATA)


def _exact(length: int) -> String:
    """Text that every database compares and sorts by code points."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


MODELS = Table(
    "registered_models",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("description", Text, nullable=False),
    Column("create_time_us", BigInteger, nullable=False),
    Column("update_time_us", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace", "name"),
)

MODEL_TAGS = Table(
    "registered_model_tags",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("key", _exact(250), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("workspace", "name", "key"),
    ForeignKeyConstraint(
        ["workspace", "name"], ["registered_models.workspace", "registered_models.name"], ondelete="CASCADE"
    ),
)

BINDINGS = Table(
    "model_bindings",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("principal", _exact(250), nullable=False),
    Column("role", Integer, nullable=False, comment="auth.v1.Role"),
    PrimaryKeyConstraint("workspace", "name", "principal"),
    ForeignKeyConstraint(
        ["workspace", "name"], ["registered_models.workspace", "registered_models.name"], ondelete="CASCADE"
    ),
    Index("ix_model_bindings_principal", "principal", "workspace", "name"),
)

VERSIONS = Table(
    "model_versions",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("run_id", _exact(32), nullable=False),
    Column("manifest_digest", _exact(71), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stage", _exact(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("create_time_us", BigInteger, nullable=False),
    Column("update_time_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("run_link", Text, nullable=False, server_default=EMPTY),
    Column("model_id", _exact(255), nullable=False, server_default=EMPTY),
    Column("location", Text, nullable=False, server_default=EMPTY),
    PrimaryKeyConstraint("workspace", "name", "version"),
    ForeignKeyConstraint(
        ["workspace", "name"], ["registered_models.workspace", "registered_models.name"], ondelete="CASCADE"
    ),
    Index("ix_model_versions_stage", "workspace", "name", "stage", "version"),
)


def _of_version() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["workspace", "name", "version"],
        ["model_versions.workspace", "model_versions.name", "model_versions.version"],
        ondelete="CASCADE",
    )


MANIFESTS = Table(
    "model_version_manifests",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("version", Integer, nullable=False),
    # The canonical text, whose SHA-256 is the version's digest; a table of its own, so that lists do not read it.
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("workspace", "name", "version"),
    _of_version(),
)

VERSION_TAGS = Table(
    "model_version_tags",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("version", Integer, nullable=False),
    Column("key", _exact(250), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("workspace", "name", "version", "key"),
    _of_version(),
)

ALIASES = Table(
    "model_aliases",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("alias", _exact(255), nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("workspace", "name", "alias"),
    _of_version(),
    Index("ix_model_aliases_version", "workspace", "name", "version"),
)

# What follows outlives the models it is about: numbers and request ids are never used twice.

COUNTERS = Table(
    "version_counters",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("last_version", Integer, nullable=False),
    PrimaryKeyConstraint("workspace", "name"),
)

REQUESTS = Table(
    "version_requests",
    METADATA,
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("request_id", _exact(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", Text, nullable=False),
    PrimaryKeyConstraint("workspace", "name", "request_id"),
)

VERSION_SUBJECTS = Table(
    "version_subjects",
    METADATA,
    Column("subject_id", _exact(32), nullable=False, comment="of the metric_ tables"),
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("subject_id"),
    UniqueConstraint("workspace", "name", "version", name="uq_version_subjects"),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("event_id", _exact(32), nullable=False),
    Column("kind", Integer, nullable=False),
    Column("workspace", _exact(63), nullable=False),
    Column("name", _exact(250), nullable=False),
    Column("version", Integer, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("details", Text, nullable=False),
    Index("ix_events_model", "workspace", "name", "sequence"),
    Index("ix_events_workspace", "workspace", "sequence"),
)

# Of few events: MODEL_CREATED and MODEL_RENAMED, with which models come under their names.
OF_BEGINNINGS = EVENTS.c.kind.in_([literal_column("1"), literal_column("14")])
Index(
    "ix_events_beginnings",
    EVENTS.c.workspace,
    EVENTS.c.name,
    EVENTS.c.sequence,
    sqlite_where=OF_BEGINNINGS,
    postgresql_where=OF_BEGINNINGS,
)

LOG_HEAD = Table(
    "event_log_head",
    METADATA,
    # One row. Every write transaction locks it first, so that events become visible in the order of their sequences.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("event_id", _exact(32), nullable=False),
)

HEAD_ID = 1
"""The one row of LOG_HEAD, made by the first migration."""

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("webhook_id", _exact(32), nullable=False),
    Column("workspace", _exact(63), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("kinds", BigInteger, nullable=False, comment="1 << EventKind of each kind it tells of"),
    Column("form", Integer, nullable=False, comment="registry.v1.WebhookPayload"),
    Column("status", Integer, nullable=False, comment="registry.v1.WebhookStatus"),
    Column("secret", LargeBinary, nullable=False, comment="encrypted; empty: none"),
    Column("create_time_us", BigInteger, nullable=False),
    Column("update_time_us", BigInteger, nullable=False),
    # What follows is written by the holder of the lease alone, save where people change the webhook.
    Column("position", BigInteger, nullable=False, comment="sequence of the event up to which all is told"),
    Column("delivered", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("last_attempt_us", BigInteger, nullable=False),
    Column("last_event_id", _exact(32), nullable=False),
    Column("last_http_status", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failing_since_us", BigInteger, nullable=False),
    Column("next_attempt_us", BigInteger, nullable=False),
    Column("lease_holder", _exact(32), nullable=False),
    Column("lease_until_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("webhook_id"),
    Index("ix_webhooks_workspace", "workspace", "webhook_id"),
)

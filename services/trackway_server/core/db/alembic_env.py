"""The one Alembic environment that every service's `migrations/env.py` calls. Importing this imports Alembic.

from trackway_server.core.db.alembic_env import run
from trackway_server.tracking.store.tables import METADATA

run(METADATA)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, event
from sqlalchemy.exc import DBAPIError

from trackway_server.core.db.sqlite import sqlite_engine
from trackway_server.core.lifecycle import StartupError

if TYPE_CHECKING:
    from trackway_server.core.db.postgres_migration import PostgresMigration


def run_upgrade(database: Path, script_location: Path, revision: str = "head") -> None:
    """Run the migrations that the database lacks, up to a `revision`, each in one transaction with its mark in
    `alembic_version`."""
    config = _config(script_location)
    engine = sqlite_engine(database)
    event.listen(engine, "connect", _without_foreign_keys)  # a table that is rebuilt is dropped in between
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except DBAPIError as error:
        raise StartupError(f"cannot migrate the database {database}: {error.orig}") from error
    finally:
        engine.dispose()


def run_postgres_upgrade(migration: PostgresMigration, script_location: Path, revision: str = "head") -> None:
    """Run the migrations that the schema lacks, up to a `revision`, each in one transaction; the caller holds the lock
    on the schema."""
    config = _config(script_location)
    with migration.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def run(metadata: MetaData) -> None:
    """Run the migrations asked for on the connection given by `run_upgrade`."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


def differences(database: Path, metadata: MetaData) -> list[object]:
    """What Alembic's autogenerate would change in the database to make it fit the tables."""
    engine = sqlite_engine(database)
    try:
        with engine.connect() as connection:
            return compare(connection, metadata)
    finally:
        engine.dispose()


def compare(connection: Connection, metadata: MetaData) -> list[object]:
    """What autogenerate would change where the connection looks by default."""
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def _config(script_location: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _without_foreign_keys(driver: Any, _record: object) -> None:
    driver.execute("PRAGMA foreign_keys=OFF").close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

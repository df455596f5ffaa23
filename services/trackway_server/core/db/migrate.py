"""Schemas: bringing a database to the revision this program was built for.

Each service has a `migrations/` folder: `env.py`, which calls `alembic_env.run`, and `versions/`. A database that is
at head already is recognised without importing Alembic, which would take longer than the rest of a start.

SQLite files belong to one server, which migrates them when it starts. On PostgreSQL, which servers share, every service
has a schema of its own name, and only `trackway server migrate` migrates.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import structlog
from sqlalchemy import MetaData

from trackway_server.core.lifecycle import StartupError

LOG = structlog.get_logger(__name__)
_ASSIGNMENT = re.compile(r"""^(revision|down_revision)\b[^=\n]*=\s*(?:None|["']([^"']+)["'])""", re.MULTILINE)


def upgrade(database: Path, script_location: Path) -> None:
    """Bring the SQLite database to head, making the file where there is none; each migration in one transaction.

    Raises StartupError where the file is no database, or was written by a newer Trackway.
    """
    revisions = known_revisions(script_location)
    at = current(database)
    if at == head(script_location):
        return
    if at is not None and at not in revisions:
        raise _newer(str(database), at)
    from trackway_server.core.db.alembic_env import run_upgrade

    started = time.perf_counter()
    run_upgrade(database, script_location)
    log_migration(str(database), at, head(script_location), time.perf_counter() - started)


def log_migration(database: str, before: str | None, after: str | None, seconds: float) -> None:
    """Tell the log of a migration. `database` is a name or path, never an address with a password."""
    LOG.info("database_migrated", database=database, before=before, after=after, seconds=round(seconds, 3))


def upgrade_postgres(database_url: str, schema: str, script_location: Path) -> bool:
    """Bring a schema of a PostgreSQL database to head, making it where there is none; whether anything was to be done.

    Each migration in one transaction, under a lock that keeps other migrations of the schema out. Raises StartupError
    where the database cannot be used, is being migrated, or was written by a newer Trackway.
    """
    from trackway_server.core.db.postgres_migration import PostgresMigration

    migration, revisions = PostgresMigration(database_url, schema), known_revisions(script_location)
    with migration.locked():
        at = migration.current()
        if at == head(script_location):
            return False
        if at is not None and at not in revisions:
            raise _newer(migration.name, at)
        from trackway_server.core.db.alembic_env import run_postgres_upgrade

        started = time.perf_counter()
        run_postgres_upgrade(migration, script_location)
        log_migration(migration.name, at, head(script_location), time.perf_counter() - started)
    return True


def check_postgres(database_url: str, schema: str, script_location: Path) -> None:
    """Raise StartupError unless the schema is at head: a server that shares its database never migrates it."""
    from trackway_server.core.db.postgres_migration import PostgresMigration

    migration = PostgresMigration(database_url, schema)
    at = migration.current()
    if at == head(script_location):
        migration.warn_of_loss()
        return
    if at is not None and at not in known_revisions(script_location):
        raise _newer(migration.name, at)
    state = "is not migrated" if at is None else f"is at the older revision {at}"
    raise StartupError(
        f"the database {migration.name} {state}: run first:"
        f" trackway server migrate --target {schema} --database-url {migration.url}"
    )


def _newer(database: str, at: str) -> StartupError:
    return StartupError(
        f"the database {database} was written by a newer Trackway (revision {at}); install that version or newer"
    )


def current(database: Path) -> str | None:
    """The revision the database is at; None for a file that is not there or holds no schema of ours."""
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{_escaped(database)}?mode=rw", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise StartupError(f"cannot open the database {database}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StartupError(f"cannot open the database {database}: {error}") from error
    return None if row is None else str(row[0])


def head(script_location: Path) -> str | None:
    """The newest revision in `versions/`; None where there is none. ValueError where there are several heads."""
    revisions = known_revisions(script_location)
    heads = set(revisions) - set(revisions.values())
    if len(heads) > 1:
        raise ValueError(f"{script_location} has several heads: {sorted(heads)}")
    return next(iter(heads), None)


def known_revisions(script_location: Path) -> Mapping[str, str | None]:
    """Every revision in `versions/` and the one it follows, read from the text of the files."""
    found: dict[str, str | None] = {}
    for file in sorted((script_location / "versions").glob("[0-9a-zA-Z]*.py")):
        assigned = {name: value or None for name, value in _ASSIGNMENT.findall(file.read_text(encoding="utf-8"))}
        if revision := assigned.get("revision"):
            found[revision] = assigned.get("down_revision")
    return found


def check(script_location: Path, metadata: MetaData, scratch: Path) -> list[object]:
    """The differences between the tables and what the migrations make of the empty file `scratch`; for tests."""
    from trackway_server.core.db.alembic_env import differences

    upgrade(scratch, script_location)
    return differences(scratch, metadata)


def differences_in_postgres(database_url: str, schema: str, metadata: MetaData) -> list[object]:
    """The differences between the tables and a migrated schema; for tests."""
    from trackway_server.core.db.alembic_env import compare
    from trackway_server.core.db.postgres_migration import PostgresMigration

    with PostgresMigration(database_url, schema).migrating() as connection:
        return compare(connection, metadata)


def _escaped(path: Path) -> str:
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")

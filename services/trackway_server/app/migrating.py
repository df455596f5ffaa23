"""`trackway server migrate`: brings the schemas of services on PostgreSQL to what this program was built for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import trackway_server
from trackway_server.app.arguments import add_database_url
from trackway_server.app.options import Target
from trackway_server.core.lifecycle import StartupError

_REFUSED = 2

_DESCRIPTION = """Make or migrate the tables of services in a PostgreSQL database: each service's in a schema of its own
name, each migration in one transaction, one process at a time. Servers never do that by themselves; run this before
the first start and before each newer version. SQLite files are migrated by the server that owns them."""


def main(arguments: Sequence[str]) -> int:
    """Migrate; the exit code: 0 when all is at head, 2 where it could not be."""
    parsed = _parser().parse_args(arguments)
    try:
        if not parsed.database_url:
            raise StartupError(
                "say which database: --database-url or TRACKWAY_DATABASE_URL (SQLite files need no such step)"
            )
        configure_log()
        migrate(Target(parsed.target), parsed.database_url)
    except StartupError as error:
        print(f"trackway server migrate: {error}", file=sys.stderr)  # noqa: T201 - this is the program's output
        return _REFUSED
    except ModuleNotFoundError as error:
        message = f"{error.name} is missing: install the server with: pip install 'trackway[server,postgres]'"
        print(f"trackway server migrate: {message}", file=sys.stderr)  # noqa: T201
        return _REFUSED
    return 0


def migrate(target: Target, database_url: str) -> None:
    """Migrate the schemas of the target's services, and say what was done. Raises StartupError."""
    from trackway_server.core.db.migrate import head, upgrade_postgres

    for service in target.services:
        scripts = migrations_of(service)
        done = upgrade_postgres(database_url, service, scripts)
        print(f"{service}: {'migrated to' if done else 'is at'} revision {head(scripts)}")  # noqa: T201


def configure_log() -> None:
    """The log goes to stderr: stdout is for what was done."""
    from pydantic import ValidationError

    from trackway_server.core.config import CoreSettings, wrong_setting
    from trackway_server.core.logging import configure_logging

    try:
        core = CoreSettings()
    except ValidationError as error:
        raise StartupError(wrong_setting(error)) from error
    configure_logging(core.log_level, core.log_format)


def migrations_of(service: str) -> Path:
    """The folder of a service's migrations."""
    return Path(trackway_server.__file__).parent / service / "migrations"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trackway server migrate", description=_DESCRIPTION, allow_abbrev=False)
    targets = [target.value for target in Target if target.services]
    parser.add_argument("--target", default="all", choices=targets, help="whose tables (default: all)")
    add_database_url(parser)
    return parser

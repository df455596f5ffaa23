"""What several command lines of the server have in common."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from trackway_server.core.lifecycle import StartupError


def add_database_url(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a PostgreSQL database."""
    parser.add_argument(
        "--database-url",
        default=from_file_or_environment("TRACKWAY_DATABASE_URL"),
        metavar="URL",
        help="PostgreSQL in place of SQLite files, migrated with `trackway server migrate`"
        " (default: $TRACKWAY_DATABASE_URL or the file $TRACKWAY_DATABASE_URL_FILE, which do not show in a list of"
        " processes)",
    )


def from_file_or_environment(name: str) -> str | None:
    """The variable, or the content of the file that `NAME_FILE` names: secrets are mounted as files."""
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value or not file:
        return value
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(
            f"the file that {name}_FILE names cannot be read: mount it, or unset the variable"
        ) from error

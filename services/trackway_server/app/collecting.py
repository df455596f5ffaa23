"""`trackway server gc`: removes runs for good that have been deleted for long enough."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from trackway_server.app.arguments import add_database_url
from trackway_server.app.data_dir import claimed_data_dir
from trackway_server.app.options import DEFAULT_DATA_DIR, Target
from trackway_server.core.lifecycle import StartupError

_REFUSED = 2
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_DESCRIPTION = """Remove runs for good that have been deleted for long enough: points, params, tags, the run itself. A
running server does so by itself, once an hour; on SQLite files this command is for a server that is stopped. It may be
stopped at any time, and goes on where it was the next time. A run counts as deleted from when a server, or this
command, first found it so."""


def main(arguments: Sequence[str]) -> int:
    """Collect; the exit code: 0 when done, 2 where it could not be."""
    parsed = _parser().parse_args(arguments)
    try:
        from trackway_server.app.migrating import configure_log

        configure_log()
        return asyncio.run(_collect(parsed))
    except StartupError as error:
        return _refused(str(error))
    except ModuleNotFoundError as error:
        return _refused(f"{error.name} is missing: install the server with: pip install 'trackway[server,postgres]'")


async def _collect(parsed: argparse.Namespace) -> int:
    from pydantic import SecretStr

    from trackway_server.core.clock import SystemClock
    from trackway_server.core.db.opening import opened_database
    from trackway_server.core.errors import DomainError
    from trackway_server.tracking.config import TrackingSettings
    from trackway_server.tracking.module import MIGRATIONS
    from trackway_server.tracking.purging import Purger
    from trackway_server.tracking.store.sql import SqlTracking

    url = SecretStr(parsed.database_url) if parsed.database_url else None
    settings = TrackingSettings(data_dir=parsed.data_dir, database_url=url)
    if url is None and not settings.database_path.exists():
        raise StartupError(f"there is no {settings.database_path}: say where the data is: --data-dir or --database-url")
    retention = settings.retention_seconds if parsed.older_than is None else parsed.older_than
    runs, size = 0, 0
    claim = nullcontext() if url is not None else claimed_data_dir(parsed.data_dir, Target.TRACKING)
    with claim:
        async with opened_database(settings.database_path, MIGRATIONS, url) as database:
            purger = Purger(SqlTracking(database), SystemClock(), retention)
            try:
                async for run in purger.purge(dry_run=parsed.dry_run):
                    runs, size = runs + 1, size + run.point_bytes
                    if not parsed.json:
                        print(f"{run.run_id}  {run.point_bytes:,} bytes")  # noqa: T201 - this is the program's output
            except DomainError as refused:
                raise StartupError(refused.message) from refused
    _tell(runs, size, dry_run=parsed.dry_run, as_json=parsed.json)
    return 0


def _tell(runs: int, size: int, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"dry_run": dry_run, "runs": runs, "point_bytes": size}))  # noqa: T201
    else:
        done = "would be removed" if dry_run else "removed"
        print(f"{runs} deleted runs {done}, {size:,} bytes of points.")  # noqa: T201


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError("is a number and a unit, as 30d, 12h, 0s")
    return float(int(found[1]) * _UNITS[found[2]])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trackway server gc", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("TRACKWAY_DATA_DIR") or DEFAULT_DATA_DIR),
        metavar="DIR",
        help="where the SQLite files are (default: $TRACKWAY_DATA_DIR or ./trackway-data)",
    )
    add_database_url(parser)
    parser.add_argument(
        "--older-than",
        type=_seconds,
        metavar="TIME",
        help="remove what has been deleted for so long, as 30d or 12h"
        " (default: $TRACKWAY_TRACKING_RETENTION_SECONDS or 30d)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    parser.add_argument("--json", action="store_true", help="for scripts")
    return parser


def _refused(message: str) -> int:
    print(f"trackway server gc: {message}", file=sys.stderr)  # noqa: T201
    return _REFUSED

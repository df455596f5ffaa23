"""`trackway server gc`: removes runs and logged models that have been deleted for long enough, with their files."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from trackway_server.app.arguments import add_database_url, from_file_or_environment
from trackway_server.app.data_dir import claimed_data_dir
from trackway_server.app.options import DEFAULT_DATA_DIR, Target
from trackway_server.core.lifecycle import StartupError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from trackway_server.artifacts.domain.artifacts import Owner
    from trackway_server.artifacts.domain.collecting import Collector
    from trackway_server.tracking.purging import Purger

_REFUSED = 1
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_DESCRIPTION = """Remove runs and logged models for good that have been deleted for long enough: points, params, tags,
the run or model itself, and experiments that were deleted with all of theirs. A running server does so by itself,
once an hour; this command also removes the files of runs and logged models that are gone, and the bytes that no file
and no version of a model refers to any more (on PostgreSQL those of the last quarter of an hour are left to the next
time). On SQLite files it is for a server that is stopped. It may be stopped at any time, and goes on where it was the
next time. A run counts as deleted from when a server, or this command, first found it so."""


def main(arguments: Sequence[str], program: str = "trackway server gc") -> int:
    """Collect, called as `program`; the exit code: 0 when done, 1 where it could not be, 2 for wrong arguments."""
    parsed = _parser(program).parse_args(arguments)
    try:
        from trackway_server.app.migrating import configure_log

        configure_log()
        return asyncio.run(_collect(parsed))
    except StartupError as error:
        return _refused(program, str(error))
    except ModuleNotFoundError as error:
        missing = f"{error.name} is missing: install the server with: pip install 'trackway[server,postgres]'"
        return _refused(program, missing)


async def _collect(parsed: argparse.Namespace) -> int:
    from trackway_server.core.errors import DomainError
    from trackway_server.tracking.purging import PurgedExperiments, PurgedModel, PurgedRun

    found = _Found(parsed)
    if not found.runs:
        where = parsed.data_dir / "tracking.db"
        raise StartupError(f"there is no {where}: say where the data is: --data-dir or --database-url")
    told = {"dry_run": parsed.dry_run, "runs": 0, "point_bytes": 0, "logged_models": 0, "experiments": 0}
    try:
        async with AsyncExitStack() as stack:
            for target in found.claimed:
                stack.enter_context(claimed_data_dir(parsed.data_dir, target))
            purger = await stack.enter_async_context(_purger(parsed))
            async for purged in purger.purge(dry_run=parsed.dry_run):
                match purged:
                    case PurgedRun(run_id, point_bytes):
                        told["runs"] += 1
                        told["point_bytes"] += point_bytes
                        _tell_one(parsed, f"{run_id}  {point_bytes:,} bytes")
                    case PurgedModel(model_id):
                        told["logged_models"] += 1
                        _tell_one(parsed, model_id)
                    case PurgedExperiments(count):
                        told["experiments"] += count
            if found.files:
                collector = await stack.enter_async_context(_collector(parsed, purger))
                async for owner in collector.collect(dry_run=parsed.dry_run):
                    _tell_one(parsed, f"{owner.id}  files")
                told |= asdict(collector.collected)
    except DomainError as refused:
        raise StartupError(refused.message) from refused
    _tell(told, as_json=parsed.json)
    return 0


class _Found:
    """Which services' data is where the arguments say."""

    def __init__(self, parsed: argparse.Namespace) -> None:
        remote = parsed.database_url is not None
        files_remote = parsed.artifacts_database_url is not None
        self.runs = remote or (parsed.data_dir / "tracking.db").exists()
        # Whose files are in a database beside this one says so; those of a PostgreSQL are not guessed at.
        self.files = files_remote or (parsed.data_dir / "artifacts.db").exists()
        self.claimed = [
            target
            for target, local in (
                (Target.TRACKING, self.runs and not remote),
                (Target.ARTIFACTS, self.files and not files_remote),
            )
            if local
        ]


@asynccontextmanager
async def _purger(parsed: argparse.Namespace) -> AsyncIterator[Purger]:
    from trackway_server.core.clock import SystemClock
    from trackway_server.core.db.opening import opened_database
    from trackway_server.tracking.config import TrackingSettings
    from trackway_server.tracking.module import MIGRATIONS
    from trackway_server.tracking.purging import Purger
    from trackway_server.tracking.store.sql import SqlTracking

    url = _secret(parsed.database_url)
    settings = TrackingSettings(data_dir=parsed.data_dir, database_url=url)
    retention = settings.retention_seconds if parsed.older_than is None else parsed.older_than
    async with opened_database(settings.database_path, MIGRATIONS, url) as database:
        yield Purger(SqlTracking(database), SystemClock(), retention)


@asynccontextmanager
async def _collector(parsed: argparse.Namespace, purger: Purger) -> AsyncIterator[Collector]:
    from trackway_server.artifacts.config import ArtifactsSettings
    from trackway_server.artifacts.domain.collecting import GRACE_SECONDS, Collector
    from trackway_server.artifacts.module import MIGRATIONS, open_blobs
    from trackway_server.artifacts.store.garbage_sql import SqlGarbage
    from trackway_server.core.clock import SystemClock
    from trackway_server.core.db.opening import opened_database

    url = _secret(parsed.artifacts_database_url)
    settings = ArtifactsSettings(data_dir=parsed.data_dir, database_url=url, blob_url=parsed.blob_url or "")
    if not settings.blob_url and (os.environ.get("TRACKWAY_BLOB_URL") or not (parsed.data_dir / "blobs").is_dir()):
        # Asked for in so many words: it is no bucket in which others keep files, too.
        raise StartupError("say where the bytes of files are: --blob-url as given to the server, or --data-dir")
    # Beside SQLite files no server runs now, so that nobody uploads.
    grace = 0.0 if url is None else GRACE_SECONDS

    async def gone(owners: Sequence[Owner]) -> set[str]:
        runs = [owner.id for owner in owners if not owner.is_model]
        models = [owner.id for owner in owners if owner.is_model]
        return await purger.doomed(runs, models, with_due=parsed.dry_run)

    async with (
        opened_database(settings.data_dir / "artifacts.db", MIGRATIONS, url) as database,
        open_blobs(settings) as blobs,
    ):
        yield Collector(SqlGarbage(database), blobs, SystemClock(), gone, grace)


def _secret(text: str | None) -> SecretStr | None:
    from pydantic import SecretStr

    return SecretStr(text) if text else None


def _tell_one(parsed: argparse.Namespace, line: str) -> None:
    if not parsed.json:
        print(line)  # noqa: T201 - this is the program's output


def _tell(told: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told))  # noqa: T201
        return
    done = "would be removed" if told["dry_run"] else "removed"
    print(f"{told['runs']} deleted runs {done}, {told['point_bytes']:,} bytes of points.")  # noqa: T201
    print(f"{told['logged_models']} logged models and {told['experiments']} experiments {done}.")  # noqa: T201
    if "files" in told:
        print(f"{told['files']} files of runs and logged models that are gone {done}, {told['file_bytes']:,} bytes.")  # noqa: T201
        print(f"{told['blobs']} blobs that nothing refers to {done}: {told['blob_bytes']:,} bytes freed.")  # noqa: T201


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError("is a number and a unit, as 30d, 12h, 0s")
    return float(int(found[1]) * _UNITS[found[2]])


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("TRACKWAY_DATA_DIR") or DEFAULT_DATA_DIR),
        metavar="DIR",
        help="where the SQLite files are (default: $TRACKWAY_DATA_DIR or ./trackway-data)",
    )
    add_database_url(parser)
    parser.add_argument(
        "--artifacts-database-url",
        default=from_file_or_environment("TRACKWAY_ARTIFACTS_DATABASE_URL"),
        metavar="URL",
        help="PostgreSQL of the artifact store, to remove files, too; it may be the same one (default:"
        " $TRACKWAY_ARTIFACTS_DATABASE_URL; without it artifacts.db in --data-dir, where that is)",
    )
    parser.add_argument(
        "--blob-url",
        metavar="URL",
        help="where the bytes of files are, as given to the server (default: blobs in --data-dir). Not for a prefix of"
        " a bucket that servers with another database share: bytes of theirs might go, too",
    )
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


def _refused(program: str, message: str) -> int:
    print(f"{program}: {message}", file=sys.stderr)  # noqa: T201
    return _REFUSED

"""`trackway sync`: send spools now, from this process, and say how it went.

It may run beside a live uplink and on a copied folder: the server stores every record once, whoever sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from trackway import errors
from trackway._ingest.adoption import adopt
from trackway._ingest.discover import find_spools
from trackway._ingest.meta import Meta, SpoolDamaged
from trackway._ingest.sender import Progress, SpoolSender
from trackway._ingest.server import Servers
from trackway._ingest.spool import default_root
from trackway._ingest.watch import remove_spool

CONCURRENCY = 8
ATTEMPTS = 3


@dataclass(slots=True)
class SpoolReport:
    """How one spool went."""

    directory: Path
    run_id: str = ""
    progress: Progress = field(default_factory=Progress)
    still_open: bool = False
    """Everything in it is stored; its process may write more."""
    problem: str = ""
    """Why it was not sent, or not to the end; empty where it was."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How a sync went."""

    spools: list[SpoolReport]

    @property
    def ok(self) -> bool:
        """Everything that was there is stored."""
        return not any(spool.problem for spool in self.spools)


def sync_spools(
    paths: Iterable[Path] | Path | None = None,
    *,
    uri: str | None = None,
    token: str | None = None,
    ended: bool = False,
    progress: Callable[[SyncReport], None] | None = None,
) -> SyncReport:
    """Send every spool at or below `paths` (default: this user's root) and remove those that are complete.

    `uri` sends to that server instead of the one each spool names. `ended` says that processes of other machines have
    ended too, so that their runs are closed. `progress` is called whenever something was stored. One bad spool does
    not stop the others. Must not be called inside a running event loop.
    """
    chosen = [paths] if isinstance(paths, Path) else list(paths or [Path(default_root())])
    return asyncio.run(_sync(chosen, uri, token, ended, progress or (lambda _: None)))


async def _sync(
    paths: list[Path], uri: str | None, token: str | None, ended: bool, progress: Callable[[SyncReport], None]
) -> SyncReport:
    report = SyncReport([SpoolReport(directory) for directory in find_spools(paths)])
    servers = Servers()
    turns = asyncio.Semaphore(CONCURRENCY)

    async def send(spool: SpoolReport) -> None:
        async with turns:
            await _send(spool, servers, uri, token, ended, lambda: progress(report))
        progress(report)

    try:
        for wave in _waves(report.spools):
            async with asyncio.TaskGroup() as tasks:
                for spool in wave:
                    tasks.create_task(send(spool))
    finally:
        await servers.close()
    return report


def _waves(spools: list[SpoolReport]) -> list[list[SpoolReport]]:
    """Those that begin runs first: a server takes nothing of a run that it does not know."""
    waves: list[list[SpoolReport]] = [[], []]
    for spool in spools:
        try:
            begins = Meta.read(spool.directory).owns_run
        except (OSError, SpoolDamaged):
            begins = False  # `_send` says what is wrong
        waves[not begins].append(spool)
    return waves


async def _send(
    spool: SpoolReport, servers: Servers, uri: str | None, token: str | None, ended: bool, tell: Callable[[], None]
) -> None:
    sender = None
    try:
        meta = Meta.read(spool.directory)
        spool.run_id = meta.run_id
        if ended or not meta.writer_is_alive():
            await asyncio.to_thread(adopt, spool.directory, meta)
        target = uri or meta.uri
        if token is not None:
            servers.learn_key(target, token)
        sender = SpoolSender(spool.directory, meta, servers.get(target, meta.workspace), on_progress=tell)
        spool.progress = sender.progress
        await _with_patience(sender)
        if sender.progress.complete:
            remove_spool(spool.directory)
        else:
            spool.still_open = True
    except (errors.TrackwayError, SpoolDamaged) as error:
        spool.problem = str(error)
    except FileNotFoundError:
        spool.progress.complete = True  # the uplink sent it and took it away in the meantime
    finally:
        if sender is not None:
            sender.close()


async def _with_patience(sender: SpoolSender) -> None:
    """Send; begin again where an uplink took the writer over in the middle, or the server went away for a moment."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await sender.session(follow=False)
            return
        except (errors.Conflict, errors.Unavailable):
            if attempt == ATTEMPTS:
                raise
            await asyncio.sleep(0.3 * attempt)

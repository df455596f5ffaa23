"""What the uplink does: tend every spool under a root until it is sent, as long as there is something to do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from trackway import errors
from trackway._ingest.adoption import adopt
from trackway._ingest.discover import find_spools
from trackway._ingest.meta import Meta, SpoolDamaged
from trackway._ingest.sender import SpoolSender
from trackway._ingest.server import Servers
from trackway._ingest.spool import REGISTRY, Link
from trackway._source.starting import Sources

SCAN_SECONDS = 1.0
LIVENESS_SECONDS = 1.0
KEEP_SECONDS = 60.0
"""How long a sent spool is kept for a living process that may still ask how it went."""
FIRST_RETRY_SECONDS = 0.2
LAST_RETRY_SECONDS = 5.0
REFUSED_RETRY_SECONDS = 30.0
IDLE_SECONDS = 10.0
GIVE_UP_SECONDS = 60.0
"""How long an uplink with no living writer goes on with what it cannot send."""

_FINAL = (
    errors.Unauthenticated,
    errors.PermissionDenied,
    errors.FailedPrecondition,
    errors.InvalidArgument,
    errors.Unsupported,
    SpoolDamaged,
)


class Watch:
    """Tends the spools under one root."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._servers = Servers()
        self._sources = Sources(root)
        self._bell = asyncio.Event()
        self._tended: dict[Path, _Tended] = {}
        self._useful_at = time.monotonic()
        self._unfinished_since = 0.0

    def hear(self, message: dict[str, Any]) -> None:
        """Take a message of a training process: look at its spool now; remember its key and files of TLS."""
        uri, token, spool = message.get("uri"), message.get("token"), message.get("spool")
        if isinstance(uri, str) and isinstance(token, str):
            with contextlib.suppress(errors.InvalidArgument):
                self._servers.learn_key(uri, token)
        files = message.get("files")
        if isinstance(uri, str) and isinstance(files, dict):
            with contextlib.suppress(errors.InvalidArgument):
                self._servers.learn_files(uri, {str(name): str(path) for name, path in files.items()})
        if isinstance(spool, str) and isinstance(source := message.get("source"), dict):
            self._sources.take(Path(spool), source)
        if isinstance(spool, str) and (tended := self._tended.get(Path(spool))) is not None:
            if message.get("flush"):
                tended.wake()
        else:
            self._bell.set()

    async def run(self) -> None:
        """Tend spools until there is nothing to do for a while."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._may_end():
                    self._scan(tasks)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(SCAN_SECONDS):
                            await self._bell.wait()
                    self._bell.clear()
                for tended in self._tended.values():
                    tended.cancel()
        finally:
            await self._servers.close()

    def _scan(self, tasks: asyncio.TaskGroup) -> None:
        for directory, tended in list(self._tended.items()):
            if tended.done:
                del self._tended[directory]
        for directory in find_spools([self._root]):
            if directory not in self._tended:
                self._tended[directory] = _Tended(directory, self._servers, tasks)
        self._sources.go_on()

    def _may_end(self) -> bool:
        """Nothing to send and nobody writing for a while; or only what cannot be sent, for a longer while."""
        now = time.monotonic()
        active = [tended for tended in self._tended.values() if not tended.done]
        if self._sources.busy or any(tended.alive or tended.sending for tended in active):
            self._useful_at = now
        patience = GIVE_UP_SECONDS if active else float(os.environ.get("TRACKWAY_UPLINK_IDLE", IDLE_SECONDS))
        return now - self._useful_at > patience


class _Tended:
    """One spool and the task that tends it."""

    def __init__(self, directory: Path, servers: Servers, tasks: asyncio.TaskGroup) -> None:
        self.directory = directory
        self.alive = True
        self._trying = True
        self._stuck_at = -1
        self._servers = servers
        self._sender: SpoolSender | None = None
        self._awake = asyncio.Event()
        self._task = tasks.create_task(self._run())

    @property
    def sending(self) -> bool:
        """Whether it gets on. One that failed and tries again does not, until something of it is acknowledged: an
        uplink that has nothing else ends."""
        return self._trying and (self._sender is None or self._sender.progress.records != self._stuck_at)

    @property
    def done(self) -> bool:
        """Nothing is left to do for this spool."""
        return self._task.done()

    def wake(self) -> None:
        """Somebody waits for this spool."""
        self._awake.set()
        if self._sender is not None:
            self._sender.wake.set()

    def cancel(self) -> None:
        """Stop tending; the spool stays as it is."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            meta = Meta.read(self.directory)
            await self._send_all(meta)
            await self._retire(meta)
        except FileNotFoundError:
            return  # sent and taken away by `trackway sync`
        except SpoolDamaged as error:
            _log(f"{self.directory}: {error}")
            self.alive = self._trying = False
            await asyncio.Event().wait()  # stays known, so that it is not looked at again every second
        finally:
            if self._sender is not None:
                self._sender.close()

    async def _send_all(self, meta: Meta) -> None:
        retry = FIRST_RETRY_SECONDS
        while True:
            try:
                self._trying = True
                self._awake.clear()
                sender = self._current_sender(meta)
                await self._session(sender, meta)
                if sender.progress.complete:
                    return
                retry, self._stuck_at = FIRST_RETRY_SECONDS, -1
            except _FINAL as error:
                self._note(Link.REFUSED, error)
                retry = REFUSED_RETRY_SECONDS
            except errors.TrackwayError as error:
                if meta.service == REGISTRY and isinstance(error, errors.NotFound):
                    self._note(Link.REFUSED, error)  # a run may be about to start; a version is there first
                    await self._pause(REFUSED_RETRY_SECONDS)
                    continue
                unreachable = isinstance(error, errors.Unavailable | errors.DeadlineExceeded)
                self._note(Link.UNREACHABLE if unreachable else Link.UNKNOWN, error)
                retry = min(retry * 2, LAST_RETRY_SECONDS)
            self._trying = False
            await self._pause(retry)

    def _current_sender(self, meta: Meta) -> SpoolSender:
        """A sender for the server as it is known now: its key may have come since the last try."""
        server = self._servers.get(meta.uri, meta.workspace)
        if self._sender is None or self._sender.server is not server:
            if self._sender is not None:
                self._sender.close()
            self._sender = SpoolSender(self.directory, meta, server)
        return self._sender

    async def _session(self, sender: SpoolSender, meta: Meta) -> None:
        """Send while the writer lives; close the spool for a writer that has vanished."""
        mourner = asyncio.ensure_future(self._mourn(meta))
        try:
            await sender.session(follow=True)
        finally:
            mourner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await mourner

    async def _mourn(self, meta: Meta) -> None:
        while True:
            self.alive = meta.writer_is_alive()
            if not self.alive:
                await asyncio.to_thread(adopt, self.directory, meta)
                if self._sender is not None:  # not `wake`: nobody waits, and the pause after a refusal is to be kept
                    self._sender.wake.set()
                return
            await asyncio.sleep(LIVENESS_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Wait, with jitter, so that many spools do not come back at once; less when somebody asks."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds * random.uniform(0.7, 1.3)):  # noqa: S311 - jitter
                await self._awake.wait()
                await asyncio.sleep(FIRST_RETRY_SECONDS)

    def _note(self, link: int, error: Exception) -> None:
        self.alive = self.alive and Meta.read(self.directory).writer_is_alive()
        if self._sender is not None:
            self._stuck_at = self._sender.progress.records
            self._sender.note_failure(link, str(error))
        _log(f"{self.directory.name}: {error}")

    async def _retire(self, meta: Meta) -> None:
        """Take away a spool that is sent, once its process is gone or has had time to see it."""
        self._trying = False
        until = time.monotonic() + KEEP_SECONDS
        while meta.writer_is_alive() and time.monotonic() < until:
            self.alive = False  # a closed spool alone keeps no uplink running
            await asyncio.sleep(LIVENESS_SECONDS)
        remove_spool(self.directory)


def remove_spool(directory: Path) -> None:
    """Delete the folder of a writer whose records are all stored, unless files were refused: those are kept."""
    if any((directory / "artifacts").glob("*.refused")):
        return
    shutil.rmtree(directory, ignore_errors=True)
    with contextlib.suppress(OSError):
        directory.parent.rmdir()


def _log(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {line}\n")
    sys.stderr.flush()

"""Blobs in a local directory: file operations in worker threads, in slices big enough that the hop costs nothing.

While one slice is hashed and written, the next arrives; while one is sent, the next is read. Memory is two slices a
transfer.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.ports import BlobWriter
from trackway_server.artifacts.store.blob_directory import BlobDirectory
from trackway_server.artifacts.store.blob_incoming import IncomingBlob
from trackway_server.artifacts.store.blob_outgoing import OutgoingBlob
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.lifecycle import StartupError

P = ParamSpec("P")
T = TypeVar("T")
LOG = structlog.get_logger(__name__)

THREADS = 4
WRITE_SLICE_BYTES = 2 << 20


@asynccontextmanager
async def open_local_blobs(root: Path) -> AsyncIterator[LocalBlobStore]:
    """The store in the directory `root`, made if it is not there. What a crash left in `incoming/` is removed first.

    Raises StartupError where the directory cannot be used.
    """
    try:
        directory = await asyncio.to_thread(BlobDirectory, root)
    except OSError as error:
        raise StartupError(f"cannot use the blob directory {root}: {error.strerror}") from error
    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="blobs") as threads:
            store = LocalBlobStore(_Worker(threads), directory)
            await store.sweep()
            yield store
    finally:
        directory.close()


class LocalBlobStore:
    """The BlobStore port on a local directory."""

    def __init__(self, worker: _Worker, directory: BlobDirectory) -> None:
        self._worker = worker
        self._directory = directory

    async def sweep(self) -> None:
        """Remove the incoming files that a crash left behind."""
        if removed := await self._worker.run(self._directory.sweep):
            LOG.info("incoming_blobs_swept", files=removed)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        """See BlobStore."""
        incoming = IncomingBlob(self._directory)
        try:
            yield _LocalWriter(self._worker, incoming)
        finally:
            await self._worker.run_shielded(incoming.discard)

    async def read(self, digest: Digest, size_bytes: int, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """See BlobStore."""
        outgoing = OutgoingBlob(self._directory, digest, size_bytes, offset)
        try:
            pieces = await self._worker.run(outgoing.next_pieces)
            while pieces is not None:
                following: Future[list[bytes] | None] | None = None
                while pieces:
                    yield pieces.pop(0)
                    # The next slice is read while the rest of this one is sent, yet not before something of it was
                    # taken: a reader that takes nothing holds one slice, not two.
                    following = following or self._worker.submit(outgoing.next_pieces)
                pieces = await _result(following or self._worker.submit(outgoing.next_pieces))
        finally:
            await self._worker.run_shielded(outgoing.close)

    async def delete(self, digest: Digest) -> bool:
        """See BlobStore."""
        return await self._worker.run(self._directory.delete, digest)


class _LocalWriter:
    """Gathers messages into slices; one slice is with a worker thread at a time."""

    def __init__(self, worker: _Worker, incoming: IncomingBlob) -> None:
        self._worker = worker
        self._incoming = incoming
        self._gathered = bytearray()
        self._appending: Future[None] | None = None

    async def write(self, data: bytes) -> None:
        self._gathered += data
        if len(self._gathered) >= WRITE_SLICE_BYTES:
            await self._appended()
            self._appending = self._worker.submit(self._incoming.append, self._take())

    async def commit(self, digest: Digest, size_bytes: int) -> None:
        await self._appended()
        await self._worker.run(self._incoming.keep, self._take(), digest, size_bytes)

    async def _appended(self) -> None:
        if self._appending is not None:
            await _result(self._appending)

    def _take(self) -> bytearray:
        taken, self._gathered = self._gathered, bytearray()
        return taken


class _Worker:
    """Runs file operations in threads, and says what a failing file system means to the caller."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin the work."""
        return self._threads.submit(work, *args, **kwargs)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work."""
        return await _result(self.submit(work, *args, **kwargs))

    async def run_shielded(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work, also where the caller is cancelled meanwhile."""
        return await asyncio.shield(_result(self.submit(work, *args, **kwargs)))


async def _result(future: Future[T]) -> T:
    try:
        return await asyncio.wrap_future(future)
    except OSError as error:
        raise _refusal(error) from error


def _refusal(error: OSError) -> DomainError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DomainError(
            Reason.STORAGE_FULL, "The server's disk is full and nothing was stored; free space there, then send again."
        )
    LOG.error("blob_store_failed", error=errno.errorcode.get(error.errno or 0, "unknown"))
    return DomainError(
        Reason.SERVICE_UNAVAILABLE, "The server's blob store cannot be used; try again later.", service="artifacts"
    )

"""Receiving files: in constant memory, verified, from where it was after a break, and placed only when whole."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackway import errors
from trackway._rpc.arguments import owner
from trackway._rpc.connection import Connection
from trackway._rpc.digests import file_digest
from trackway._rpc.part import Part
from trackway._rpc.progress import Meter
from trackway._rpc.retry import Backoff
from trackway._rpc.status import has_expired
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1 import resources_pb2
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub

ATTEMPTS = 5
"""How often in a row a break without a single new byte is mended."""


@dataclass(frozen=True, slots=True)
class Download:
    """One file to receive: from a run or a manifest (one of the two), with the digest it must have where known."""

    path: str
    destination: Path
    run_id: str = ""
    manifest_digest: str = ""
    digest: str = ""
    size: int | None = None


async def receive(connection: Connection, download: Download, meter: Meter) -> Path:
    """Fetch one file, unless it is there already with the same digest. Raises NotFound and DataLoss."""
    if await asyncio.to_thread(_is_there, download):
        meter.add(download.size or 0)
        return download.destination
    # Opened and closed here, not in a thread: a cancelled download must not leave one that opens a file later.
    with closing(Part(download.destination)) as part:
        artifact = await _Reception(connection, download, part, meter).run()
        digest = download.digest or artifact.digest
        return await asyncio.to_thread(part.place, digest, artifact.size_bytes)


def _is_there(download: Download) -> bool:
    place = download.destination
    if not download.digest or place.is_symlink() or not place.is_file() or place.stat().st_size != download.size:
        return False
    return file_digest(place) == download.digest


class _ReplacedError(Exception):
    """The file on the server is another one than the part that was received of it."""


class _Reception:
    """One file on its way, over as many streams as it takes."""

    def __init__(self, connection: Connection, download: Download, part: Part, meter: Meter) -> None:
        self._connection = connection
        self._download = download
        self._part = part
        self._meter = meter
        self._artifact: resources_pb2.Artifact | None = None

    async def run(self) -> resources_pb2.Artifact:
        """Receive all bytes. Gives up after `ATTEMPTS` breaks in a row without a new byte."""
        backoff, fruitless = Backoff(), 0
        while True:
            before = self._part.size
            try:
                return await self._one_stream()
            except (errors.Unavailable, errors.DeadlineExceeded, _ReplacedError) as failure:
                fruitless = 1 if self._part.size > before else fruitless + 1
                if fruitless == ATTEMPTS:
                    raise self._given_up(failure) from None
            except errors.Unauthenticated as refused:
                if not has_expired(refused) or self._part.size == before:
                    raise
                continue
            if fruitless == 1:
                backoff.reset()
            await backoff.wait()

    async def _one_stream(self) -> resources_pb2.Artifact:
        begun = False
        async with aclosing(self._connection.stream(self._method, self._request())) as answers:
            async for answer in answers:
                if answer.HasField("artifact"):
                    await self._begin(answer.artifact)
                    begun = True
                elif begun:
                    await self._take(answer.data)
        if self._artifact is None or not begun:
            raise errors.DataLoss(f"the server sent no description of {self._download.path!r}: download it again")
        return self._artifact

    @property
    def _method(self) -> Any:
        return self._connection.stub(ArtifactStoreServiceStub).DownloadArtifact

    def _request(self) -> pb.DownloadArtifactRequest:
        return pb.DownloadArtifactRequest(
            owner=owner(self._download.run_id) if self._download.run_id else "",
            manifest_digest=self._download.manifest_digest,
            path=self._download.path,
            workspace=self._connection.workspace,
            offset=self._part.size,
        )

    async def _begin(self, artifact: resources_pb2.Artifact) -> None:
        if self._part.size and self._artifact is not None and artifact.digest != self._artifact.digest:
            self._meter.add(-self._part.size)
            await asyncio.to_thread(self._part.restart)
            raise _ReplacedError
        self._artifact = artifact

    async def _take(self, data: bytes) -> None:
        assert self._artifact is not None
        if self._part.size + len(data) > self._artifact.size_bytes:
            raise errors.DataLoss(f"the server sent more of {self._download.path!r} than it has: download it again")
        await asyncio.to_thread(self._part.append, data)
        self._meter.add(len(data))

    def _given_up(self, failure: Exception) -> Exception:
        if isinstance(failure, _ReplacedError):
            return errors.Conflict(f"{self._download.path!r} is replaced again and again: download it later")
        return failure

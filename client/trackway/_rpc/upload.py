"""Sending files: in constant memory, with their digest, again from the start where the connection breaks."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from trackway import errors, types
from trackway._rpc import convert
from trackway._rpc.arguments import owner
from trackway._rpc.connection import Connection
from trackway._rpc.digests import digest_of
from trackway._rpc.progress import Meter
from trackway._rpc.retry import Backoff
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub

CHUNK_BYTES = 1024 * 1024
"""The greatest `data` of one message."""
ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Upload:
    """One file to send: where from, and where to below the run."""

    open: Callable[[], BinaryIO]
    size: int
    path: str


def of_bytes(data: bytes, path: str) -> Upload:
    """Bytes in memory, to be sent."""
    return Upload(lambda: BytesIO(data), len(data), path)


def of_file(local: Path, path: str) -> Upload:
    """A file, to be sent. Raises NotFound or InvalidArgument where it is none."""
    try:
        status = local.stat()
    except FileNotFoundError:
        raise errors.NotFound(f"there is no file {str(local)!r}") from None
    if stat.S_ISDIR(status.st_mode):
        raise errors.InvalidArgument(f"{str(local)!r} is a folder: use upload_folder")
    if not stat.S_ISREG(status.st_mode):
        raise errors.InvalidArgument(f"{str(local)!r} is no regular file: only those can be uploaded")
    return Upload(lambda: local.open("rb"), status.st_size, path)


def of_folder(folder: Path, path: str) -> list[Upload]:
    """The files of a folder and of its folders, to be sent. Links to files are followed, links to folders refused."""
    if not folder.is_dir():
        raise errors.NotFound(f"there is no folder {str(folder)!r}")
    prefix = f"{path.rstrip('/')}/" if path else ""
    return [of_file(file, prefix + file.relative_to(folder).as_posix()) for file in _walk(folder)]


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        for link in (Path(root, name) for name in folders):
            if link.is_symlink():
                raise errors.InvalidArgument(f"{str(link)!r} is a link to a folder: upload that folder itself")
        folders.sort()
        yield from (Path(root, name) for name in sorted(files))


async def send(connection: Connection, run_id: str, upload: Upload, meter: Meter) -> types.FileInfo:
    """Store one file. Raises DataLoss where the server received other bytes than were read."""
    backoff = Backoff()
    for attempt in range(1, ATTEMPTS + 1):
        sent = _Sent(meter)
        try:
            return await _attempt(connection, run_id, upload, sent)
        except (errors.Unavailable, errors.DataLoss):
            if attempt == ATTEMPTS or not sent.size:
                raise
            sent.take_back()
        await backoff.wait()
    raise AssertionError("the last attempt returns or raises")


class _Sent:
    """What has been read and handed to the connection in one attempt."""

    def __init__(self, meter: Meter) -> None:
        self.size = 0
        self.hasher = hashlib.sha256()
        self._meter = meter

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self._meter.add(len(data))

    def take_back(self) -> None:
        self._meter.add(-self.size)


async def _attempt(connection: Connection, run_id: str, upload: Upload, sent: _Sent) -> types.FileInfo:
    header = pb.UploadHeader(owner=owner(run_id), path=upload.path, workspace=connection.workspace)
    with closing(await asyncio.to_thread(upload.open)) as source:
        messages = _messages(header, source, sent)
        response: pb.UploadArtifactResponse = await connection.upload(_method(connection), messages)
    return convert.stored_file(response.artifact)


def _method(connection: Connection) -> Any:
    return connection.stub(ArtifactStoreServiceStub).UploadArtifact


async def _messages(header: pb.UploadHeader, source: BinaryIO, sent: _Sent) -> AsyncIterator[pb.UploadArtifactRequest]:
    yield pb.UploadArtifactRequest(header=header)
    while data := await asyncio.to_thread(_read, source, sent.hasher):
        yield pb.UploadArtifactRequest(data=data)
        sent.add(data)
    yield pb.UploadArtifactRequest(trailer=pb.UploadTrailer(digest=digest_of(sent.hasher), size_bytes=sent.size))


def _read(source: BinaryIO, hasher: hashlib._Hash) -> bytes:
    data = source.read(CHUNK_BYTES)
    hasher.update(data)
    return data

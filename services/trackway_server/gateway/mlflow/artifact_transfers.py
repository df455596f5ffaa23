"""Files to and from the ArtifactStore on behalf of a request, piece by piece: at most two of one are held."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.artifacts.v1.resources_pb2 import Artifact
from trackway_server.core.correlation import Headers
from trackway_server.core.errors import Reason
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.mlflow.artifact_owners import Kept
from trackway_server.gateway.mlflow.errors import MlflowError, reason_of

Authorized = Callable[[], Awaitable[Headers]]
"""Metadata with credentials that hold now."""

SENT_BYTES = 256 << 10
"""Of what is written to an HTTP client at once: one that takes less than this in `stalled_s` is given up."""


async def store(channels: Channels, metadata: Headers, kept: Kept, pieces: AsyncIterator[bytes]) -> Artifact:
    """Store what the pieces are as the file. Where they raise, nothing is stored.

    Raises grpc.aio.AioRpcError as the ArtifactStore refuses.
    """
    call: Any = _stub(channels).UploadArtifact(metadata=metadata)
    sha256, size_bytes = hashlib.sha256(), 0
    try:
        try:
            header = pb.UploadHeader(owner=kept.owner, path=kept.path, workspace=kept.workspace)
            await call.write(pb.UploadArtifactRequest(header=header))
            async for piece in pieces:
                await asyncio.to_thread(sha256.update, piece)
                size_bytes += len(piece)
                await call.write(pb.UploadArtifactRequest(data=piece))
            trailer = pb.UploadTrailer(digest=f"sha256:{sha256.hexdigest()}", size_bytes=size_bytes)
            await call.write(pb.UploadArtifactRequest(trailer=trailer))
            await call.done_writing()
        except asyncio.InvalidStateError:
            pass  # the ArtifactStore has answered already: awaiting the call tells what
        answer: pb.UploadArtifactResponse = await call
        return answer.artifact
    finally:
        call.cancel()


@dataclass(frozen=True, slots=True)
class Stored:
    """One file: what it is, and its bytes."""

    artifact: Artifact
    pieces: AsyncGenerator[bytes, None]


@asynccontextmanager
async def opened(
    channels: Channels, authorized: Authorized, request: pb.DownloadArtifactRequest
) -> AsyncIterator[Stored]:
    """The file that the request names, from its offset on, inside the block.

    A download outlives its caller's token: it goes on with a new one, where the caller's credentials still give one.
    Raises grpc.aio.AioRpcError as the ArtifactStore refuses, and MlflowError where the file changes meanwhile.
    """
    async with aclosing(_stream(channels, authorized, request)) as stream:
        artifact = await anext(stream)
        assert isinstance(artifact, Artifact)
        yield Stored(artifact, stream)


async def _stream(
    channels: Channels, authorized: Authorized, request: pb.DownloadArtifactRequest
) -> AsyncGenerator[Any, None]:
    """The Artifact, then its bytes in pieces."""
    artifact: Artifact | None = None
    while True:
        begun_at = request.offset
        call: Any = _stub(channels).DownloadArtifact(request, metadata=await authorized())
        try:
            async with aclosing(_answers(call)) as answers:
                found = (await anext(answers)).artifact
                if artifact is None:
                    artifact = found
                    yield found
                elif artifact.digest != found.digest:
                    raise replaced()
                async for answer in answers:
                    for start in range(0, len(answer.data), SENT_BYTES):
                        piece = answer.data[start : start + SENT_BYTES]
                        request.offset += len(piece)
                        yield piece
            return
        except grpc.aio.AioRpcError as error:
            if reason_of(error) is not Reason.CREDENTIALS_EXPIRED or request.offset == begun_at:
                raise


def replaced() -> MlflowError:
    """The refusal of a file that is another one now."""
    return MlflowError("ABORTED", "The file was replaced while it was read; read it again.")


async def _answers(call: Any) -> AsyncGenerator[pb.DownloadArtifactResponse, None]:
    try:
        while (answer := await call.read()) is not grpc.aio.EOF:
            yield answer
    finally:
        call.cancel()


def _stub(channels: Channels) -> Any:
    return ArtifactStoreServiceStub(channels.artifacts)  # type: ignore[no-untyped-call]

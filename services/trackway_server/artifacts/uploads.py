"""The order of an upload's messages: one header, data, one trailer, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway_server.artifacts.domain.ports import BlobWriter
from trackway_server.core.errors import DomainError, Reason


class UploadStream:
    """Reads an upload. What comes out of order raises DomainError(MALFORMED_REQUEST)."""

    def __init__(self, requests: AsyncIterator[pb.UploadArtifactRequest], idle_s: float) -> None:
        self._requests = requests
        self._idle_s = idle_s

    async def header(self) -> pb.UploadHeader:
        """The first message."""
        message = await self._next()
        if message is None or message.WhichOneof("kind") != "header":
            raise _malformed("an upload begins with its header")
        return message.header

    async def data_into(self, writer: BlobWriter) -> pb.UploadTrailer:
        """Write all data, and answer the trailer once the client has ended the stream behind it."""
        while (message := await self._next()) is not None and message.WhichOneof("kind") == "data":
            await writer.write(message.data)
        if message is None or message.WhichOneof("kind") != "trailer":
            raise _malformed("an upload's header is followed by data and one trailer")
        if await self._next() is not None:
            raise _malformed("an upload ends with its trailer")
        return message.trailer

    async def _next(self) -> pb.UploadArtifactRequest | None:
        try:
            async with asyncio.timeout(self._idle_s):
                return await anext(self._requests, None)
        except TimeoutError:
            message = f"The upload sent nothing for {self._idle_s:g} seconds; send the file again."
            raise DomainError(Reason.DEADLINE_EXCEEDED, message) from None


def _malformed(rule: str) -> DomainError:
    return DomainError(Reason.MALFORMED_REQUEST, f"The messages come in an order that has no meaning: {rule}.")

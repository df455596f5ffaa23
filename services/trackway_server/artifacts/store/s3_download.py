"""One blob on its way out of S3: one streamed answer, taken up where it was when it breaks."""

from __future__ import annotations

import asyncio
from typing import Any

from trackway_server.artifacts.store import s3_calls
from trackway_server.artifacts.store.s3_calls import MissingError, S3Calls, refusals
from trackway_server.artifacts.store.s3_location import S3Location


class S3Download:
    """The bytes of an object, in order, from its beginning."""

    def __init__(self, client: Any, calls: S3Calls, location: S3Location, key: str, size_bytes: int) -> None:
        self._client = client
        self._calls = calls
        self._named = {"Bucket": location.bucket, "Key": key}
        self._size_bytes = size_bytes
        self._body: Any = None
        self._position = 0
        """Of the body: what has been received."""

    async def next(self, size_bytes: int) -> bytes:
        """Exactly the next bytes. Raises MissingError where the object is not there or has another size."""
        received = bytearray()
        with refusals():
            async for attempt in self._calls.attempts():
                with attempt:
                    async with asyncio.timeout(s3_calls.REQUEST_S):
                        await self._receive(received, size_bytes)
        return bytes(received)

    def close(self) -> None:
        """End it. What the server still sends is not taken."""
        if self._body is not None:
            self._body.close()
            self._body = None

    async def _receive(self, received: bytearray, size_bytes: int) -> None:
        try:
            if self._body is None:
                self._body = await self._opened()
            while len(received) < size_bytes:
                data = await self._body.read(size_bytes - len(received))
                if not data:
                    raise ConnectionResetError
                received += data
                self._position += len(data)
        except BaseException:
            self.close()
            raise

    async def _opened(self) -> Any:
        begun = {"Range": f"bytes={self._position}-"} if self._position else {}
        answer = await self._client.get_object(**self._named, **begun)
        body = answer["Body"]
        if self._position + int(answer["ContentLength"]) != self._size_bytes:
            body.close()
            raise MissingError
        return body

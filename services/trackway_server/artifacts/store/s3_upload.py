"""One blob on its way into S3.

S3 wants a key when an upload begins, and the digest is known when it ends. A blob of one part is put under its key at
once; a greater one is uploaded in parts to a random key in `incoming/`, and copied inside S3 to its own when its digest
is right. What appears under a blob's key appears whole; writing the same bytes there again is harmless, and heals.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from io import BytesIO
from typing import Any

from trackway_server.artifacts.store.s3_calls import MissingError, S3Calls, unavailable
from trackway_server.artifacts.store.s3_location import S3Location
from trackway_server.core.errors import DomainError, Reason

PARTS_AHEAD = 2
"""Parts of one upload that are with S3 while the next is gathered."""
MAX_PARTS = 10_000
"""Of one upload, by the S3 protocol."""
COPY_BYTES = 32 << 20
"""What one request copies: few enough to be done before it times out, beside the others."""
COPIES_AHEAD = 16
"""Requests that copy at once. A client waits a minute for its upload's answer, and all is copied meanwhile."""


class S3Objects:
    """What uploads do to the objects of a bucket.

    Bodies are files in memory, new for each attempt: sent in pieces, where bytes would be copied whole into a buffer.
    """

    def __init__(self, client: Any, calls: S3Calls, location: S3Location) -> None:
        self._client = client
        self._calls = calls
        self._location = location

    async def put(self, key: str, data: bytes) -> None:
        """Store an object in one request."""

        async def put(**parameters: Any) -> None:
            await self._client.put_object(Body=BytesIO(data), **parameters)

        await self._run(put, Key=key, **self._encryption())

    async def size(self, key: str) -> int | None:
        """The object's size; None where there is none."""
        try:
            return int((await self._run(self._client.head_object, Key=key))["ContentLength"])
        except MissingError:
            return None

    async def remove(self, key: str) -> None:
        """Delete an object; without effect where there is none."""
        try:
            await self._run(self._client.delete_object, Key=key)
        except MissingError:
            return

    async def begin(self, key: str) -> str:
        """Begin a multipart upload; its id."""
        begun = await self._run(self._client.create_multipart_upload, Key=key, **self._encryption())
        return str(begun["UploadId"])

    async def put_part(self, key: str, upload_id: str, number: int, data: bytes) -> str:
        """Store a part; its etag."""

        async def put(**parameters: Any) -> str:
            return str((await self._client.upload_part(Body=BytesIO(data), **parameters))["ETag"])

        return str(await self._run(put, Key=key, UploadId=upload_id, PartNumber=number))

    async def complete(self, key: str, upload_id: str, etags: list[str], size_bytes: int) -> None:
        """Make the parts an object of that size."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        try:
            await self._run(
                self._client.complete_multipart_upload,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
            )
        except MissingError:
            # Done by an attempt before, the answer of which was lost; or swept.
            if await self.size(key) != size_bytes:
                raise unavailable() from None

    async def abort(self, key: str, upload_id: str) -> None:
        """End a multipart upload without an object; without effect where it has ended."""
        try:
            await self._run(self._client.abort_multipart_upload, Key=key, UploadId=upload_id)
        except MissingError:
            return

    async def copy(self, source: str, key: str, size_bytes: int) -> None:
        """Copy an object inside the bucket."""
        try:
            if size_bytes <= COPY_BYTES:
                from_ = self._source(source)
                await self._run(self._client.copy_object, Key=key, CopySource=from_, **self._encryption())
            else:
                await self._copy_in_parts(source, key, size_bytes)
        except MissingError:
            raise unavailable() from None

    async def _copy_in_parts(self, source: str, key: str, size_bytes: int) -> None:
        upload_id, slots = await self.begin(key), asyncio.Semaphore(COPIES_AHEAD)
        step = copy_step(size_bytes)

        async def copy_part(number: int) -> str:
            first = number * step
            last = min(first + step, size_bytes) - 1
            async with slots:
                copied = await self._run(
                    self._client.upload_part_copy,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number + 1,
                    CopySource=self._source(source),
                    CopySourceRange=f"bytes={first}-{last}",
                )
            return str(copied["CopyPartResult"]["ETag"])

        copies = [asyncio.ensure_future(copy_part(number)) for number in range(-(-size_bytes // step))]
        try:
            await self.complete(key, upload_id, await asyncio.gather(*copies), size_bytes)
        except BaseException:
            await _cancelled(copies)
            await asyncio.shield(self.abort(key, upload_id))
            raise

    def _source(self, key: str) -> dict[str, str]:
        return {"Bucket": self._location.bucket, "Key": key}

    async def _run(self, method: Callable[..., Awaitable[Any]], **parameters: Any) -> Any:
        return await self._calls.run(method, Bucket=self._location.bucket, **parameters)

    def _encryption(self) -> dict[str, str]:
        location = self._location
        named = {"ServerSideEncryption": location.sse, "SSEKMSKeyId": location.kms_key}
        return {name: value for name, value in named.items() if value}


class MultipartUpload:
    """An object that grows in `incoming/`, part by part, a few of them at once."""

    def __init__(self, objects: S3Objects, location: S3Location, part_bytes: int) -> None:
        self._objects = objects
        self._part_bytes = part_bytes
        self._upload_id = ""
        self._parts: list[asyncio.Future[str]] = []
        self._completing = self._completed = False
        self.key = location.incoming + secrets.token_hex(16)

    async def add(self, data: bytes) -> None:
        """Begin to store the next part, once the parts before it leave room. Raises what a part before it raised."""
        if not self._upload_id:
            self._upload_id = await self._objects.begin(self.key)
        number = len(self._parts) + 1
        if number > MAX_PARTS:
            raise _too_large(self._part_bytes)
        if number > PARTS_AHEAD:
            await asyncio.shield(self._parts[-PARTS_AHEAD])
        self._parts.append(asyncio.ensure_future(self._objects.put_part(self.key, self._upload_id, number, data)))

    async def complete(self, size_bytes: int) -> None:
        """Make the parts an object."""
        etags = await asyncio.gather(*self._parts)
        self._completing = True
        await self._objects.complete(self.key, self._upload_id, etags, size_bytes)
        self._completed = True

    async def discard(self) -> None:
        """End it: nothing stays in `incoming/`, of its parts or of the object they became."""
        await _cancelled(self._parts)
        if self._upload_id and not self._completed:
            await self._objects.abort(self.key, self._upload_id)
        if self._completing:
            await self._objects.remove(self.key)


def copy_step(size_bytes: int) -> int:
    """How many bytes each request copies of an object of that size."""
    return max(COPY_BYTES, -(-size_bytes // MAX_PARTS))


async def _cancelled(tasks: Sequence[asyncio.Future[str]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _too_large(part_bytes: int) -> DomainError:
    maximum = MAX_PARTS * part_bytes
    return DomainError(
        Reason.LIMIT_EXCEEDED,
        f"A file has at most {maximum} bytes here; raise the server's TRACKWAY_S3_PART_BYTES, or split the file.",
        limit="file_bytes",
        maximum=str(maximum),
    )

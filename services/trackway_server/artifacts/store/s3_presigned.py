"""Blobs in S3 that clients fetch and send themselves, by addresses signed for one object and a while.

Nothing is kept here of an upload: its id says S3's own, some random digits and the size that was declared, and its key
in `incoming/` is derived from those and from the file that it is for. So an id completes the file that it was made for,
and no other, and none of another size.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.ports import DeclaredSize, PresignedUpload, too_large
from trackway_server.artifacts.store.blob_check import PIECE_BYTES
from trackway_server.artifacts.store.s3_calls import MissingError, S3Calls, code_of, unavailable
from trackway_server.artifacts.store.s3_download import S3Download
from trackway_server.artifacts.store.s3_location import S3Location
from trackway_server.artifacts.store.s3_upload import S3Objects
from trackway_server.core.errors import DomainError, Reason

_ID = re.compile(r"(?P<digits>[0-9a-f]{32})-(?P<size>0|[1-9][0-9]{0,14})\.(?P<s3>[!-~]{1,900})", re.ASCII)
_WRONG_PARTS = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "InvalidRequest", "MalformedXML"})


class S3PresignedTransfers:
    """The PresignedTransfers port on an S3 bucket. `signing` is a client that knows the bucket by the address that
    clients use; it sends nothing."""

    def __init__(
        self,
        client: Any,
        signing: Any,
        calls: S3Calls,
        objects: S3Objects,
        location: S3Location,
        *,
        longest_s: int,
        max_bytes: int,
    ) -> None:
        self.longest_s = longest_s
        self.max_bytes = max_bytes
        self._client = client
        self._signing = signing
        self._calls = calls
        self._objects = objects
        self._location = location

    async def download_url(self, digest: Digest, name: str, lifetime_s: int) -> str:
        """See PresignedTransfers."""
        return await self._url(
            "get_object",
            lifetime_s,
            Key=self._location.key(digest),
            ResponseContentType="application/octet-stream",
            ResponseContentDisposition=f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        )

    async def begin(self, file: str, size_bytes: int = 0) -> PresignedUpload:
        """See PresignedTransfers."""
        named = f"{secrets.token_hex(16)}-{size_bytes}"
        s3_id = await self._objects.begin(self._key(file, named))
        return PresignedUpload(file, f"{named}.{s3_id}")

    async def part_url(
        self, upload: PresignedUpload, number: int, lifetime_s: int, declared: DeclaredSize | None = None
    ) -> str:
        """See PresignedTransfers."""
        key, s3_id, size_bytes = self._named(upload)
        if size_bytes != (declared.size_bytes if declared else 0):
            message = "size_bytes is not that with which this upload began."
            raise DomainError(Reason.INVALID_FIELD, message, field="size_bytes")
        bound = {"ContentLength": declared.of_part(number)} if declared else {}  # becomes a header that is signed
        return await self._url("upload_part", lifetime_s, Key=key, UploadId=s3_id, PartNumber=number, **bound)

    async def complete(
        self, upload: PresignedUpload, etags: Sequence[str], wanted: Callable[[Digest], Awaitable[None]]
    ) -> tuple[Digest, int]:
        """See PresignedTransfers."""
        key, s3_id, declared = self._named(upload)
        await self._complete(upload, key, s3_id, etags)
        size_bytes = await self._objects.size(key)
        if size_bytes is None:
            raise _not_found(upload)
        if size_bytes > self.max_bytes or size_bytes != (declared or size_bytes):
            await self._objects.remove(key)
            raise _wrong_size(size_bytes, declared, self.max_bytes)
        digest = await self._digest(key, size_bytes)
        await wanted(digest)
        await self._objects.copy(key, self._location.key(digest), size_bytes)
        await self._objects.remove(key)
        return digest, size_bytes

    async def abort(self, upload: PresignedUpload) -> None:
        """See PresignedTransfers."""
        key, s3_id, _ = self._named(upload)
        await self._objects.abort(key, s3_id)
        await self._objects.remove(key)

    async def _complete(self, upload: PresignedUpload, key: str, s3_id: str, etags: Sequence[str]) -> None:
        """Make the parts an object; done already, where an answer was lost and the call comes again."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]

        async def complete() -> str:
            try:
                await self._client.complete_multipart_upload(
                    Bucket=self._location.bucket, Key=key, UploadId=s3_id, MultipartUpload={"Parts": parts}
                )
            except ClientError as error:
                if code_of(error) in _WRONG_PARTS:
                    return code_of(error)
                raise
            return ""

        try:
            wrong = await self._calls.run(complete)
        except MissingError:
            if await self._objects.size(key) is None:
                raise _not_found(upload) from None
            return
        if wrong:
            message = (
                "The parts are not those that were sent, or one but the last is smaller than 5 MiB; send them again."
            )
            raise DomainError(Reason.INVALID_FIELD, message, field="etags")

    async def _digest(self, key: str, size_bytes: int) -> Digest:
        download = S3Download(self._client, self._calls, self._location, key, size_bytes)
        sha256, left = hashlib.sha256(), size_bytes
        try:
            while left:
                piece = await download.next(min(PIECE_BYTES, left))
                await asyncio.to_thread(sha256.update, piece)
                left -= len(piece)
        except MissingError:
            raise unavailable() from None
        finally:
            download.close()
        return Digest.of_hex(sha256.hexdigest())

    async def _url(self, method: str, lifetime_s: int, **parameters: Any) -> str:
        named = {"Bucket": self._location.bucket, **parameters}
        try:
            return str(await self._signing.generate_presigned_url(method, named, ExpiresIn=lifetime_s))
        except (BotoCoreError, ClientError, OSError) as error:
            raise unavailable() from error

    def _named(self, upload: PresignedUpload) -> tuple[str, str, int]:
        """The key, S3's id and the declared size."""
        found = _ID.fullmatch(upload.upload_id)
        if found is None:
            raise _not_found(upload)
        key = self._key(upload.file, f"{found['digits']}-{found['size']}")
        return key, found["s3"], int(found["size"])

    def _key(self, file: str, named: str) -> str:
        return self._location.incoming + hashlib.sha256(f"{file}\n{named}".encode()).hexdigest()


def _not_found(upload: PresignedUpload) -> DomainError:
    message = "There is no such upload of this file, or it has ended; begin a new one."
    return DomainError(Reason.UPLOAD_NOT_FOUND, message, upload_id=upload.upload_id[:200])


def _wrong_size(size_bytes: int, declared: int, most: int) -> DomainError:
    if size_bytes > most:
        return too_large(most)
    message = f"The parts have {size_bytes} bytes and not the {declared} declared; begin a new upload."
    return DomainError(Reason.INVALID_FIELD, message, field="size_bytes")

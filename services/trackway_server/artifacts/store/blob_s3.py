"""Blobs in an S3 bucket, shared by all replicas: `PREFIX/sha256/ab/cdef…`, and `PREFIX/incoming/` for unfinished ones.

Every request is signed with the SHA-256 of its body, so that the server refuses what was damaged on the way to it; what
comes back is checked against the digest here. Nothing depends on what S3 servers do differently: the order of listings,
conditional writes, the etag of a finished upload.

Memory: three parts an upload (24 MiB by default), 2 MiB a download.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from trackway_server.artifacts.config import S3Settings
from trackway_server.artifacts.domain.digests import Digest, corrupt
from trackway_server.artifacts.domain.ports import BlobWriter, PresignedTransfers
from trackway_server.artifacts.store.blob_check import PIECE_BYTES, check_received
from trackway_server.artifacts.store.s3_calls import MissingError, S3Calls, code_of
from trackway_server.artifacts.store.s3_download import S3Download
from trackway_server.artifacts.store.s3_location import S3Location
from trackway_server.artifacts.store.s3_presigned import S3PresignedTransfers
from trackway_server.artifacts.store.s3_upload import MultipartUpload, S3Objects
from trackway_server.core.errors import DomainError
from trackway_server.core.lifecycle import StartupError

LOG = structlog.get_logger(__name__)

CONNECT_S = 5.0
ANSWER_S = 30.0
CONNECTIONS = 1024
DISCARD_S, CLOSE_S = 1.0, 5.0
SWEEP_AFTER = timedelta(hours=24)
"""An upload that began longer ago was left behind: that of a living replica has ended by then."""

SWEEP_EVERY_S = 3600.0

_REFUSED_CREDENTIALS = frozenset({"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
_OTHER_REGION = frozenset({"301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"})


@asynccontextmanager
async def open_s3_blobs(location: S3Location, settings: S3Settings) -> AsyncIterator[S3BlobStore]:
    """The store in the bucket. What was left in `incoming/` a day ago is removed first.

    Raises StartupError where the bucket is missing, cannot be reached, or refuses the credentials.
    """
    signing_at = _signing_location(location, settings)
    try:
        opening = get_session().create_client("s3", **_client_arguments(location, settings))
        client = await opening.__aenter__()
    except BotoCoreError as error:
        raise StartupError(_startup_text(location, error)) from error
    try:
        await _check_bucket(client, location)
        store = S3BlobStore(client, S3Calls(settings.patience_s), location, settings.part_bytes)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.close)
            await store.sweep()
            if signing_at is not None:
                signing = get_session().create_client("s3", **_client_arguments(signing_at, settings))
                store.presign_with(
                    await stack.enter_async_context(signing),
                    longest_s=settings.presign_lifetime_s,
                    max_bytes=settings.presign_max_bytes,
                )
            sweeping = asyncio.create_task(_sweeping(store), name="incoming-blobs-sweep")
            stack.callback(sweeping.cancel)
            yield store
    finally:
        await opening.__aexit__(None, None, None)


async def _sweeping(store: S3BlobStore) -> None:
    """Sweep again and again: uploads of clients are left behind without a crash of ours."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        await store.sweep()


def _signing_location(location: S3Location, settings: S3Settings) -> S3Location | None:
    """The bucket as clients reach it; None where they do not. Raises StartupError."""
    if settings.presign_endpoint in ("", "same"):
        return location if settings.presign_endpoint else None
    return location.at(settings.presign_endpoint)


class S3BlobStore:
    """The BlobStore port on an S3 bucket."""

    presigned: PresignedTransfers | None = None
    """What hands out addresses, where something does."""

    def __init__(self, client: Any, calls: S3Calls, location: S3Location, part_bytes: int) -> None:
        self._client = client
        self._calls = calls
        self._location = location
        self._part_bytes = part_bytes
        self._discarding: set[asyncio.Task[None]] = set()
        self._objects = S3Objects(client, calls, location)

    def presign_with(self, signing: Any, *, longest_s: int, max_bytes: int) -> None:
        """Hand out addresses that this client signs, for so long at most and for files of that size."""
        self.presigned = S3PresignedTransfers(
            self._client,
            signing,
            self._calls,
            self._objects,
            self._location,
            longest_s=longest_s,
            max_bytes=max_bytes,
        )

    async def close(self) -> None:
        """Let what is being discarded end, for a while. The sweep of a later start removes the rest."""
        if self._discarding:
            _, left = await asyncio.wait(set(self._discarding), timeout=CLOSE_S)
            for discarding in left:
                discarding.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def sweep(self, older_than: timedelta = SWEEP_AFTER) -> None:
        """Remove the uploads that began longer ago and were left behind. Where that fails, the next start does it."""
        before = datetime.now(UTC) - older_than
        try:
            removed = await self._sweep_uploads(before) + await self._sweep_incoming(before)
        except (BotoCoreError, ClientError, DomainError, MissingError, OSError) as error:
            LOG.warning("incoming_blobs_not_swept", store="s3", error=code_of(error) or type(error).__name__)
            return
        if removed:
            LOG.info("incoming_blobs_swept", store="s3", files=removed)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        """See BlobStore."""
        upload = MultipartUpload(self._objects, self._location, self._part_bytes)
        try:
            yield _S3Writer(self._objects, self._location, upload, self._part_bytes)
        finally:
            discarding = asyncio.create_task(self._discard(upload))
            self._discarding.add(discarding)
            discarding.add_done_callback(self._discarding.discard)
            # Goes on where the caller is cancelled, and where S3 is away: nobody waits for that.
            await asyncio.wait({discarding}, timeout=DISCARD_S)

    async def read(self, digest: Digest, size_bytes: int, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """See BlobStore."""
        download = S3Download(self._client, self._calls, self._location, self._location.key(digest), size_bytes)
        sha256, position = hashlib.sha256(), 0
        try:
            while True:
                piece = await download.next(min(PIECE_BYTES, size_bytes - position))
                await asyncio.to_thread(sha256.update, piece)
                start, position = position, position + len(piece)
                if position == size_bytes and sha256.hexdigest() != digest.hex:
                    raise corrupt(digest.text)
                if position > offset:
                    yield piece[max(offset - start, 0) :]
                if position == size_bytes:
                    return
        except MissingError:
            raise corrupt(digest.text) from None
        finally:
            download.close()

    async def delete(self, digest: Digest) -> bool:
        """See BlobStore."""
        key = self._location.key(digest)
        if await self._objects.size(key) is None:
            return False
        await self._objects.remove(key)
        return True

    async def _discard(self, upload: MultipartUpload) -> None:
        try:
            await upload.discard()
        except DomainError:
            LOG.warning("incoming_blob_left", store="s3", key=upload.key)  # for the sweep of a later start

    async def _sweep_uploads(self, before: datetime) -> int:
        removed = 0
        for prefix in (self._location.incoming, self._location.blobs):
            pages = self._client.get_paginator("list_multipart_uploads")
            async for page in pages.paginate(Bucket=self._location.bucket, Prefix=prefix):
                for upload in page.get("Uploads", ()):
                    # Not every server keeps to the prefix asked for.
                    if upload["Key"].startswith(prefix) and upload["Initiated"] < before:
                        await self._objects.abort(upload["Key"], upload["UploadId"])
                        removed += 1
        return removed

    async def _sweep_incoming(self, before: datetime) -> int:
        removed = 0
        pages = self._client.get_paginator("list_objects_v2")
        async for page in pages.paginate(Bucket=self._location.bucket, Prefix=self._location.incoming):
            for found in page.get("Contents", ()):
                if found["LastModified"] < before:
                    await self._objects.remove(found["Key"])
                    removed += 1
        return removed


class _S3Writer:
    """Gathers messages into parts."""

    def __init__(self, objects: S3Objects, location: S3Location, upload: MultipartUpload, part_bytes: int) -> None:
        self._objects = objects
        self._location = location
        self._upload = upload
        self._part_bytes = part_bytes
        self._gathered = bytearray()
        self._sha256 = hashlib.sha256()
        self._size_bytes = 0

    async def write(self, data: bytes) -> None:
        self._gathered += data
        # More than a part, so that the last one is never empty. All but the last have one size: some servers want it.
        while len(self._gathered) > self._part_bytes:
            await self._upload.add(await self._take(self._part_bytes))

    async def commit(self, digest: Digest, size_bytes: int) -> None:
        in_parts = self._size_bytes > 0
        last = await self._take(len(self._gathered))
        if in_parts:
            await self._upload.add(last)
        check_received(digest, size_bytes, Digest.of_hex(self._sha256.hexdigest()), self._size_bytes)
        key = self._location.key(digest)
        if in_parts:
            await self._upload.complete(size_bytes)
            await self._objects.copy(self._upload.key, key, size_bytes)
        else:
            await self._objects.put(key, last)

    async def _take(self, size_bytes: int) -> bytes:
        taken = bytes(memoryview(self._gathered)[:size_bytes])
        del self._gathered[:size_bytes]
        self._size_bytes += len(taken)
        await asyncio.to_thread(self._sha256.update, taken)
        return taken


def _client_arguments(location: S3Location, settings: S3Settings) -> dict[str, Any]:
    config = AioConfig(
        signature_version="s3v4",
        connect_timeout=CONNECT_S,
        read_timeout=ANSWER_S,
        max_pool_connections=CONNECTIONS,
        retries={"total_max_attempts": 1},  # S3Calls repeats
        s3={"addressing_style": location.addressing, "payload_signing_enabled": True},
        # Else every body carries a second checksum, in a form that several servers do not take.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    credentials = {
        "aws_access_key_id": settings.access_key_id,
        "aws_secret_access_key": settings.secret_access_key,
        "aws_session_token": settings.session_token,
    }
    given = {name: secret.get_secret_value() for name, secret in credentials.items() if secret is not None}
    return {"endpoint_url": location.endpoint, "region_name": location.region, "config": config, **given}


async def _check_bucket(client: Any, location: S3Location) -> None:
    """Ask the bucket for one key. HEAD would tell nothing of why it refuses."""
    try:
        await client.list_objects_v2(Bucket=location.bucket, Prefix=location.blobs, MaxKeys=1)
    except (BotoCoreError, ClientError, OSError) as error:
        raise StartupError(_startup_text(location, error)) from error


def _startup_text(location: S3Location, error: Exception) -> str:
    code = code_of(error)
    text = f"cannot use the blob store, {location}: "
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        names = "TRACKWAY_S3_ACCESS_KEY_ID and TRACKWAY_S3_SECRET_ACCESS_KEY"
        return f"{text}no credentials found; set {names}, or use the AWS chain"
    if code == "NoSuchBucket":
        return f"{text}there is no such bucket; create it, or name another in --blob-url"
    if code in _REFUSED_CREDENTIALS:
        return f"{text}it refuses the credentials ({code}); check the keys and what they may do with the bucket"
    if code in _OTHER_REGION:
        return f"{text}it is in another region; name its region in --blob-url"
    if isinstance(error, ClientError):
        return f"{text}it answers {code or 'an error'}; check --blob-url"
    return f"{text}it cannot be reached; check that it runs, and --blob-url"

"""S3 blob stores on the server of the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed, new_prefix, unfinished_below
from trackway_server.artifacts.config import S3Settings
from trackway_server.artifacts.store.blob_s3 import S3BlobStore, open_s3_blobs
from trackway_server.artifacts.store.s3_location import parse_blob_url

SMALLEST_PART = 5 << 20


def s3_settings(**settings: object) -> S3Settings:
    given = {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY, "part_bytes": SMALLEST_PART}
    return S3Settings.model_validate(given | settings)


@asynccontextmanager
async def s3_blobs(server: Seaweed, prefix: str | None = None, **settings: object) -> AsyncIterator[S3BlobStore]:
    """A store on a prefix of its own. A new one leaves nothing unfinished behind."""
    mine = prefix or new_prefix()
    async with open_s3_blobs(parse_blob_url(server.blob_url(mine)), s3_settings(**settings)) as store:
        yield store
    if prefix is None:
        assert await unfinished_below(server.blob_url(mine)) == []

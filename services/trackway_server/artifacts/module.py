"""Wires the artifact store: database, blobs, servicer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import grpc

from trackway.api.artifacts.v1 import artifact_store_service_pb2
from trackway_server.artifacts.access import GrpcFileRoles, NoFileRoles
from trackway_server.artifacts.allocator import keep_freed_blocks
from trackway_server.artifacts.config import ArtifactsSettings, S3Settings
from trackway_server.artifacts.domain.ports import BlobStore, FileRoles, PresignedTransfers
from trackway_server.artifacts.observed import ObservedBlobs
from trackway_server.artifacts.policy import POLICY
from trackway_server.artifacts.service import ArtifactStoreServicer
from trackway_server.artifacts.store.blob_local import open_local_blobs
from trackway_server.artifacts.store.index_sql import SqlArtifactIndex
from trackway_server.core.clock import Clock
from trackway_server.core.db.observed import observed
from trackway_server.core.db.opening import opened_database
from trackway_server.core.lifecycle import StartupError
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.telemetry import Telemetry

MIGRATIONS = Path(__file__).parent / "migrations"
DESCRIPTOR = artifact_store_service_pb2.DESCRIPTOR.services_by_name["ArtifactStoreService"]


@asynccontextmanager
async def open_module(
    settings: ArtifactsSettings,
    clock: Clock,
    telemetry: Telemetry | None = None,
    *,
    tracking: grpc.aio.Channel | None = None,
    registry: grpc.aio.Channel | None = None,
) -> AsyncIterator[ServiceBinding]:
    """The artifact store on the data directory and the blob URL, ready to be served inside the block.

    `tracking` and `registry` reach the services that know the roles on single experiments and models, and stay the
    caller's; without them only roles in the workspace count.

    Raises StartupError where the database or the blob store cannot be used.
    """
    keep_freed_blocks()
    telemetry = telemetry or Telemetry()
    async with (
        opened_database(settings.data_dir / "artifacts.db", MIGRATIONS, settings.database_url) as database,
        open_blobs(settings) as blobs,
    ):
        index = SqlArtifactIndex(observed(database, telemetry, "artifacts"))
        roles: FileRoles = NoFileRoles()
        if tracking is not None and registry is not None:
            roles = GrpcFileRoles(tracking, registry, settings.upstream_timeout_s)
        servicer = ArtifactStoreServicer(
            index, ObservedBlobs(blobs, telemetry), clock, settings, roles, presigned_of(blobs)
        )
        yield ServiceBinding(DESCRIPTOR, servicer, POLICY)


def presigned_of(blobs: BlobStore) -> PresignedTransfers | None:
    """What hands out addresses of the blobs; None where they lie in a directory, or nothing shall."""
    found: PresignedTransfers | None = getattr(blobs, "presigned", None)
    return found


def open_blobs(settings: ArtifactsSettings) -> AbstractAsyncContextManager[BlobStore]:
    """The blob store of the blob URL. What S3 needs is loaded only where it is used."""
    if not settings.blob_url:
        return open_local_blobs(settings.data_dir / "blobs")
    from trackway_server.artifacts.store.s3_location import parse_blob_url

    location = parse_blob_url(settings.blob_url)
    try:
        from trackway_server.artifacts.store.blob_s3 import open_s3_blobs
    except ModuleNotFoundError as error:
        raise StartupError(
            f"{error.name} is missing, which blobs in S3 need: install it with: pip install 'trackway[server,s3]'"
        ) from error
    return open_s3_blobs(location, S3Settings())

"""The ArtifactStore service: convert, call, convert."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1 import resources_pb2
from trackway_server.artifacts import convert
from trackway_server.artifacts.access import no_workspace
from trackway_server.artifacts.config import ArtifactsSettings
from trackway_server.artifacts.domain.artifacts import Artifact, Owner
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.listing import list_page
from trackway_server.artifacts.domain.paths import ArtifactPath, parse_folder
from trackway_server.artifacts.domain.ports import ArtifactIndex, BlobStore, FileRoles, PresignedTransfers
from trackway_server.artifacts.presigned import PresignedRpcs, Source
from trackway_server.artifacts.uploads import UploadStream
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call


class ArtifactStoreServicer(PresignedRpcs):
    """Answers the RPCs of artifact_store_service.proto; what they mean is written there."""

    def __init__(
        self,
        index: ArtifactIndex,
        blobs: BlobStore,
        clock: Clock,
        settings: ArtifactsSettings,
        roles: FileRoles,
        presigned: PresignedTransfers | None = None,
    ) -> None:
        self._presigned = presigned
        self._roles = roles
        self._index = index
        self._blobs = blobs
        self._clock = clock
        self._upload_idle_s = settings.upload_idle_s
        self._upload_slots = asyncio.Semaphore(settings.max_uploads)

    async def UploadArtifact(
        self, requests: AsyncIterator[pb.UploadArtifactRequest], call: Call
    ) -> pb.UploadArtifactResponse:
        stream = UploadStream(requests, self._upload_idle_s)
        async with self._upload_slots:
            artifact = await self._store(stream, call)
        return pb.UploadArtifactResponse(artifact=convert.artifact_message(artifact))

    async def DownloadArtifact(
        self, request: pb.DownloadArtifactRequest, call: Call
    ) -> AsyncIterator[pb.DownloadArtifactResponse]:
        artifact = await self._file(await self._source(request, call), ArtifactPath(request.path))
        if request.offset > artifact.size_bytes:
            raise _offset_invalid(artifact.size_bytes)
        yield pb.DownloadArtifactResponse(artifact=artifact)
        pieces = self._blobs.read(Digest(artifact.digest), artifact.size_bytes, request.offset)
        async with aclosing(pieces):
            async for piece in pieces:
                yield pb.DownloadArtifactResponse(data=piece)

    async def ListArtifacts(self, request: pb.ListArtifactsRequest, call: Call) -> pb.ListArtifactsResponse:
        listing = convert.listing_of(request, await self._owner(request.owner, request.workspace, call))
        page = await list_page(self._index, listing, request.page_size, request.page_token)
        return convert.page_message(page)

    async def DeleteArtifacts(self, request: pb.DeleteArtifactsRequest, call: Call) -> pb.DeleteArtifactsResponse:
        owner = await self._owner(request.owner, request.workspace, call)
        return pb.DeleteArtifactsResponse(deleted_count=await self._index.delete(owner, ArtifactPath(request.path)))

    async def CreateManifest(self, request: pb.CreateManifestRequest, call: Call) -> pb.CreateManifestResponse:
        owner = await self._owner(request.owner, request.workspace, call)
        manifest = await self._index.create_manifest(owner, parse_folder(request.path), self._clock.now_us())
        return pb.CreateManifestResponse(manifest=convert.manifest_message(manifest))

    async def GetManifest(self, request: pb.GetManifestRequest, call: Call) -> pb.GetManifestResponse:
        digest = Digest(request.digest)
        manifest = await self._index.manifest(await self._workspace(request.workspace, digest, call), digest)
        return pb.GetManifestResponse(manifest=convert.manifest_message(manifest))

    async def _store(self, stream: UploadStream, call: Call) -> Artifact:
        header = await stream.header()
        owner = await self._owner(header.owner, header.workspace, call)
        path = ArtifactPath(header.path)
        async with self._blobs.writer() as writer:
            trailer = await stream.data_into(writer)
            digest = Digest(trailer.digest)
            await self._index.want(digest, self._clock.now_us())
            await writer.commit(digest, trailer.size_bytes)
        artifact = Artifact(owner, path, digest, trailer.size_bytes, self._clock.now_us())
        await self._index.put(artifact)
        return artifact

    async def _owner(self, name: str, workspace: str, call: Call) -> Owner:
        """The owner, in a workspace in which the caller's role suffices, or a run or logged model on which it does."""
        owner = convert.owner_of(name, workspace, call)
        if not call.holds(owner.workspace):
            _admit(await self._roles.on_owner(owner, call.onward_metadata()), owner.workspace, call)
        return owner

    async def _workspace(self, asked: str, manifest: Digest, call: Call) -> str:
        """The workspace, where the caller's role there suffices, or on a model with these files."""
        workspace = call.named_workspace(asked)
        if not call.holds(workspace):
            _admit(await self._roles.on_manifest(workspace, manifest, call.onward_metadata()), workspace, call)
        return workspace

    async def _source(self, request: pb.DownloadArtifactRequest | pb.PresignDownloadRequest, call: Call) -> Source:
        """What a request for a file names, which the caller may read."""
        if bool(request.owner) == bool(request.manifest_digest):
            raise DomainError(Reason.INVALID_FIELD, "Name either an owner or a manifest.", field="owner")
        if request.owner:
            return await self._owner(request.owner, request.workspace, call)
        digest = Digest(request.manifest_digest)
        return await self._workspace(request.workspace, digest, call), digest

    async def _file(self, source: Source, path: ArtifactPath) -> resources_pb2.Artifact:
        if isinstance(source, Owner):
            return convert.artifact_message(await self._index.get(source, path))
        return convert.file_message(await self._index.manifest_file(*source, path))


def _admit(role: int, workspace: str, call: Call) -> None:
    """Refuse a caller who has that role on what they ask for alone. Raises PERMISSION_DENIED, WORKSPACE_NOT_FOUND."""
    if not call.admits(workspace, lambda _: role):
        raise no_workspace(workspace)


def _offset_invalid(size_bytes: int) -> DomainError:
    return DomainError(
        Reason.INVALID_FIELD, f"The offset must be at most the file's size, {size_bytes}.", field="offset"
    )

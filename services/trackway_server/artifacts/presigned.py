"""The RPCs of the ArtifactStore that have clients fetch and send bytes straight from and to where they are kept."""

from __future__ import annotations

import hashlib
from abc import abstractmethod

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1 import resources_pb2
from trackway_server.artifacts import convert
from trackway_server.artifacts.domain.artifacts import Artifact, Owner
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.paths import ArtifactPath
from trackway_server.artifacts.domain.ports import ArtifactIndex, PresignedTransfers, PresignedUpload
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call

LIFETIME_S = 900
MOST_PARTS = 10_000


Source = Owner | tuple[str, Digest]
"""What has files: an owner, or a manifest in a workspace."""


class PresignedRpcs:
    """Mixed into ArtifactStoreServicer. Permissions are those of the transfers that these stand for."""

    _presigned: PresignedTransfers | None
    _index: ArtifactIndex
    _clock: Clock

    async def PresignDownload(self, request: pb.PresignDownloadRequest, call: Call) -> pb.PresignDownloadResponse:
        source, transfers = await self._source(request, call), self._transfers()
        artifact = await self._file(source, ArtifactPath(request.path))
        name = ArtifactPath(artifact.path).name
        lifetime_s = request.lifetime_s or LIFETIME_S
        url = await transfers.download_url(Digest(artifact.digest), name, lifetime_s)
        return pb.PresignDownloadResponse(url=url, artifact=artifact)

    async def PresignUpload(self, request: pb.PresignUploadRequest, call: Call) -> pb.PresignUploadResponse:
        owner = await self._owner(request.owner, request.workspace, call)
        file, transfers = upload_file(owner, ArtifactPath(request.path)), self._transfers()
        first = request.first_part or 1
        numbers = range(first, first + (request.part_count or 1))
        if numbers[-1] > MOST_PARTS:
            message = f"An upload has at most {MOST_PARTS} parts; make them greater."
            raise DomainError(Reason.INVALID_FIELD, message, field="part_count")
        begun = PresignedUpload(file, request.upload_id) if request.upload_id else await transfers.begin(file)
        lifetime_s = request.lifetime_s or LIFETIME_S
        urls = [await transfers.part_url(begun, number, lifetime_s) for number in numbers]
        return pb.PresignUploadResponse(upload_id=begun.upload_id, urls=urls)

    async def CompletePresignedUpload(
        self, request: pb.CompletePresignedUploadRequest, call: Call
    ) -> pb.CompletePresignedUploadResponse:
        owner = await self._owner(request.owner, request.workspace, call)
        path = ArtifactPath(request.path)
        upload = PresignedUpload(upload_file(owner, path), request.upload_id)
        digest, size_bytes = await self._transfers().complete(upload, request.etags)
        artifact = Artifact(owner, path, digest, size_bytes, self._clock.now_us())
        await self._index.put(artifact)
        return pb.CompletePresignedUploadResponse(artifact=convert.artifact_message(artifact))

    async def AbortPresignedUpload(
        self, request: pb.AbortPresignedUploadRequest, call: Call
    ) -> pb.AbortPresignedUploadResponse:
        owner = await self._owner(request.owner, request.workspace, call)
        await self._transfers().abort(
            PresignedUpload(upload_file(owner, ArtifactPath(request.path)), request.upload_id)
        )
        return pb.AbortPresignedUploadResponse()

    def _transfers(self) -> PresignedTransfers:
        if self._presigned is None:
            message = "This server hands out no addresses of its files; fetch and send them through it."
            raise DomainError(Reason.PRESIGNING_UNAVAILABLE, message)
        return self._presigned

    @abstractmethod
    async def _owner(self, name: str, workspace: str, call: Call) -> Owner: ...

    @abstractmethod
    async def _source(self, request: pb.DownloadArtifactRequest | pb.PresignDownloadRequest, call: Call) -> Source: ...

    @abstractmethod
    async def _file(self, source: Source, path: ArtifactPath) -> resources_pb2.Artifact: ...


def upload_file(owner: Owner, path: ArtifactPath) -> str:
    """What uploads of one file have in common, and those of no other."""
    return hashlib.sha256("\n".join((owner.workspace, owner.name, path.text)).encode()).hexdigest()

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
from trackway_server.artifacts.domain.ports import (
    ArtifactIndex,
    DeclaredSize,
    PresignedTransfers,
    PresignedUpload,
    too_large,
)
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
        lifetime_s = min(request.lifetime_s or LIFETIME_S, transfers.longest_s)
        url = await transfers.download_url(Digest(artifact.digest), name, lifetime_s)
        return pb.PresignDownloadResponse(url=url, artifact=artifact, lifetime_s=lifetime_s)

    async def PresignUpload(self, request: pb.PresignUploadRequest, call: Call) -> pb.PresignUploadResponse:
        owner = await self._owner(request.owner, request.workspace, call)
        file, transfers = upload_file(owner, ArtifactPath(request.path)), self._transfers()
        first = request.first_part or 1
        numbers = range(first, first + (request.part_count or 1))
        if numbers[-1] > MOST_PARTS:
            message = f"An upload has at most {MOST_PARTS} parts; make them greater."
            raise DomainError(Reason.INVALID_FIELD, message, field="part_count")
        declared = _declared(request, numbers[-1], transfers.max_bytes)
        if request.upload_id:
            begun = PresignedUpload(file, request.upload_id)
        else:
            begun = await transfers.begin(file, declared.size_bytes if declared else 0)
        lifetime_s = min(request.lifetime_s or LIFETIME_S, transfers.longest_s)
        urls = [await transfers.part_url(begun, number, lifetime_s, declared) for number in numbers]
        return pb.PresignUploadResponse(upload_id=begun.upload_id, urls=urls, lifetime_s=lifetime_s)

    async def CompletePresignedUpload(
        self, request: pb.CompletePresignedUploadRequest, call: Call
    ) -> pb.CompletePresignedUploadResponse:
        owner = await self._owner(request.owner, request.workspace, call)
        path = ArtifactPath(request.path)
        upload = PresignedUpload(upload_file(owner, path), request.upload_id)

        async def wanted(digest: Digest) -> None:
            await self._index.want(digest, self._clock.now_us())

        digest, size_bytes = await self._transfers().complete(upload, request.etags, wanted)
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


def _declared(request: pb.PresignUploadRequest, last_part: int, most: int) -> DeclaredSize | None:
    """The sizes that a request declares; None where it does not. Raises LIMIT_EXCEEDED, INVALID_FIELD."""
    if request.size_bytes > most:
        raise too_large(most)
    if not request.size_bytes:
        if request.part_bytes:
            raise DomainError(Reason.INVALID_FIELD, "part_bytes needs size_bytes beside it.", field="part_bytes")
        return None
    declared = DeclaredSize(request.size_bytes, request.part_bytes or request.size_bytes)
    if declared.of_part(last_part) <= 0:
        message = f"A file of {request.size_bytes} bytes has no part {last_part}; check part_bytes and part_count."
        raise DomainError(Reason.INVALID_FIELD, message, field="part_count")
    return declared


def upload_file(owner: Owner, path: ArtifactPath) -> str:
    """What uploads of one file have in common, and those of no other."""
    return hashlib.sha256("\n".join((owner.workspace, owner.name, path.text)).encode()).hexdigest()

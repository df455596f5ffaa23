"""The artifact store served over gRPC, and a client that speaks the protocol message by message."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from support.refusals import Refused, refused
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1 import resources_pb2
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway_server.artifacts.config import ArtifactsSettings
from trackway_server.artifacts.module import open_module
from trackway_server.core.auth.authenticator import InsecureAuthenticator
from trackway_server.core.clock import SystemClock
from trackway_server.core.rpc.server import build_server

RUN = "runs/" + "a" * 32
OTHER = "runs/" + "b" * 32
MIB = 1 << 20


@dataclass
class Client:
    """Calls of the service, in the shape tests want them."""

    stub: ArtifactStoreServiceStub
    data_dir: Path
    blob_url: str = ""

    async def send(self, messages: Iterable[pb.UploadArtifactRequest]) -> resources_pb2.Artifact:
        """An upload of exactly these messages."""
        response = await self.stub.UploadArtifact(iter(messages))
        return response.artifact

    async def upload(self, path: str, data: bytes = b"x", owner: str = RUN) -> resources_pb2.Artifact:
        return await self.send([header(path, owner), *data_of(data), trailer(data)])

    async def download(self, path: str, owner: str = RUN, **fields: object) -> bytes:
        answers = [answer async for answer in self.stub.DownloadArtifact(download(path, owner, **fields))]
        assert [answer.WhichOneof("kind") for answer in answers] == ["artifact"] + ["data"] * (len(answers) - 1)
        return b"".join(answer.data for answer in answers)

    async def download_of_manifest(self, digest: str, path: str) -> bytes:
        return await self.download(path, owner="", manifest_digest=digest)

    async def list(self, path: str = "", owner: str = RUN, **fields: object) -> list[str]:
        request = pb.ListArtifactsRequest(owner=owner, path=path, **fields)
        return [
            entry.path + ("/" if entry.is_folder else "") for entry in (await self.stub.ListArtifacts(request)).entries
        ]

    async def delete(self, path: str, owner: str = RUN) -> int:
        response = await self.stub.DeleteArtifacts(pb.DeleteArtifactsRequest(owner=owner, path=path))
        return response.deleted_count

    async def create_manifest(self, path: str = "", owner: str = RUN) -> resources_pb2.Manifest:
        response = await self.stub.CreateManifest(pb.CreateManifestRequest(owner=owner, path=path))
        return response.manifest

    async def get_manifest(self, digest: str) -> resources_pb2.Manifest:
        return (await self.stub.GetManifest(pb.GetManifestRequest(digest=digest))).manifest


@asynccontextmanager
async def serve_artifacts(data_dir: Path, **settings: object) -> AsyncIterator[Client]:
    """The artifact store on the folder, listening, and a client of it."""
    async with open_module(ArtifactsSettings(data_dir=data_dir, **settings), SystemClock()) as binding:
        server = build_server([binding], InsecureAuthenticator())
        port = server.listen_tcp("127.0.0.1", 0)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Client(ArtifactStoreServiceStub(channel), data_dir, str(settings.get("blob_url", "")))
        finally:
            await server.stop(grace=2)


def digest_text(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def header(path: str, owner: str = RUN, workspace: str = "") -> pb.UploadArtifactRequest:
    return pb.UploadArtifactRequest(header=pb.UploadHeader(owner=owner, path=path, workspace=workspace))


def data_of(data: bytes) -> list[pb.UploadArtifactRequest]:
    return [pb.UploadArtifactRequest(data=data[start : start + MIB]) for start in range(0, len(data), MIB)]


def trailer(data: bytes) -> pb.UploadArtifactRequest:
    return pb.UploadArtifactRequest(trailer=pb.UploadTrailer(digest=digest_text(data), size_bytes=len(data)))


def download(path: str, owner: str = RUN, **fields: object) -> pb.DownloadArtifactRequest:
    return pb.DownloadArtifactRequest(owner=owner, path=path, **fields)


async def refusal_of(answer: object) -> Refused:
    """What the call is refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await answer
    return refused(error.value)

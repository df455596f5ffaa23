"""The routes by which MLflow's clients fetch and send files straight from and to S3, where the server lets them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway_server.core.errors import Reason
from trackway_server.gateway.mlflow.artifact_owners import (
    Kept,
    Pinned,
    kept_at,
    kept_of_model,
    kept_of_run,
    readable_at,
)
from trackway_server.gateway.mlflow.artifact_paths import safe_path
from trackway_server.gateway.mlflow.artifacts import PATH
from trackway_server.gateway.mlflow.errors import MlflowError, in_words, invalid, reason_of
from trackway_server.gateway.mlflow.parameters import missing
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_UNSUPPORTED = "{what} is not supported for the current artifact repository"
"""By the beginning of this text MLflow's client knows that it is to send the file through the server."""
_PROXIED = "Presigned {what} is not supported for proxied artifact storage (artifact URI scheme: mlflow-artifacts)."
_UPLOAD, _DOWNLOAD = "Multipart upload", "Multipart download"

_MOST_PARTS = 10_000
_PARTS_A_CALL = 500
_LIFETIME_S = 900
_LONGEST_ASKED_S = 3600
"""What the ArtifactStore is asked for where more is better: it answers as long as it lets addresses hold."""
_LONGEST_S = 604_800
"""What MLflow's server takes as `expiration`; ours ends earlier."""
_COMPLETION_S = 3600.0
"""The ArtifactStore reads all of the file; the client says how long it waits by going away."""
_NO_RUN = "runs/" + "0" * 32

Answer = dict[str, Any]


async def get_download(session: Session) -> Answer:
    """An address of a file that holds for a quarter of an hour, or as long as the server lets it."""
    wanted = await readable_at(session, session.parameters.text(PATH))
    with _unsupported(_DOWNLOAD):
        found = await _download(session, wanted, _LIFETIME_S)
    return {"url": found.url, "headers": {}, "file_size": found.artifact.size_bytes}


async def create_download(session: Session) -> Answer:
    """The same of a run's file, for as long as the client asks and the server lets it."""
    asked = session.parameters
    expiration = asked.whole("expiration", _LIFETIME_S)
    if not 1 <= expiration <= _LONGEST_S:
        raise invalid(f"expiration must be between 1 and {_LONGEST_S} seconds (got {expiration}).")
    kept = await kept_of_run(session, asked.run_id(), asked.text("path"))
    with in_words({Reason.PRESIGNING_UNAVAILABLE: _PROXIED.format(what="download")}, "INVALID_PARAMETER_VALUE"):
        found = await _download(session, kept, min(expiration, _LONGEST_ASKED_S))
    return {"presigned_url": found.url, "headers": {}, "file_size": found.artifact.size_bytes}


async def create_upload(session: Session) -> Answer:
    """Always refused, as MLflow's server refuses it for artifacts below `mlflow-artifacts:/`: nothing would tell this
    server that the file has come."""
    asked = session.parameters
    if asked.has("run_id") == asked.has("model_id"):
        raise invalid("Exactly one of run_id and model_id must be provided.")
    path = safe_path(asked.text("path"))
    asked.whole("expiration", _LIFETIME_S)
    if asked.has("run_id"):
        await kept_of_run(session, asked.run_id(), path)
    else:
        await kept_of_model(session, asked.text("model_id"), path)
    raise invalid(_PROXIED.format(what="upload"))


async def create_parts(session: Session) -> Answer:
    """Begin an upload in parts, and answer an address for each."""
    asked = session.parameters
    count = asked.whole("num_parts", 1)
    if not 1 <= count <= _MOST_PARTS:
        raise invalid(f"num_parts must be 1 to {_MOST_PARTS} (got {count}); send greater parts.")
    kept = await _named_file(session)
    upload_id, urls = "", list[str]()
    with _unsupported(_UPLOAD):
        while len(urls) < count:
            request = pb.PresignUploadRequest(
                owner=kept.owner,
                path=kept.path,
                workspace=kept.workspace,
                upload_id=upload_id,
                first_part=len(urls) + 1,
                part_count=min(count - len(urls), _PARTS_A_CALL),
                lifetime_s=_LONGEST_ASKED_S,
            )
            answer = await session.artifacts("PresignUpload", request)
            upload_id = answer.upload_id
            urls.extend(answer.urls)
    credentials = [{"url": url, "part_number": number, "headers": {}} for number, url in enumerate(urls, 1)]
    return {"upload_id": upload_id, "credentials": credentials}


async def complete_parts(session: Session) -> Answer:
    """Make the parts the file."""
    asked = session.parameters
    parts = sorted((part.whole("part_number"), part.text("etag")) for part in asked.objects("parts"))
    if not parts:
        raise missing("parts")
    if [number for number, _ in parts] != list(range(1, len(parts) + 1)):
        raise invalid("The parts must be numbered from 1 on, each once.")
    kept = await _named_file(session)
    request = pb.CompletePresignedUploadRequest(
        owner=kept.owner,
        path=kept.path,
        workspace=kept.workspace,
        upload_id=asked.text("upload_id"),
        etags=[etag for _, etag in parts],
    )
    stub: Any = ArtifactStoreServiceStub(session.channels.artifacts)  # type: ignore[no-untyped-call]
    with _unsupported(_UPLOAD):
        await stub.CompletePresignedUpload(request, metadata=session.metadata, timeout=_COMPLETION_S)
    return {}


async def abort_parts(session: Session) -> Answer:
    """End an upload."""
    kept = await _named_file(session)
    request = pb.AbortPresignedUploadRequest(
        owner=kept.owner, path=kept.path, workspace=kept.workspace, upload_id=session.parameters.text("upload_id")
    )
    with _unsupported(_UPLOAD):
        await session.artifacts("AbortPresignedUpload", request)
    return {}


async def offered(session: Session) -> bool:
    """Whether the ArtifactStore hands out addresses, asked of a file that is not there: it says so to those who may
    read in the workspace."""
    probe = pb.PresignDownloadRequest(owner=_NO_RUN, path="x", workspace=session.workspace)
    try:
        await session.artifacts("PresignDownload", probe)
    except grpc.aio.AioRpcError as error:
        return reason_of(error) is Reason.ARTIFACT_NOT_FOUND
    return True


async def _download(session: Session, wanted: Kept | Pinned, lifetime_s: int) -> pb.PresignDownloadResponse:
    request = pb.PresignDownloadRequest(
        lifetime_s=lifetime_s,
        owner=wanted.owner,
        manifest_digest=wanted.manifest_digest,
        path=wanted.path,
        workspace=wanted.workspace,
    )
    found: pb.PresignDownloadResponse = await session.artifacts("PresignDownload", request)
    return found


async def _named_file(session: Session) -> Kept:
    """The folder in the address, and in it the name of the local file in the body."""
    asked = session.parameters
    name = posixpath.basename(asked.text("path").replace("\\", "/"))
    return await kept_at(session, posixpath.join(asked.text(PATH), name))


@contextmanager
def _unsupported(what: str) -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if reason_of(error) is Reason.PRESIGNING_UNAVAILABLE:
            raise MlflowError("NOT_IMPLEMENTED", _UNSUPPORTED.format(what=what)) from None
        raise


ROUTES: Routes = {
    "/artifacts/presigned-download-url": {"POST": create_download},
    "/artifacts/presigned-upload-url": {"POST": create_upload},
}
"""Below the prefixes of MLflow's own API."""

PROXY_ROUTES: Routes = {
    f"/presigned/{{{PATH}:path}}": {"GET": get_download},
    f"/mpu/create/{{{PATH}:path}}": {"POST": create_parts},
    f"/mpu/complete/{{{PATH}:path}}": {"POST": complete_parts},
    f"/mpu/abort/{{{PATH}:path}}": {"POST": abort_parts},
}
"""Below those of the artifact proxy."""

"""The routes of artifacts that answer JSON: listings and deletions. Bytes are `artifact_bytes.py`'s."""

from __future__ import annotations

import posixpath
from collections.abc import AsyncIterator
from typing import Any

import grpc

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1.resources_pb2 import ListEntry
from trackway_server.core.errors import Reason
from trackway_server.gateway.mlflow.artifact_owners import Kept, Pinned, kept_at, kept_of_run, readable_at
from trackway_server.gateway.mlflow.artifact_paths import as_named
from trackway_server.gateway.mlflow.errors import MlflowError, reason_of
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

PREFIXES = ("/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts")
PATH = "artifact_path"
"""The parameter of a route that names a file or folder."""

_PAGE = 10_000
_MOST_LISTED = 100_000
"""Of one folder, by those who ask for it whole."""

Answer = dict[str, Any]


async def list_of_run(session: Session) -> Answer:
    """One folder of a run, with a token for the next page where it has more than 10,000 entries."""
    asked = session.parameters
    kept = await kept_of_run(session, asked.run_id(), asked.text("path", ""))
    page = await _page(session, kept, asked.text("page_token", ""))
    root = f"mlflow-artifacts:/{kept.experiment_id}/{kept.owner.removeprefix('runs/')}/artifacts"
    files = [_file_info(entry, entry.path) for entry in page.entries]
    more = {"next_page_token": page.next_page_token} if page.next_page_token else {}
    return {"root_uri": root, **_files(files), **more}


async def list_place(session: Session) -> Answer:
    """One folder, whole, by the names that are in it."""
    kept = await readable_at(session, session.parameters.text("path"))
    if isinstance(kept, Pinned):
        return _files(await _pinned_entries(session, kept))
    entries = [_file_info(entry, posixpath.basename(entry.path)) async for entry in _entries(session, kept)]
    return _files(entries)


async def delete_place(session: Session) -> Answer:
    """A file, or a folder with all in it; without effect where there is none, as in MLflow."""
    kept = await kept_at(session, session.parameters.text(PATH))
    if kept.path:
        await _delete(session, kept, kept.path)
        return {}
    async for entry in _entries(session, kept):
        await _delete(session, kept, entry.path)
    return {}


async def _delete(session: Session, kept: Kept, path: str) -> None:
    request = pb.DeleteArtifactsRequest(owner=kept.owner, path=path, workspace=kept.workspace)
    try:
        await session.artifacts("DeleteArtifacts", request)
    except grpc.aio.AioRpcError as error:
        if reason_of(error) is not Reason.ARTIFACT_NOT_FOUND:
            raise


async def _entries(session: Session, kept: Kept) -> AsyncIterator[ListEntry]:
    token, count = "", 0
    while True:
        page = await _page(session, kept, token)
        for entry in page.entries:
            yield entry
        token, count = page.next_page_token, count + len(page.entries)
        if not token:
            return
        if count >= _MOST_LISTED:
            message = f"The folder has more than {_MOST_LISTED} entries; list it with trackway, which reads pages."
            raise MlflowError("INVALID_PARAMETER_VALUE", message)


async def _pinned_entries(session: Session, folder: Pinned) -> list[dict[str, Any]]:
    """The files and folders in one of a manifest, by the names that are in it."""
    request = pb.GetManifestRequest(workspace=folder.workspace, digest=folder.manifest_digest)
    manifest = (await session.artifacts("GetManifest", request)).manifest
    prefix = f"{folder.path}/" if folder.path else ""
    found: dict[str, dict[str, Any]] = {}
    for entry in manifest.entries:
        if not entry.path.startswith(prefix):
            continue
        name, slash, _ = entry.path.removeprefix(prefix).partition("/")
        size = {} if slash else {"file_size": entry.size_bytes}
        found[name] = {"path": as_named(name), "is_dir": bool(slash), **size}
    return list(found.values())


async def _page(session: Session, kept: Kept, token: str) -> pb.ListArtifactsResponse:
    request = pb.ListArtifactsRequest(
        owner=kept.owner, path=kept.path, workspace=kept.workspace, page_size=_PAGE, page_token=token
    )
    found: pb.ListArtifactsResponse = await session.artifacts("ListArtifacts", request)
    return found


def _files(files: list[dict[str, Any]]) -> Answer:
    return {"files": sorted(files, key=lambda file: str(file["path"]))} if files else {}


def _file_info(entry: ListEntry, path: str) -> dict[str, Any]:
    """MLflow's FileInfo."""
    path = as_named(path)
    if entry.is_folder:
        return {"path": path, "is_dir": True}
    return {"path": path, "is_dir": False, "file_size": entry.size_bytes}


ROUTES: Routes = {"/artifacts/list": {"GET": list_of_run}}
"""Below the prefixes of MLflow's own API."""

PROXY_ROUTES: Routes = {
    "/artifacts": {"GET": list_place},
    f"/artifacts/{{{PATH}:path}}": {"DELETE": delete_place},
}
"""Below PREFIXES."""

"""Files of runs, and manifests."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from trackway import types
from trackway._paths import safe_destination
from trackway._rpc import convert, upload
from trackway._rpc.arguments import owner
from trackway._rpc.connection import Connection
from trackway._rpc.digests import verify_manifest
from trackway._rpc.download import Download, receive
from trackway._rpc.paging import Pages
from trackway._rpc.parallel import in_parallel
from trackway._rpc.progress import Meter, Progress
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.errors import DataLoss

TRANSFERS = 4
"""Files on their way at once."""
_MANIFEST_SECONDS = 120.0

Local = str | PathLike[str]


class AsyncArtifacts:
    """Files of runs, and manifests. Every method raises the errors of `trackway.errors`, and OSError for local files.

    Files may belong to a logged model as well: then its id (`m-…`) is what is called `run_id` here.
    Paths on the server are relative to the run, with `/` between their parts. Digests (SHA-256) are compared on both
    ways; a connection that breaks is mended by itself. `progress` is called with the bytes done and the bytes in all.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _stub(self) -> Any:
        return self._connection.stub(ArtifactStoreServiceStub)

    async def upload_file(
        self, run_id: str, local_path: Local, artifact_path: str | None = None, *, progress: Progress | None = None
    ) -> types.FileInfo:
        """Store a file under `artifact_path` (the file's whole path; its own name where None), in place of what is
        there. It can be seen only when it is stored whole."""
        local = Path(local_path)
        item = upload.of_file(local, artifact_path or local.name)
        return await upload.send(self._connection, run_id, item, Meter(progress, item.size))

    async def upload_bytes(
        self, run_id: str, data: bytes, artifact_path: str, *, progress: Progress | None = None
    ) -> types.FileInfo:
        """Store bytes as the file `artifact_path`, in place of what is there."""
        item = upload.of_bytes(data, artifact_path)
        return await upload.send(self._connection, run_id, item, Meter(progress, item.size))

    async def upload_folder(
        self, run_id: str, local_folder: Local, artifact_path: str = "", *, progress: Progress | None = None
    ) -> Sequence[types.FileInfo]:
        """Store all files of a folder below `artifact_path` (empty: below the run itself), a few at a time.

        Links to files are followed; links to folders are InvalidArgument. Empty folders are not kept.
        """
        items = upload.of_folder(Path(local_folder), artifact_path)
        meter = Meter(progress, sum(item.size for item in items))

        async def one(item: upload.Upload) -> types.FileInfo:
            return await upload.send(self._connection, run_id, item, meter)

        return await in_parallel(items, one, limit=TRANSFERS)

    async def download(
        self, run_id: str, path: str = "", dst: Local | None = None, *, progress: Progress | None = None
    ) -> Path:
        """Fetch a file, a folder with all in it, or with an empty path everything, to `dst/path`; answer that place.

        `dst` is a folder, made where it is missing; None makes a temporary one, which is the caller's to delete. Each
        file is in place only when it is whole and has its digest; one that is there already is not fetched again. No
        path that the server sends can lead out of `dst`. Raises NotFound where there is no such file or folder.
        """
        root = _root(dst)
        target = safe_destination(root, path) if path else root
        files = [entry async for entry in self.list(run_id, path, recursive=True)]
        if path and not files:
            await self._download_file(run_id, path, target, progress)
            return target
        below = [_one_of_tree(run_id, root, path, entry) for entry in files]
        await self._download_all(below, progress)
        return target

    async def download_manifest(
        self, digest: str, dst: Local | None = None, *, progress: Progress | None = None
    ) -> Path:
        """Fetch all files of a manifest into the folder `dst`, as `download` does; answer `dst`."""
        root = _root(dst)
        manifest = await self.get_manifest(digest)
        files = [
            Download(
                path=file.path,
                destination=safe_destination(root, file.path),
                manifest_digest=digest,
                digest=file.digest,
                size=file.size_bytes,
            )
            for file in manifest.files
        ]
        await self._download_all(files, progress)
        return root

    def list(self, run_id: str, path: str = "", *, recursive: bool = False) -> AsyncIterator[types.FileInfo]:
        """The files and folders in a folder of a run, sorted by path; with `recursive` all files below it, and no
        folders. A file's path answers nothing."""

        async def fetch(token: str) -> tuple[Sequence[types.FileInfo], str]:
            request = pb.ListArtifactsRequest(
                owner=owner(run_id),
                path=path,
                workspace=self._connection.workspace,
                recursive=recursive,
                page_size=1000,
                page_token=token,
            )
            response: pb.ListArtifactsResponse = await self._connection.unary(self._stub.ListArtifacts, request)
            return [convert.list_entry(message) for message in response.entries], response.next_page_token

        return Pages(fetch)

    async def delete(self, run_id: str, path: str) -> int:
        """Delete a file, or a folder with all in it; answer how many files. Manifests keep theirs. Raises NotFound."""
        request = pb.DeleteArtifactsRequest(owner=owner(run_id), path=path, workspace=self._connection.workspace)
        response: pb.DeleteArtifactsResponse = await self._connection.unary(self._stub.DeleteArtifacts, request)
        return response.deleted_count

    async def create_manifest(self, run_id: str, path: str = "") -> types.Manifest:
        """The manifest of a folder or file (empty: of everything) as it is now. Raises NotFound where nothing is."""
        request = pb.CreateManifestRequest(owner=owner(run_id), path=path, workspace=self._connection.workspace)
        response: pb.CreateManifestResponse = await self._connection.unary(
            self._stub.CreateManifest, request, seconds=_MANIFEST_SECONDS
        )
        manifest = convert.manifest(response.manifest)
        return verify_manifest(manifest, manifest.digest)

    async def get_manifest(self, digest: str) -> types.Manifest:
        """A manifest, checked against its digest. Raises NotFound."""
        request = pb.GetManifestRequest(digest=digest, workspace=self._connection.workspace)
        response: pb.GetManifestResponse = await self._connection.unary(self._stub.GetManifest, request)
        return verify_manifest(convert.manifest(response.manifest), digest)

    async def _download_file(self, run_id: str, path: str, target: Path, progress: Progress | None) -> None:
        await receive(self._connection, Download(path=path, destination=target, run_id=run_id), Meter(progress, 0))

    async def _download_all(self, files: Sequence[Download], progress: Progress | None) -> None:
        meter = Meter(progress, sum(file.size or 0 for file in files))

        async def one(file: Download) -> None:
            await receive(self._connection, file, meter)

        await in_parallel(files, one, limit=TRANSFERS)


def _one_of_tree(run_id: str, root: Path, path: str, entry: types.FileInfo) -> Download:
    if path and not entry.path.startswith(f"{path}/"):
        raise DataLoss(f"the server listed {entry.path!r}, which is not below {path!r}: do not trust it")
    destination = safe_destination(root, entry.path)
    return Download(path=entry.path, destination=destination, run_id=run_id, digest=entry.digest, size=entry.file_size)


def _root(dst: Local | None) -> Path:
    return Path(tempfile.mkdtemp(prefix="trackway-")) if dst is None else Path(dst)

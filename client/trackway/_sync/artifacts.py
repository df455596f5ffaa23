"""Files of runs, and manifests, synchronously."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from trackway import types
from trackway._rpc.artifacts import AsyncArtifacts, Local
from trackway._rpc.progress import Progress
from trackway._sync.iteration import items
from trackway._sync.mirror import mirrors
from trackway._sync.portal import Portal


@mirrors(AsyncArtifacts)
class Artifacts:
    def __init__(self, original: AsyncArtifacts, portal: Portal) -> None:
        self._async = original
        self._portal = portal

    def upload_file(
        self, run_id: str, local_path: Local, artifact_path: str | None = None, *, progress: Progress | None = None
    ) -> types.FileInfo:
        return self._portal.call(self._async.upload_file, run_id, local_path, artifact_path, progress=progress)

    def upload_bytes(
        self, run_id: str, data: bytes, artifact_path: str, *, progress: Progress | None = None
    ) -> types.FileInfo:
        return self._portal.call(self._async.upload_bytes, run_id, data, artifact_path, progress=progress)

    def upload_folder(
        self, run_id: str, local_folder: Local, artifact_path: str = "", *, progress: Progress | None = None
    ) -> Sequence[types.FileInfo]:
        return self._portal.call(self._async.upload_folder, run_id, local_folder, artifact_path, progress=progress)

    def download(
        self, run_id: str, path: str = "", dst: Local | None = None, *, progress: Progress | None = None
    ) -> Path:
        return self._portal.call(self._async.download, run_id, path, dst, progress=progress)

    def download_manifest(self, digest: str, dst: Local | None = None, *, progress: Progress | None = None) -> Path:
        return self._portal.call(self._async.download_manifest, digest, dst, progress=progress)

    def list(self, run_id: str, path: str = "", *, recursive: bool = False) -> Iterator[types.FileInfo]:
        return items(self._portal, self._async.list(run_id, path, recursive=recursive))

    def delete(self, run_id: str, path: str) -> int:
        return self._portal.call(self._async.delete, run_id, path)

    def create_manifest(self, run_id: str, path: str = "") -> types.Manifest:
        return self._portal.call(self._async.create_manifest, run_id, path)

    def get_manifest(self, digest: str) -> types.Manifest:
        return self._portal.call(self._async.get_manifest, digest)

"""MLflow's repository of artifacts at `trackway://HOST:PORT/…`, over the client's transfer: streams, with digests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import mlflow
from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from trackway import types
from trackway._fluent import checks
from trackway._mlflow_names import kept, named
from trackway._rpc.download import Download
from trackway.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from trackway.integrations.mlflow import addresses, convert
from trackway.integrations.mlflow.addresses import OwnedPlace, VersionPlace, below
from trackway.integrations.mlflow.refusals import raises_mlflow
from trackway.integrations.mlflow.server import Server, server_of_files

OFFLINE_SECONDS = 30.0
"""How long, after no server answered, files go to the spool without another being looked for."""


@raises_mlflow
class TrackwayArtifactRepository(ArtifactRepository):
    """The files of a run, of a logged model or of a version of a model. Its methods are MLflow's; they raise
    MlflowException.

    A file is compared with its digest on both ways, and seen only when it is whole. Where no server answers, a run's
    files are snapshotted into the spool, and sent when one does.
    """

    def __init__(self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        super().__init__(artifact_uri)  # all that MLflow 2 knows
        self.tracking_uri = tracking_uri
        self.registry_uri = registry_uri
        self._place = addresses.parse(artifact_uri)
        self._server: Server = server_of_files(
            self._place.server, (tracking_uri, registry_uri, mlflow.get_tracking_uri(), mlflow.get_registry_uri())
        )
        self._manifest: types.Manifest | None = None
        self._offline_until = 0.0

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        path = checks.artifact_path(kept(below(below(self._place.path, artifact_path), Path(local_file).name)))
        owned = self._owned()
        if not self._send(lambda: self._server.client.artifacts.upload_file(owned.owner, local_file, path)):
            self._server.writers.of(owned.owner).log_file(os.fspath(local_file), path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        root, folder = kept(below(self._place.path, artifact_path)), Path(local_dir)
        if not folder.is_dir():
            raise InvalidArgument(f"{str(local_dir)!r} is no folder; log_artifact logs one file")
        files = sorted(each for each in folder.rglob("*") if each.is_file())
        names = [each.relative_to(folder).as_posix() for each in files]
        paths = [checks.artifact_path(below(root, kept(name))) for name in names]
        owned, artifacts = self._owned(), self._server.client.artifacts

        def upload() -> None:
            if all(kept(name) == name for name in names):
                artifacts.upload_folder(owned.owner, folder, root)
                return
            for file, path in zip(files, paths, strict=True):
                artifacts.upload_file(owned.owner, file, path)

        if not self._send(upload):
            for file, path in zip(files, paths, strict=True):
                self._server.writers.of(owned.owner).log_file(str(file), path)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        wanted = kept(below(self._place.path, path))
        entries = (
            self._version_entries(wanted) if isinstance(self._place, VersionPlace) else self._owned_entries(wanted)
        )
        return [convert.file_info(named(self._relative(each.path)), each.is_dir, each.file_size) for each in entries]

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        owned = self._owned()
        self._server.writers.flush(owned.owner)
        artifacts, wanted = self._server.client.artifacts, kept(below(owned.path, artifact_path))
        for path in [wanted] if wanted else [each.path for each in artifacts.list(owned.owner)]:
            artifacts.delete(owned.owner, path)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        path, destination = kept(below(self._place.path, remote_file_path)), Path(local_path)
        if isinstance(self._place, OwnedPlace):
            self._server.writers.flush(self._place.owner)
            self._server.download(Download(path=path, destination=destination, run_id=self._place.owner))
            return
        manifest = self._files()
        file = next((each for each in manifest if each.path == path), None)
        if file is None:
            raise NotFound(f"{self.artifact_uri} has no file {path!r}")
        self._server.download(
            Download(
                path=path,
                destination=destination,
                manifest_digest=manifest.digest,
                digest=file.digest,
                size=file.size_bytes,
            )
        )

    # -- inside ------------------------------------------------------------------------------------------------------

    def _owned(self) -> OwnedPlace:
        if isinstance(self._place, VersionPlace):
            raise FailedPrecondition(f"the files of {self.artifact_uri} never change: register a new version")
        return self._place

    def _send(self, upload: Callable[[], object]) -> bool:
        """Whether files could be sent; otherwise they go to the run's spool. A logged model has none: it raises."""
        owned = self._owned()
        if monotonic() < self._offline_until:
            return False
        if not self._server.writers.flush(owned.owner):  # the run itself, and what was snapshotted before
            return False
        try:
            upload()
        except Unavailable:
            if not owned.is_run:
                raise
            self._offline_until = monotonic() + OFFLINE_SECONDS
            return False
        return True

    def _owned_entries(self, folder: str) -> list[types.FileInfo]:
        owned = self._owned()
        self._server.writers.flush(owned.owner)
        return list(self._server.client.artifacts.list(owned.owner, folder))

    def _version_entries(self, folder: str) -> Iterator[types.FileInfo]:
        """One level of a manifest, sorted by path."""
        prefix = f"{folder}/" if folder else ""
        found: dict[str, types.FileInfo] = {}
        for file in self._files():
            if file.path.startswith(prefix):
                name, slash, _ = file.path[len(prefix) :].partition("/")
                size = None if slash else file.size_bytes
                found[name] = types.FileInfo(prefix + name, bool(slash), size, "" if slash else file.digest)
        yield from (found[name] for name in sorted(found))

    def _files(self) -> types.Manifest:
        """The files of the version; they never change."""
        place = self._place
        assert isinstance(place, VersionPlace)
        if self._manifest is None:
            self._manifest = self._server.client.registry.resolve(place.name, version=place.version).manifest
        return self._manifest

    def _relative(self, path: str) -> str:
        return path[len(kept(self._place.path)) + 1 :] if self._place.path else path

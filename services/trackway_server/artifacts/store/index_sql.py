"""The index in SQL: the ArtifactIndex port on a Database, each method one store function in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from trackway_server.artifacts.domain.artifacts import Artifact, Entry, FileEntry, Owner
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.manifests import Manifest
from trackway_server.artifacts.domain.paths import ArtifactPath, Folder
from trackway_server.artifacts.store import artifact_rows, folder_rows, garbage_rows, manifest_rows
from trackway_server.core.db.database import Database


class SqlArtifactIndex:
    """The ArtifactIndex port on a database that has our tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, artifact: Artifact) -> None:
        """See ArtifactIndex."""
        await self._database.write(artifact_rows.put, artifact)

    async def get(self, owner: Owner, path: ArtifactPath) -> Artifact:
        """See ArtifactIndex."""
        return await self._database.read(artifact_rows.get, owner, path)

    async def children(self, owner: Owner, folder: Folder, *, start: str, limit: int) -> Sequence[Entry]:
        """See ArtifactIndex."""
        return await self._database.read(folder_rows.children, owner, folder, start=start, limit=limit)

    async def files_below(self, owner: Owner, folder: Folder, *, start: str, limit: int) -> Sequence[FileEntry]:
        """See ArtifactIndex."""
        return await self._database.read(artifact_rows.files_below, owner, folder, start=start, limit=limit)

    async def want(self, digest: Digest, now_us: int) -> None:
        """See ArtifactIndex."""
        # What is noted only from now on has its whole grace before it: nearly every upload writes nothing here.
        if await self._database.read(garbage_rows.is_noted, digest):
            await self._database.write(garbage_rows.want, digest, now_us)

    async def delete(self, owner: Owner, path: ArtifactPath) -> int:
        """See ArtifactIndex."""
        return await self._database.write(artifact_rows.remove, owner, path)

    async def create_manifest(self, owner: Owner, folder: Folder, now_us: int) -> Manifest:
        """See ArtifactIndex."""
        return await self._database.write(manifest_rows.create_manifest, owner, folder, now_us)

    async def manifest(self, workspace: str, digest: Digest) -> Manifest:
        """See ArtifactIndex."""
        return await self._database.read(manifest_rows.read_manifest, workspace, digest)

    async def manifest_file(self, workspace: str, digest: Digest, path: ArtifactPath) -> FileEntry:
        """See ArtifactIndex."""
        return await self._database.read(manifest_rows.read_manifest_file, workspace, digest, path)

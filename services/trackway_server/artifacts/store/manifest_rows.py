"""Store functions for manifests."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, insert, select

from trackway_server.artifacts.domain.artifacts import FileEntry, Owner, not_found
from trackway_server.artifacts.domain.digests import Digest, corrupt
from trackway_server.artifacts.domain.manifests import (
    MAX_FILES,
    Manifest,
    manifest_digest,
    manifest_file_not_found,
    manifest_not_found,
    relative_to,
)
from trackway_server.artifacts.domain.paths import ArtifactPath, Folder
from trackway_server.artifacts.store.artifact_rows import at_and_below, lock_owner, of_owner
from trackway_server.artifacts.store.rows import file_of
from trackway_server.artifacts.store.tables import ARTIFACTS, MANIFEST_ENTRIES, MANIFESTS


def create_manifest(connection: Connection, owner: Owner, folder: Folder, now_us: int) -> Manifest:
    """See ArtifactIndex."""
    lock_owner(connection, owner)
    manifest = Manifest.of(relative_to(folder, entry) for entry in _files(connection, owner, folder))
    if not manifest.entries:
        raise not_found(owner, folder)
    if not _exists(connection, owner.workspace, manifest.digest):
        _insert(connection, owner.workspace, manifest, now_us)
    return manifest


def read_manifest(connection: Connection, workspace: str, digest: Digest) -> Manifest:
    """See ArtifactIndex.manifest."""
    query = select(MANIFEST_ENTRIES).where(_of_manifest(workspace, digest)).order_by(MANIFEST_ENTRIES.c.path)
    entries = tuple(file_of(row) for row in connection.execute(query).all())
    if not entries:
        raise manifest_not_found(digest)
    if manifest_digest(entries) != digest:
        raise corrupt(digest.text)
    return Manifest(digest, entries)


def read_manifest_file(connection: Connection, workspace: str, digest: Digest, path: ArtifactPath) -> FileEntry:
    """See ArtifactIndex.manifest_file."""
    query = select(MANIFEST_ENTRIES).where(_of_manifest(workspace, digest), MANIFEST_ENTRIES.c.path == path.text)
    row = connection.execute(query).one_or_none()
    if row is not None:
        return file_of(row)
    if not _exists(connection, workspace, digest):
        raise manifest_not_found(digest)
    raise manifest_file_not_found(path)


def _files(connection: Connection, owner: Owner, folder: Folder) -> list[FileEntry]:
    wanted = (select(ARTIFACTS).where(of_owner(owner), part).limit(MAX_FILES + 1) for part in at_and_below(folder))
    return [file_of(row) for query in wanted for row in connection.execute(query).all()]


def _exists(connection: Connection, workspace: str, digest: Digest) -> bool:
    one = and_(MANIFESTS.c.workspace == workspace, MANIFESTS.c.digest == digest.text)
    return connection.execute(select(MANIFESTS.c.digest).where(one)).scalar() is not None


def _insert(connection: Connection, workspace: str, manifest: Manifest, now_us: int) -> None:
    row = {"workspace": workspace, "digest": manifest.digest.text, "create_time_us": now_us}
    connection.execute(insert(MANIFESTS).values(row))
    connection.execute(
        insert(MANIFEST_ENTRIES),
        [
            {
                "workspace": workspace,
                "manifest_digest": manifest.digest.text,
                "path": entry.path.text,
                "digest": entry.digest.text,
                "size_bytes": entry.size_bytes,
            }
            for entry in manifest.entries
        ],
    )


def _of_manifest(workspace: str, digest: Digest) -> ColumnElement[bool]:
    return and_(MANIFEST_ENTRIES.c.workspace == workspace, MANIFEST_ENTRIES.c.manifest_digest == digest.text)

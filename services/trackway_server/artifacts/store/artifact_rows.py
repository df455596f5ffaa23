"""Store functions for the files of owners."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, true, union_all, update

from trackway_server.artifacts.domain.artifacts import Artifact, FileEntry, Owner, not_found, path_conflict
from trackway_server.artifacts.domain.paths import ArtifactPath, Folder, end_of, prefix_of
from trackway_server.artifacts.store.garbage_rows import note_unused
from trackway_server.artifacts.store.rows import artifact_of, file_of
from trackway_server.artifacts.store.tables import ARTIFACTS, path_column
from trackway_server.core.db.locking import lock_name


def put(connection: Connection, artifact: Artifact) -> None:
    """See ArtifactIndex."""
    lock_owner(connection, artifact.owner)
    if standing := _in_the_way(connection, artifact.owner, artifact.path):
        raise path_conflict(artifact.path, standing)
    key = {"workspace": artifact.owner.workspace, "owner": artifact.owner.name, "path": artifact.path.text}
    values = {
        "digest": artifact.digest.text,
        "size_bytes": artifact.size_bytes,
        "create_time_us": artifact.create_time_us,
    }
    one = and_(of_owner(artifact.owner), path_column == artifact.path.text)
    standing_digest = connection.execute(select(ARTIFACTS.c.digest).where(one)).scalar()
    if standing_digest is None:
        connection.execute(insert(ARTIFACTS).values(key | values))
        return
    if standing_digest != artifact.digest.text:
        note_unused(connection, one)
    connection.execute(update(ARTIFACTS).where(one).values(values))


def get(connection: Connection, owner: Owner, path: ArtifactPath) -> Artifact:
    """See ArtifactIndex."""
    row = connection.execute(select(ARTIFACTS).where(of_owner(owner), path_column == path.text)).one_or_none()
    if row is None:
        raise not_found(owner, path)
    return artifact_of(owner, row)


def files_below(connection: Connection, owner: Owner, folder: Folder, *, start: str, limit: int) -> Sequence[FileEntry]:
    """See ArtifactIndex."""
    query = select(ARTIFACTS).where(of_owner(owner), path_column >= start, before_end(folder))
    return [file_of(row) for row in connection.execute(query.order_by(path_column).limit(limit)).all()]


def remove(connection: Connection, owner: Owner, path: ArtifactPath) -> int:
    """See ArtifactIndex.delete."""
    lock_owner(connection, owner)
    removed = 0
    for part in at_and_below(path):
        going = and_(of_owner(owner), part)
        note_unused(connection, going)
        removed += connection.execute(delete(ARTIFACTS).where(going)).rowcount
    if not removed:
        raise not_found(owner, path)
    return removed


def lock_owner(connection: Connection, owner: Owner) -> None:
    """Keep other writers of the owner's paths out until the transaction ends: they would not see each other's rows."""
    lock_name(connection, f"artifacts/{owner.workspace}/{owner.name}")


def of_owner(owner: Owner) -> ColumnElement[bool]:
    """Rows of the owner."""
    return and_(ARTIFACTS.c.workspace == owner.workspace, ARTIFACTS.c.owner == owner.name)


def before_end(folder: Folder) -> ColumnElement[bool]:
    """Rows before the end of the folder, in the order of paths."""
    end = end_of(folder)
    return true() if end is None else path_column < end


def below(folder: Folder) -> ColumnElement[bool]:
    """All files below the folder."""
    return and_(path_column >= prefix_of(folder), before_end(folder))


def at_and_below(folder: Folder) -> tuple[ColumnElement[bool], ...]:
    """The file at the path, and all files below it: two conditions, since SQLite scans all of the owner for an OR."""
    return (path_column == folder.text, below(folder)) if folder else (below(folder),)


def _in_the_way(connection: Connection, owner: Owner, path: ArtifactPath) -> str | None:
    """A file that stands at one of the path's folders, or one that lies below the path."""
    above = select(path_column).where(of_owner(owner), path_column.in_(path.ancestors()))
    first_below = select(func.min(path_column)).where(of_owner(owner), below(path))
    found = connection.execute(union_all(above, first_below)).scalars().all()
    return next((standing for standing in found if standing is not None), None)

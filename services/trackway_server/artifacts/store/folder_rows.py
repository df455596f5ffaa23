"""Store function for one folder's entries: one query that steps from entry to entry and never reads what lies deeper.

A recursive query takes the first path at or after `start`, then again and again the first path after that entry; after
a folder, all that lies below it is passed over. It costs one index look-up an entry, however many files a folder has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Row, and_, case, func, literal, select

from trackway_server.artifacts.domain.artifacts import Entry, FolderEntry, Owner
from trackway_server.artifacts.domain.paths import ArtifactPath, Folder, after_file, after_folder, prefix_of
from trackway_server.artifacts.store.artifact_rows import before_end, of_owner
from trackway_server.artifacts.store.rows import file_of
from trackway_server.artifacts.store.tables import ARTIFACTS, path_column


def children(connection: Connection, owner: Owner, folder: Folder, *, start: str, limit: int) -> Sequence[Entry]:
    """See ArtifactIndex."""
    steps = _steps(connection, owner, folder, start, limit)
    query = select(ARTIFACTS).join(steps, path_column == steps.c.path).where(of_owner(owner)).order_by(path_column)
    return list(_entries(prefix_of(folder), connection.execute(query).all()))


def _steps(connection: Connection, owner: Owner, folder: Folder, start: str, limit: int) -> CTE:
    """Rows (number, path): for each entry the first path in it; last a NULL, where the folder ends before the limit."""
    in_folder = select(func.min(path_column)).where(of_owner(owner), before_end(folder))
    first = in_folder.where(path_column >= start).scalar_subquery()
    steps = select(literal(1).label("number"), first.label("path")).cte("steps", recursive=True)
    bound = _bound(connection, prefix_of(folder), steps.c.path)
    following = in_folder.where(path_column >= bound).scalar_subquery()
    going_on = and_(steps.c.path.is_not(None), steps.c.number < limit)
    return steps.union_all(select(steps.c.number + 1, following).where(going_on))


def _bound(connection: Connection, prefix: str, path: ColumnElement[str]) -> ColumnElement[str]:
    """`next_start` of the entry that the path lies in (see FileEntry, FolderEntry), as SQL."""
    rest = func.substr(path, len(prefix) + 1)
    position = func.strpos if connection.dialect.name == "postgresql" else func.instr
    slash = position(rest, "/")
    name = func.substr(rest, 1, slash - 1)
    return case((slash > 0, literal(prefix) + name + literal(after_folder(""))), else_=path + literal(after_file("")))


def _entries(prefix: str, rows: Sequence[Row[Any]]) -> Iterator[Entry]:
    for row in rows:
        name, slash, _ = row.path.removeprefix(prefix).partition("/")
        yield FolderEntry(ArtifactPath(prefix + name)) if slash else file_of(row)

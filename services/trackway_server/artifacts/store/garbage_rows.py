"""Store functions for what can be collected. What each does: domain/collecting.py, Garbage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from trackway_server.artifacts.domain.artifacts import Owner
from trackway_server.artifacts.domain.collecting import REMOVAL_SECONDS, UnusedBlob, Usage, being_removed
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.store.rows import digest_of
from trackway_server.artifacts.store.tables import ARTIFACTS, MANIFEST_ENTRIES, UNUSED_BLOBS
from trackway_server.core.db.inserts import insert_into
from trackway_server.core.db.locking import lock_name

_NOT_SEEN = 0


def owners(connection: Connection, after: Owner | None, limit: int) -> Sequence[Owner]:
    """See Garbage."""
    columns = (ARTIFACTS.c.workspace, ARTIFACTS.c.owner)
    query = select(*columns)
    if after is not None:
        query = query.where(tuple_(*columns) > tuple_(literal(after.workspace), literal(after.name)))
    rows = connection.execute(query.group_by(*columns).order_by(*columns).limit(limit)).all()
    return [Owner(row.workspace, row.owner) for row in rows]


def usage(connection: Connection, wanted: Sequence[Owner]) -> Sequence[Usage]:
    """See Garbage."""
    pairs = [(one.workspace, one.name) for one in wanted]
    of_owners = tuple_(ARTIFACTS.c.workspace, ARTIFACTS.c.owner).in_(pairs)
    held = (
        select(ARTIFACTS.c.digest, func.max(ARTIFACTS.c.size_bytes).label("size_bytes"), func.count().label("files"))
        .where(of_owners)
        .group_by(ARTIFACTS.c.digest)
        .subquery()
    )
    counts = [
        select(func.count()).where(table.c.digest == held.c.digest).scalar_subquery()
        for table in (ARTIFACTS, MANIFEST_ENTRIES)
    ]
    rows = connection.execute(select(held, (counts[0] + counts[1]).label("references"))).all()
    return [Usage(digest_of(row), row.size_bytes, row.files, row.references) for row in rows]


def remove_files(connection: Connection, owner: Owner, limit: int) -> int:
    """See Garbage."""
    lock_name(connection, f"artifacts/{owner.workspace}/{owner.name}")
    mine = and_(ARTIFACTS.c.workspace == owner.workspace, ARTIFACTS.c.owner == owner.name)
    first = select(ARTIFACTS.c.path).where(mine).order_by(ARTIFACTS.c.path).limit(limit)
    chosen = and_(mine, ARTIFACTS.c.path.in_(list(connection.execute(first).scalars())))
    note_unused(connection, chosen)
    return connection.execute(delete(ARTIFACTS).where(chosen)).rowcount


def note_unused(connection: Connection, files: ColumnElement[bool]) -> None:
    """Note the blobs of files that are about to go, for the next collection to see."""
    # In the order of digests: two transactions that note the same ones do not wait for one another in a circle.
    going = (
        select(ARTIFACTS.c.digest, func.max(ARTIFACTS.c.size_bytes), literal(_NOT_SEEN), literal(False))
        .where(files)
        .group_by(ARTIFACTS.c.digest)
        .order_by(ARTIFACTS.c.digest)
    )
    noted = insert_into(connection.dialect.name, UNUSED_BLOBS).from_select(
        ["digest", "size_bytes", "since_us", "removing"], going
    )
    connection.execute(noted.on_conflict_do_update(index_elements=["digest"], set_={"since_us": _NOT_SEEN}))


def see_unused(connection: Connection, now_us: int, before_us: int) -> None:
    """See Garbage."""
    settled = and_(UNUSED_BLOBS.c.since_us > _NOT_SEEN, UNUSED_BLOBS.c.since_us <= before_us)
    connection.execute(delete(UNUSED_BLOBS).where(settled, UNUSED_BLOBS.c.removing.is_(False), _is_referenced()))
    connection.execute(update(UNUSED_BLOBS).where(UNUSED_BLOBS.c.since_us == _NOT_SEEN).values(since_us=now_us))


def unused(connection: Connection, before_us: int, after: str, limit: int) -> Sequence[UnusedBlob]:
    """See Garbage."""
    query = select(UNUSED_BLOBS).where(UNUSED_BLOBS.c.digest > after, _is_due(before_us), ~_is_referenced())
    rows = connection.execute(query.order_by(UNUSED_BLOBS.c.digest).limit(limit)).all()
    return [UnusedBlob(digest_of(row), row.size_bytes) for row in rows]


def begin_removal(connection: Connection, digest: Digest, before_us: int, now_us: int) -> bool:
    """See Garbage."""
    _lock(connection, digest)
    mine = UNUSED_BLOBS.c.digest == digest.text
    wanted = select(UNUSED_BLOBS.c.digest).where(mine, _is_due(before_us), ~_is_referenced())
    if connection.execute(wanted).first() is None:
        return False
    connection.execute(update(UNUSED_BLOBS).where(mine).values(removing=True, since_us=now_us))
    return True


def end_removal(connection: Connection, digest: Digest) -> None:
    """See Garbage."""
    _lock(connection, digest)
    connection.execute(
        delete(UNUSED_BLOBS).where(UNUSED_BLOBS.c.digest == digest.text, UNUSED_BLOBS.c.removing.is_(True))
    )


def is_noted(connection: Connection, digest: Digest) -> bool:
    """Whether the blob was let go of."""
    query = select(UNUSED_BLOBS.c.digest).where(UNUSED_BLOBS.c.digest == digest.text)
    return connection.execute(query).first() is not None


def want(connection: Connection, digest: Digest, now_us: int) -> None:
    """See ArtifactIndex."""
    _lock(connection, digest)
    mine = UNUSED_BLOBS.c.digest == digest.text
    noted = connection.execute(select(UNUSED_BLOBS).where(mine)).first()
    if noted is None:
        return
    if noted.removing and now_us - noted.since_us < REMOVAL_SECONDS * 1_000_000:
        raise being_removed()
    connection.execute(update(UNUSED_BLOBS).where(mine).values(removing=False, since_us=now_us))


def _is_due(before_us: int) -> ColumnElement[bool]:
    seen = and_(UNUSED_BLOBS.c.since_us > _NOT_SEEN, UNUSED_BLOBS.c.since_us <= before_us)
    return or_(seen, UNUSED_BLOBS.c.removing.is_(True))


def _is_referenced() -> ColumnElement[bool]:
    def referring(table: Any) -> Select[Any]:
        return select(literal(1)).where(table.c.digest == UNUSED_BLOBS.c.digest).correlate(UNUSED_BLOBS)

    return exists(union_all(referring(ARTIFACTS), referring(MANIFEST_ENTRIES)))


def _lock(connection: Connection, digest: Digest) -> None:
    lock_name(connection, f"blob/{digest.text}")

"""LivenessRows over plain dictionaries, and over a SQLAlchemy connection. What each promises: domain/liveness.py."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, Integer, MetaData, String, Table, case, select

from trackway_server.core.db.inserts import insert_into
from trackway_server.core.db.locking import locked
from trackway_server.metrics.store.memory import MetricState

_BATCH = 400
"""Values in one IN: below the least limit of bound variables (999, old SQLite)."""


@dataclass(frozen=True, slots=True)
class LivenessTables:
    """The tables of one service."""

    liveness: Table
    listening: Table


def liveness_tables(metadata: MetaData) -> LivenessTables:
    """Define the tables in `metadata`."""
    return LivenessTables(
        Table(
            "metric_liveness",
            metadata,
            Column("subject_id", String(64), primary_key=True),
            Column("last_heard_us", BigInteger, nullable=False),
            Column("lost", Boolean, nullable=False),
            Index("ix_metric_liveness_silent", "lost", "last_heard_us"),
        ),
        Table(
            "metric_listening",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False, comment="1: there is one row"),
            Column("since_us", BigInteger, nullable=False, comment="the end of the last pause of all servers"),
            Column("last_us", BigInteger, nullable=False),
        ),
    )


class SqlLivenessRows:
    """LivenessRows within the transaction of `connection`."""

    def __init__(self, connection: Connection, tables: LivenessTables, writers: Table) -> None:
        self._connection = connection
        self._rows = tables.liveness
        self._listening = tables.listening
        self._writers = writers

    def awaits_any(self) -> bool:
        """See LivenessRows."""
        query = select(self._rows.c.subject_id).where(self._rows.c.lost.is_(False)).limit(1)
        return self._connection.execute(query).first() is not None

    def listen(self, now_us: int, pause_us: int) -> int:
        """See LivenessRows."""
        listening = self._listening
        query = locked(select(listening.c.since_us, listening.c.last_us), writing=True)
        row = self._connection.execute(query).one()
        since_us: int = now_us if abs(now_us - row.last_us) > pause_us else row.since_us
        last_us = now_us if since_us == now_us else max(now_us, row.last_us)
        self._connection.execute(listening.update().values(since_us=since_us, last_us=last_us))
        return since_us

    def hear(self, subject_ids: Collection[str], writer_ids: Collection[str], now_us: int) -> None:
        """See LivenessRows."""
        writers = self._writers
        # Writers before subjects, as a commit locks them.
        for batch in _batches(writer_ids):
            earlier = (writers.c.writer_id.in_(batch), writers.c.last_heard_us < now_us)
            self._connection.execute(writers.update().where(*earlier).values(last_heard_us=now_us))
        if subject_ids:
            insert = insert_into(self._connection.dialect.name, self._rows)
            known = self._rows.c.last_heard_us
            later = case((known > insert.excluded.last_heard_us, known), else_=insert.excluded.last_heard_us)
            upsert = insert.on_conflict_do_update(
                index_elements=["subject_id"], set_={"last_heard_us": later, "lost": False}
            )
            rows = [{"subject_id": one, "last_heard_us": now_us, "lost": False} for one in sorted(subject_ids)]
            self._connection.execute(upsert, rows)

    def silent(self, before_us: int, limit: int) -> list[str]:
        """See LivenessRows."""
        rows = self._rows
        query = select(rows.c.subject_id).where(rows.c.lost.is_(False), rows.c.last_heard_us < before_us)
        return list(self._connection.execute(query.order_by(rows.c.last_heard_us).limit(limit)).scalars())

    def mark(self, subject_ids: Collection[str], before_us: int) -> int:
        """See LivenessRows."""
        rows, marked = self._rows, 0
        for batch in _batches(subject_ids):
            # The condition again: a server that waited for this row must not pass over what was heard meanwhile.
            silent = (rows.c.subject_id.in_(batch), rows.c.lost.is_(False), rows.c.last_heard_us < before_us)
            marked += self._connection.execute(rows.update().where(*silent).values(lost=True)).rowcount
        return marked

    def forget(self, subject_ids: Collection[str], before_us: int | None = None) -> None:
        """See LivenessRows."""
        rows = self._rows
        for batch in _batches(subject_ids):
            chosen = rows.delete().where(rows.c.subject_id.in_(batch))
            self._connection.execute(chosen if before_us is None else chosen.where(rows.c.last_heard_us < before_us))

    def lost_since(self, subject_ids: Collection[str]) -> dict[str, int]:
        """See LivenessRows."""
        rows = self._rows
        found: dict[str, int] = {}
        for batch in _batches(subject_ids):
            query = select(rows.c.subject_id, rows.c.last_heard_us).where(
                rows.c.subject_id.in_(batch), rows.c.lost.is_(True)
            )
            found |= {row.subject_id: row.last_heard_us for row in self._connection.execute(query)}
        return found


@dataclass(slots=True)
class LivenessState:
    """All that is stored: when each subject was last heard, who is lost, and (since, last) of the servers."""

    heard: dict[str, int] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    listening: tuple[int, int] = (0, 0)


class MemoryLivenessRows:
    """LivenessRows over a state."""

    def __init__(self, state: LivenessState, metrics: MetricState) -> None:
        self._state = state
        self._metrics = metrics

    def awaits_any(self) -> bool:
        """See LivenessRows."""
        return bool(self._state.heard.keys() - self._state.lost)

    def listen(self, now_us: int, pause_us: int) -> int:
        """See LivenessRows."""
        since_us, last_us = self._state.listening
        if abs(now_us - last_us) > pause_us:
            since_us = last_us = now_us
        self._state.listening = (since_us, max(now_us, last_us))
        return since_us

    def hear(self, subject_ids: Collection[str], writer_ids: Collection[str], now_us: int) -> None:
        """See LivenessRows."""
        heard, writers = self._state.heard, self._metrics.writers
        heard.update({one: max(now_us, heard.get(one, now_us)) for one in subject_ids})
        self._state.lost.difference_update(subject_ids)
        for known in [writers[one] for one in writer_ids if one in writers]:
            writers[known.writer_id] = replace(known, last_heard_us=max(now_us, known.last_heard_us))

    def silent(self, before_us: int, limit: int) -> list[str]:
        """See LivenessRows."""
        heard = self._state.heard
        silent = [one for one in heard if one not in self._state.lost and heard[one] < before_us]
        return sorted(silent, key=lambda one: heard[one])[:limit]

    def mark(self, subject_ids: Collection[str], before_us: int) -> int:
        """See LivenessRows."""
        marked = set(subject_ids).intersection(self.silent(before_us, len(self._state.heard)))
        self._state.lost |= marked
        return len(marked)

    def forget(self, subject_ids: Collection[str], before_us: int | None = None) -> None:
        """See LivenessRows."""
        for one in subject_ids:
            if before_us is None or self._state.heard.get(one, before_us) < before_us:
                self._state.heard.pop(one, None)
                self._state.lost.discard(one)

    def lost_since(self, subject_ids: Collection[str]) -> dict[str, int]:
        """See LivenessRows."""
        return {one: self._state.heard[one] for one in subject_ids if one in self._state.lost}


def _batches(items: Collection[str]) -> Iterator[list[str]]:
    """Sorted, so that two transactions lock what both have in one order."""
    rest = iter(sorted(items))
    while batch := list(islice(rest, _BATCH)):
        yield batch

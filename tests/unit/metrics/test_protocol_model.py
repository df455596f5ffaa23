"""The Ingest protocol as a model: whatever is lost, repeated, reordered or crashes, every record is stored once.

A writer keeps writing its spool. Two senders, a live uplink and a sync beside it, open streams and send any range of
the spool that they like. The server accepts and commits; its transactions may fail, its process may die with a commit
landed or not, and the senders may never hear of it. After every step the store holds exactly a prefix of the history.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.examples import examples
from support.postgres import postgres_database
from support.tracking_service import Clock
from support.writer_history import History, Written
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.postgres import PostgresDatabase, open_postgres
from trackway_server.core.db.postgres_engine import postgres_url
from trackway_server.core.db.sqlite import SqliteDatabase, open_sqlite
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.compaction import CompactionLimits, SubjectCompaction
from trackway_server.metrics.domain.ports import IngestUnit, Transactions
from trackway_server.metrics.domain.records import Append, Opening
from trackway_server.metrics.domain.session import Accepted, OpenedWriter, WriterSession, commit_records, open_writer
from trackway_server.metrics.ingest import build_commit
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.memory import MemoryTracking
from trackway_server.tracking.store.sql import SqlTracking

T = TypeVar("T")
RUN_ID, WRITER_ID = "a" * 32, "b" * 32
CLOCK = Clock()
SENDERS = st.sampled_from(["uplink", "sync"])
POINTS = st.lists(st.tuples(st.integers(-5, 5), st.floats(allow_nan=False)), min_size=3, max_size=3)
KINDS = st.sampled_from(["row", "row", "array", "param", "elsewhere"])
COMPACTION = st.builds(
    CompactionLimits,
    step_points=st.integers(1, 40),
    merged_points=st.sampled_from([0, 4, 1000]),
    chunk_points=st.integers(1, 20),
    points_per_series=st.just(0),
)
RECORDS = st.tuples(KINDS, st.integers(0, 1), POINTS)


class CrashError(Exception):
    """The server died inside a transaction."""


@dataclass
class Stream:
    """A sender's stream, as the server holds it: accepted appends wait for their commit."""

    opened: OpenedWriter
    session: WriterSession
    waiting: list[Accepted] = field(default_factory=list)


class Protocol(RuleBasedStateMachine):
    """The model, over the store that a subclass opens."""

    def open_store(self) -> Transactions[TrackingUnit]:
        raise NotImplementedError

    def close_store(self) -> None:
        """Close it; its content stays."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.store = self.open_store()
        self.history = History()
        self.streams: dict[str, Stream] = {}
        self.epoch = 0
        self.durable = 0
        self.open("uplink")

    def streaming(self) -> list[str]:
        """The senders that have a stream."""
        return sorted(self.streams)

    def waiting(self) -> list[str]:
        """The senders whose streams have something to commit."""
        return [sender for sender in self.streaming() if self.streams[sender].waiting]

    @rule(records=st.lists(RECORDS, min_size=1, max_size=8))
    def write(self, records: list[tuple[str, int, list[tuple[int, float]]]]) -> None:
        for kind, series_id, rows in records:
            self.history.write(kind, series_id, rows[: {"row": 1, "array": 3}.get(kind, 0)])

    @rule(sender=SENDERS)
    def open(self, sender: str) -> None:
        self.epoch += 1
        opened = self.run(lambda unit: open_writer(unit.metrics, opening(self.epoch), 1))
        assert opened.cursor.durable_sequence == self.durable
        assert opened.cursor.prefix_checksum == self.history.checksum(self.durable)
        self.streams[sender] = Stream(opened, WriterSession(opened, 100))

    @rule(data=st.data())
    def open_wrongly(self, data: st.DataObject) -> None:
        wrong, reason = data.draw(
            st.sampled_from(
                [
                    (opening(data.draw(st.integers(1, self.epoch))), Reason.WRITER_FENCED),
                    (opening(self.epoch + 1, principal="mallory"), Reason.WRITER_FOREIGN),
                    (opening(self.epoch + 1, subject_id="c" * 32), Reason.WRITER_FOREIGN),
                    (opening(self.epoch + 1, workspace="other"), Reason.WRITER_FOREIGN),
                    (opening(0), Reason.INVALID_FIELD),
                ]
            )
        )
        assert self.refusal(lambda unit: open_writer(unit.metrics, wrong, 1)) is reason

    @precondition(lambda self: self.streams)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from(self.streaming()))
        accepted = self.streams[sender].session.accepted_sequence
        first = data.draw(st.integers(0, min(accepted, len(self.history.records) - 1)))
        end = data.draw(st.integers(first + 1, len(self.history.records)))
        self.accept(sender, self.history.append(first, end), gap=False)

    @precondition(lambda self: self.streams)
    @rule(data=st.data())
    def send_beyond(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from(self.streaming()))
        first, end = self.streams[sender].session.accepted_sequence + 1, len(self.history.records)
        if first < end:
            self.accept(sender, self.history.append(first, end), gap=True)

    @precondition(lambda self: self.streams)
    @rule(data=st.data())
    def send_what_follows(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from(self.streaming()))
        first = self.streams[sender].session.accepted_sequence
        if first < len(self.history.records):
            self.accept(sender, self.history.append(first, len(self.history.records)), gap=False)

    def accept(self, sender: str, append: Append, *, gap: bool) -> None:
        stream = self.streams[sender]
        try:
            accepted = stream.session.accept(append)
        except DomainError as refused:
            assert gap and refused.reason is Reason.SEQUENCE_GAP
            # The stream ends; what it accepted is committed first or is lost with it.
            del self.streams[sender]
        else:
            assert not gap
            if accepted is not None:
                assert not accepted.refused
                stream.waiting.append(accepted)

    @precondition(lambda self: self.durable and self.streams)
    @rule(data=st.data())
    def send_another_history(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from(self.streaming()))
        if not self.streams[sender].session.accepted_sequence:
            return
        session = self.streams[sender].session
        other = History(list(self.history.records))
        forged = data.draw(st.integers(0, session.accepted_sequence - 1))
        other.records[forged] = Written("elsewhere", checksum=b"evil")
        other.write("elsewhere")
        first = data.draw(st.integers(0, session.accepted_sequence))
        try:
            session.accept(other.append(first, len(other.records)))
            raise AssertionError("another history was accepted")
        except DomainError as refused:
            assert refused.reason is Reason.WRITER_DIVERGED
        del self.streams[sender]

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from(self.waiting()))
        self.store_batch(sender, data.draw(st.integers(1, len(self.streams[sender].waiting))))

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def commit_all(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from(self.waiting()))
        self.store_batch(sender, len(self.streams[sender].waiting))

    def store_batch(self, sender: str, count: int) -> None:
        stream = self.streams[sender]
        batch, stream.waiting = stream.waiting[:count], stream.waiting[count:]
        commit = build_commit(batch)
        current = stream.opened.cursor.epoch == self.epoch
        try:
            refused = self.run(lambda unit: commit_records(unit, stream.opened, commit, 1))
        except DomainError as error:
            assert not current and error.reason is Reason.WRITER_FENCED
            del self.streams[sender]
        else:
            assert current and not refused
            self.durable = commit.end_sequence

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def commit_fails(self, data: st.DataObject) -> None:
        stream = self.streams.pop(data.draw(st.sampled_from(self.waiting())))
        commit = build_commit(stream.waiting)

        def die(unit: IngestUnit) -> None:
            commit_records(unit, stream.opened, commit, 1)
            raise CrashError

        try:
            self.run(die)
        except (CrashError, DomainError):
            return
        raise AssertionError("the transaction did not fail")

    @rule(landed=st.booleans())
    def server_dies(self, landed: bool) -> None:
        for sender in self.waiting() if landed else ():
            self.store_batch(sender, len(self.streams[sender].waiting))
        self.streams.clear()
        self.close_store()
        self.store = self.open_store()

    @rule()
    def fold(self) -> None:
        self.runner.run(MetricQueries(self.store).fold(None))

    @rule(limits=COMPACTION)
    def compact(self, limits: CompactionLimits) -> None:
        self.runner.run(SubjectCompaction(self.store, CLOCK, "compactor", limits).step(RUN_ID))

    @rule()
    def compaction_fails(self) -> None:
        limits = CompactionLimits(points_per_series=0)
        broken = SubjectCompaction(DyingInMove(self.store), CLOCK, "compactor", limits)
        with suppress(CrashError):
            self.runner.run(broken.step(RUN_ID))

    @invariant()
    def exactly_a_prefix_is_stored(self) -> None:
        cursor = self.read(lambda unit: unit.metrics.writer(WRITER_ID))
        assert (cursor.durable_sequence if cursor else 0) == self.durable
        assert self.read(lambda unit: unit.run(RUN_ID) is not None) == (self.durable > 0)
        for series_id, context in enumerate(["", '{"rank":"1"}']):
            assert self.runner.run(self.stored_points(context)) == self.history.points(series_id, self.durable)
        if self.durable:
            stored = self.read(lambda unit: unit.params([RUN_ID])).get(RUN_ID, {})
            assert stored == self.history.params(self.durable)

    async def stored_points(self, context: str) -> list[tuple[int, int, float]]:
        found = []
        try:
            async for chunk in MetricQueries(self.store).points(RUN_ID, "loss", context):
                assert chunk.writer_id == WRITER_ID
                column = chunk.column
                found += zip(column.sequences.tolist(), column.steps.tolist(), column.values.tolist(), strict=True)
        except DomainError as missing:
            assert missing.reason is Reason.SERIES_NOT_FOUND
        return found

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.summaries_count_the_points()
            self.close_store()
            self.runner.close()

    def summaries_count_the_points(self) -> None:
        of_run = self.runner.run(MetricQueries(self.store).of_subjects([RUN_ID], context=None, limit=10))
        counted = {one.context: one.count for one in of_run[RUN_ID]}
        for series_id, context in enumerate(["", '{"rank":"1"}']):
            assert counted.get(context, 0) == len(self.history.points(series_id, self.durable))

    def run(self, work: Callable[[TrackingUnit], T]) -> T:
        return self.runner.run(self.store.write(work))

    def read(self, work: Callable[[TrackingUnit], T]) -> T:
        return self.runner.run(self.store.read(work))

    def refusal(self, work: Callable[[TrackingUnit], object]) -> Reason | None:
        try:
            self.run(work)
        except DomainError as refused:
            return refused.reason
        return None


def opening(epoch: int, *, principal: str = "admin", subject_id: str = RUN_ID, workspace: str = "default") -> Opening:
    """An opening of the one writer."""
    return Opening(WRITER_ID, subject_id, principal, workspace, epoch)


class DyingInMove:
    """The store of a server that dies in the transaction of a move."""

    def __init__(self, store: Transactions[TrackingUnit]) -> None:
        self.read = store.read
        self.store = store

    async def write(self, work: Callable[[TrackingUnit], T]) -> T:
        def dying(unit: TrackingUnit) -> T:
            segments = unit.metrics.count_segments()
            result = work(unit)
            if unit.metrics.count_segments() != segments:
                raise CrashError
            return result

        return await self.store.write(dying)


class OverMemory(Protocol):
    """The model over the reference adapter, whose content outlives the server."""

    memory: MemoryTracking | None = None

    def open_store(self) -> Transactions[TrackingUnit]:
        self.memory = self.memory or MemoryTracking()
        return self.memory


class OverSqlite(Protocol):
    """The model over SQLite, which is closed and opened again where the server dies."""

    template: Path | None = None
    folder: Path | None = None
    database: SqliteDatabase

    def open_store(self) -> Transactions[TrackingUnit]:
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="trackway-model-"))
            shutil.copy(migrated(), self.folder / "tracking.db")

        async def start() -> SqliteDatabase:
            assert self.folder is not None
            return open_sqlite(self.folder / "tracking.db")

        self.database = self.runner.run(start())
        return SqlTracking(self.database)

    def close_store(self) -> None:
        self.runner.run(self.database.close())
        assert self.database.open_connections == 0

    def teardown(self) -> None:
        super().teardown()
        if self.folder is not None:
            shutil.rmtree(self.folder)


class OverPostgres(Protocol):
    """The model over PostgreSQL: where the server dies, its connections are closed and others take their place."""

    stack: ExitStack | None = None
    url = ""
    database: PostgresDatabase

    def open_store(self) -> Transactions[TrackingUnit]:
        if self.stack is None:
            self.stack = ExitStack()
            self.url = self.stack.enter_context(postgres_database())
        self.database = open_postgres(postgres_url(self.url), "tracking")
        return SqlTracking(self.database)

    def close_store(self) -> None:
        self.runner.run(self.database.close())
        assert self.database.open_connections == 0

    def teardown(self) -> None:
        super().teardown()
        if self.stack is not None:
            self.stack.close()


def migrated() -> Path:
    """An empty, migrated database, made once in a process."""
    if OverSqlite.template is None:
        OverSqlite.template = Path(tempfile.mkdtemp(prefix="trackway-model-")) / "template.db"
        upgrade(OverSqlite.template, MIGRATIONS)
    return OverSqlite.template


TestOverMemory = OverMemory.TestCase
TestOverMemory.settings = settings(max_examples=examples(50), stateful_step_count=40, deadline=None)
TestOverSqlite = OverSqlite.TestCase
TestOverSqlite.settings = settings(
    max_examples=12, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOverPostgres = OverPostgres.TestCase
TestOverPostgres.settings = settings(
    max_examples=4, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

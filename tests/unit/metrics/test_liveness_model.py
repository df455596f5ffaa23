"""Lost runs as a model: two servers over one store hear writers, fail, pause and come back, on a clock of the test.

A run is lost when nobody has heard its writers for two minutes during which a server was there to hear them, and back
with the next sign of life; a run that ended, or that no stream ever wrote, never is.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.examples import examples
from support.postgres import postgres_database
from support.tracking_service import Clock
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.postgres import PostgresDatabase, open_postgres
from trackway_server.core.db.postgres_engine import postgres_url
from trackway_server.core.db.sqlite import SqliteDatabase, open_sqlite
from trackway_server.core.telemetry import Telemetry
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.records import SubjectRecord, WriterCursor
from trackway_server.metrics.liveness import Liveness
from trackway_server.tracking.domain.model import RunStart, RunStatus, StatusChange
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.runs import load_runs, start_run, update_run
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.memory import MemoryTracking
from trackway_server.tracking.store.sql import SqlTracking

T = TypeVar("T")
SECOND = 1_000_000
LOST_AFTER, ROUND = 120, 10
RUNS = st.sampled_from("abcd")
SERVERS = st.sampled_from([0, 1])


class LostRuns(RuleBasedStateMachine):
    """The model, over the store that a subclass opens."""

    def open_store(self) -> Transactions[TrackingUnit]:
        raise NotImplementedError

    def close_store(self) -> None:
        """Close it."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.clock = Clock(1_700_000_000 * SECOND)
        self.store = self.open_store()
        self.servers = [self.server(), self.server()]
        self.running: set[str] = set()
        self.lost: dict[str, int] = {}
        self.signs: list[dict[str, int]] = [{}, {}]
        self.heard: dict[str, int] = {}
        self.write(lambda unit: start_run(unit, "default", run_id("u"), RunStart(), 1))

    def server(self) -> Liveness:
        return Liveness(self.store, self.clock, LOST_AFTER, Telemetry(), "tracking")

    @rule(name=RUNS)
    def start(self, name: str) -> None:
        if name not in self.running:
            self.apply(name, RunStart(start_time_us=1), StatusChange(RunStatus.RUNNING))
            self.running.add(name)
            self.heard[name] = self.clock.time_us

    @rule(name=RUNS, by_stream=st.booleans())
    def end(self, name: str, by_stream: bool) -> None:
        if name not in self.running:
            return
        if by_stream:
            self.apply(name, StatusChange(RunStatus.FINISHED))
        else:
            change = StatusChange(RunStatus.FINISHED)
            self.write(lambda unit: update_run(unit, "default", run_id(name), change, "", self.clock.now_us()))
        self.running.discard(name)
        self.lost.pop(name, None)
        self.heard.pop(name, None)

    @rule(name=RUNS)
    def resume_without_a_writer(self, name: str) -> None:
        known = self.runner.run(self.store.read(lambda unit: unit.run(run_id(name)))) is not None
        if known and name not in self.running and not self.spoke_since_its_end(name):
            change = StatusChange(RunStatus.RUNNING)
            self.write(lambda unit: update_run(unit, "default", run_id(name), change, "", self.clock.now_us()))
            self.running.add(name)
            assert self.marked() == self.lost.keys()

    def spoke_since_its_end(self, name: str) -> bool:
        return name in self.heard or any(name in signs for signs in self.signs)

    @rule(name=RUNS, server=SERVERS)
    def speak(self, name: str, server: int) -> None:
        """A record or a heartbeat, by an attached process also of a run that is over."""
        self.servers[server].heard(run_id(name), "f" * 32)
        self.signs[server][name] = self.clock.time_us

    @rule(server=SERVERS)
    def crash(self, server: int) -> None:
        """What was heard and not stored is forgotten."""
        self.servers[server] = self.server()
        self.signs[server] = {}

    @rule(server=SERVERS)
    def hold_round(self, server: int) -> None:
        self.runner.run(self.servers[server].hold_round())
        for name in self.signs[server]:
            self.lost.pop(name, None)
            self.heard[name] = self.clock.time_us
        self.signs[server] = {}
        for name in self.marked() - self.lost.keys():
            assert name in self.running
            assert self.clock.time_us - self.heard[name] >= LOST_AFTER * SECOND, "marked too early"
            self.lost[name] = self.heard[name]

    @rule(seconds=st.integers(1, 30))
    def wait(self, seconds: int) -> None:
        self.clock.time_us += seconds * SECOND

    @rule(server=SERVERS)
    def silence(self, server: int) -> None:
        """Rounds go on, and nobody speaks: at the end all are lost who may be."""
        self.crash(1 - server)
        for _ in range(2 * LOST_AFTER // ROUND + 2):
            self.hold_round(server)
            self.clock.time_us += ROUND * SECOND
        assert self.marked() == self.running & self.heard.keys()

    @rule(server=SERVERS, seconds=st.integers(41, 100_000))
    def pause(self, server: int, seconds: int) -> None:
        """No server for a while: who could not be heard is not blamed."""
        self.clock.time_us += seconds * SECOND
        before = self.marked()
        self.hold_round(server)
        assert self.marked() <= before

    @invariant()
    def only_the_lost_are_marked(self) -> None:
        if hasattr(self, "store"):
            assert self.marked() == self.lost.keys()

    def marked(self) -> set[str]:
        """The runs that read as lost."""

        def read(unit: TrackingUnit) -> set[str]:
            infos = [info for name in "abcdu" if (info := unit.run(run_id(name))) is not None]
            lost = {run.info.run_id: run.lost_since_us for run in load_runs(unit, infos) if run.lost_since_us}
            for name, since_us in self.lost.items():
                assert abs(lost.get(run_id(name), since_us) - since_us) < SECOND
            return {one[0] for one in lost}

        return self.runner.run(self.store.read(read))

    def apply(self, name: str, *payloads: object) -> None:
        writer = WriterCursor("f" * 32, run_id(name), "admin", "default", 1)
        records = [SubjectRecord(number, payload) for number, payload in enumerate(payloads)]
        now_us = self.clock.now_us()
        assert self.write(lambda unit: unit.subjects.apply(writer, records, [], now_us)) == []

    def write(self, work: Callable[[TrackingUnit], T]) -> T:
        return self.runner.run(self.store.write(work))

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.close_store()
            self.runner.close()


def run_id(name: str) -> str:
    """The id of a run: its name's letter, which need not be a digit here."""
    return name * 32


class OverMemory(LostRuns):
    def open_store(self) -> Transactions[TrackingUnit]:
        return MemoryTracking()


class OverSqlite(LostRuns):
    template: Path | None = None
    folder: Path
    database: SqliteDatabase

    def open_store(self) -> Transactions[TrackingUnit]:
        if OverSqlite.template is None:
            OverSqlite.template = Path(tempfile.mkdtemp(prefix="trackway-model-")) / "template.db"
            upgrade(OverSqlite.template, MIGRATIONS)
        self.folder = Path(tempfile.mkdtemp(prefix="trackway-model-"))
        shutil.copy(OverSqlite.template, self.folder / "tracking.db")

        async def start() -> SqliteDatabase:
            return open_sqlite(self.folder / "tracking.db")

        self.database = self.runner.run(start())
        return SqlTracking(self.database)

    def close_store(self) -> None:
        self.runner.run(self.database.close())
        assert self.database.open_connections == 0
        shutil.rmtree(self.folder)


class OverPostgres(LostRuns):
    database: PostgresDatabase

    def open_store(self) -> Transactions[TrackingUnit]:
        self.stack = ExitStack()
        self.database = open_postgres(postgres_url(self.stack.enter_context(postgres_database())), "tracking")
        return SqlTracking(self.database)

    def close_store(self) -> None:
        self.runner.run(self.database.close())
        assert self.database.open_connections == 0
        self.stack.close()


SLOW = [HealthCheck.too_slow]
TestLostOverMemory = OverMemory.TestCase
TestLostOverMemory.settings = settings(max_examples=examples(40), stateful_step_count=30, deadline=None)
TestLostOverSqlite = OverSqlite.TestCase
TestLostOverSqlite.settings = settings(
    max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=SLOW
)
TestLostOverPostgres = OverPostgres.TestCase
TestLostOverPostgres.settings = settings(
    max_examples=2, stateful_step_count=12, deadline=None, suppress_health_check=SLOW
)

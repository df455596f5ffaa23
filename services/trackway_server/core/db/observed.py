"""A Database that is counted and timed, whichever is behind it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar, runtime_checkable

from prometheus_client import Histogram
from sqlalchemy import Connection

from trackway_server.core.db.database import Database
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.telemetry import Telemetry

P = ParamSpec("P")
T = TypeVar("T")

GROUP_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_REFUSED_BY_THE_DATABASE = {
    Reason.STORAGE_FULL,
    Reason.SERVICE_UNAVAILABLE,
    Reason.SHUTTING_DOWN,
    Reason.DEADLINE_EXCEEDED,
}


class _Transactions:
    """Those of one kind. A plain number is counted and read when asked for: this is on every call's way."""

    def __init__(self, seconds: Histogram) -> None:
        self.waiting = 0
        self._observe = seconds.observe

    def ended(self, seconds: float) -> None:
        self.waiting -= 1
        self._observe(seconds)


class DatabaseTelemetry:
    """What is told of one database. `name` is that of the service whose it is."""

    def __init__(self, telemetry: Telemetry, name: str) -> None:
        seconds = telemetry.histogram(
            "trackway_db_transaction_seconds",
            "How long callers waited for a transaction, from asking to its end.",
            "database",
            "kind",
        )
        waiting = telemetry.gauge(
            "trackway_db_waiting", "Transactions asked for that have not ended.", "database", "kind"
        )
        self.reads, self.writes = (
            _Transactions(seconds.labels(name, "read")),
            _Transactions(seconds.labels(name, "write")),
        )
        waiting.labels(name, "read").set_function(lambda: self.reads.waiting)
        waiting.labels(name, "write").set_function(lambda: self.writes.waiting)
        self._errors = telemetry.counter(
            "trackway_db_errors", "Transactions that the database refused, and defects of stores.", "database", "reason"
        )
        self._name = name
        self._commit_seconds = telemetry.histogram(
            "trackway_db_commit_seconds", "How long a COMMIT took, its fsync included.", "database"
        ).labels(name)
        self._group_sizes = telemetry.histogram(
            "trackway_db_group_size", "Transactions that shared one COMMIT.", "database", buckets=GROUP_BUCKETS
        ).labels(name)

    def committed(self, transactions: int, seconds: float) -> None:
        """Told of each COMMIT, from whichever thread made it."""
        self._commit_seconds.observe(seconds)
        self._group_sizes.observe(transactions)

    def failed(self, error: Exception) -> None:
        """Told of what a transaction raised; the refusals that are the store's answers are none of the database's."""
        if isinstance(error, DomainError):
            if error.reason in _REFUSED_BY_THE_DATABASE:
                self._errors.labels(self._name, error.reason.name).inc()
        else:
            self._errors.labels(self._name, Reason.INTERNAL.name).inc()


@runtime_checkable
class _CommitsInGroups(Protocol):
    def tell_of_commits(self, told: Callable[[int, float], None]) -> None: ...


def observed(database: Database, telemetry: Telemetry, name: str) -> Database:
    """The database, counted under `name`, the service's; its commits too where it makes them in groups itself."""
    counts = DatabaseTelemetry(telemetry, name)
    if isinstance(database, _CommitsInGroups):
        database.tell_of_commits(counts.committed)
    return ObservedDatabase(database, counts)


class ObservedDatabase:
    """The Database port around another; `close` closes that."""

    def __init__(self, database: Database, observed: DatabaseTelemetry) -> None:
        self._database = database
        self._observed = observed

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Database."""
        reads, started = self._observed.reads, time.perf_counter()
        reads.waiting += 1
        try:
            return await self._database.read(work, *args, **kwargs)
        except Exception as error:
            self._observed.failed(error)
            raise
        finally:
            reads.ended(time.perf_counter() - started)

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Database."""
        writes, started = self._observed.writes, time.perf_counter()
        writes.waiting += 1
        try:
            return await self._database.write(work, *args, **kwargs)
        except Exception as error:
            self._observed.failed(error)
            raise
        finally:
            writes.ended(time.perf_counter() - started)

    async def close(self) -> None:
        """See Database."""
        await self._database.close()

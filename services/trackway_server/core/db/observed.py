"""A Database that is counted and timed, whichever is behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from trackway_server.core.db.database import Database
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.telemetry import Telemetry

P = ParamSpec("P")
T = TypeVar("T")

GROUP_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_REFUSED_BY_THE_DATABASE = {Reason.STORAGE_FULL, Reason.SERVICE_UNAVAILABLE, Reason.SHUTTING_DOWN}


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
        self.read_seconds, self.write_seconds = seconds.labels(name, "read"), seconds.labels(name, "write")
        self.reads_waiting, self.writes_waiting = waiting.labels(name, "read"), waiting.labels(name, "write")
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


class ObservedDatabase:
    """The Database port around another; `close` closes that."""

    def __init__(self, database: Database, observed: DatabaseTelemetry) -> None:
        self._database = database
        self._observed = observed

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Database."""
        observed = self._observed
        with observed.reads_waiting.track_inprogress(), self._timed(observed.read_seconds.observe):
            return await self._database.read(work, *args, **kwargs)

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Database."""
        observed = self._observed
        with observed.writes_waiting.track_inprogress(), self._timed(observed.write_seconds.observe):
            return await self._database.write(work, *args, **kwargs)

    async def close(self) -> None:
        """See Database."""
        await self._database.close()

    @contextmanager
    def _timed(self, observe: Callable[[float], None]) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            self._observed.failed(error)
            raise
        finally:
            observe(time.perf_counter() - started)

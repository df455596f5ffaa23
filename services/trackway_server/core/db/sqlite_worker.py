"""The threads behind a SQLite database: each owns a connection and runs the jobs of a queue in transactions."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from trackway_server.core.db.sqlite_errors import Refusals

GROUP_JOBS = 256
GROUP_SECONDS = 0.05
READ_SECONDS = 30.0
"""What one read transaction's statements may take, as on PostgreSQL."""
_STEPS = 5_000
"""Of SQLite's machine, between two looks at the clock: some tenths of a millisecond, and more where patterns are
tested."""

LOG = structlog.get_logger(__name__)

DRIVER_ERRORS = (sqlite3.Error, SQLAlchemyError)

OnCommit = Callable[[int, float], None]
"""Told of one COMMIT: how many jobs shared it, and how many seconds it took."""


@dataclass(slots=True)
class Job:
    """One store function to run, and the caller who waits for it."""

    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def run(self, connection: Connection) -> None:
        """Run the function; what it raises is the caller's, whatever it is, since this thread serves others too."""
        try:
            self.result = self.work(connection)
        except StopIteration as error:  # a future cannot carry it
            self.error = RuntimeError("a store function raised StopIteration")
            self.error.__cause__ = error
        except BaseException as error:
            # A result that was read in part would keep its transaction open for as long as the exception is kept.
            traceback.clear_frames(error.__traceback__)
            self.error = error

    def deliver(self) -> None:
        """Wake the caller; in the caller's loop."""
        if self.future.done():  # the caller was cancelled
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Jobs(queue.SimpleQueue["Job | None"]):
    """Jobs in order of arrival; None ends the thread that takes it."""


class Worker:
    """A connection, and the transactions on it."""

    def __init__(self, connection: Connection, jobs: Jobs, refusals: Refusals) -> None:
        self._connection = connection
        # SQLAlchemy runs statements; BEGIN, SAVEPOINT and COMMIT are ours, straight to the driver.
        self._driver = cast(sqlite3.Connection, connection.connection.driver_connection)
        self._jobs = jobs
        self._refusals = refusals

    def run(self) -> None:
        """Serve until the queue ends; the body of a thread."""
        raise NotImplementedError

    def _roll_back(self) -> None:
        """Undo the transaction. Where even that fails the next BEGIN fails too, and tries again; the thread lives."""
        try:
            if self._driver.in_transaction:
                self._driver.execute("ROLLBACK")
            self._connection.rollback()  # SQLAlchemy's own idea of a transaction, which may be broken by now
        except DRIVER_ERRORS as error:
            LOG.error("rollback_failed", text=str(error))

    def _answer(self, jobs: Sequence[Job]) -> None:
        for error in {id(job.error): job.error for job in jobs if job.error is not None}.values():
            self._refusals.log(error)
        for job in jobs:
            if job.error is not None:
                job.error = self._refusals.of(job.error)
        for loop in {job.loop for job in jobs}:
            own = [job for job in jobs if job.loop is loop]
            try:
                loop.call_soon_threadsafe(_deliver, own)
            except RuntimeError:  # the loop is closed: nobody waits any more
                continue


class Reader(Worker):
    """Runs jobs one by one, each in a read transaction.

    There are few readers: a query that takes too long, or for which nobody waits any more, is given up.
    """

    _job: Job | None = None
    _until = 0.0

    def run(self) -> None:
        """Serve until the queue ends."""
        self._driver.execute("PRAGMA query_only=ON")
        self._driver.set_progress_handler(self._gives_up, _STEPS)
        while (job := self._jobs.get()) is not None:
            if not job.future.cancelled():
                self._read(job)
                self._answer([job])

    def _read(self, job: Job) -> None:
        self._job, self._until = job, time.monotonic() + READ_SECONDS
        try:
            self._driver.execute("BEGIN")
            job.run(self._connection)
        except DRIVER_ERRORS as error:
            job.error = error
        finally:
            self._job = None
        self._roll_back()

    def _gives_up(self) -> bool:
        """Asked by SQLite every few thousand steps of a statement."""
        job = self._job
        return job is not None and (job.future.cancelled() or time.monotonic() >= self._until)


class Writer(Worker):
    """Runs jobs in groups: each in a savepoint of its own, then one COMMIT for all."""

    _ended = False
    on_commit: OnCommit | None = None

    def run(self) -> None:
        """Serve until the queue ends."""
        while not self._ended:
            group: list[Job] = []
            self._take(group)
            if group:
                self._write(group)
                self._answer(group)

    def _take(self, group: list[Job]) -> Job | None:
        job = self._jobs.get()
        if job is None:
            self._ended = True
        else:
            group.append(job)
        return job

    def _write(self, group: list[Job]) -> None:
        try:
            self._driver.execute("BEGIN IMMEDIATE")
            self._run_alone(group[0])
            stop_at = time.monotonic() + GROUP_SECONDS
            # Only this thread takes from the queue, so what is there stays there.
            while not self._jobs.empty() and len(group) < GROUP_JOBS and time.monotonic() < stop_at:
                job = self._take(group)
                if job is None:
                    break
                self._run_alone(job)
            self._commit(len(group))
        except Exception as error:  # whatever it is, callers wait, and the thread serves others next
            self._fail(group, error)

    def _commit(self, jobs: int) -> None:
        started = time.perf_counter()
        self._driver.execute("COMMIT")
        if self.on_commit is not None:
            self.on_commit(jobs, time.perf_counter() - started)

    def _run_alone(self, job: Job) -> None:
        """Run the job in a savepoint, undone where it raises. Raises only what ends the whole transaction."""
        if job.future.cancelled():
            return
        self._driver.execute("SAVEPOINT job")
        job.run(self._connection)
        if job.error is not None:
            if isinstance(job.error, DRIVER_ERRORS) and not self._driver.in_transaction:
                raise job.error  # SQLite itself has rolled back everything: disk full, I/O error
            self._driver.execute("ROLLBACK TO job")
        self._driver.execute("RELEASE job")

    def _fail(self, group: Sequence[Job], error: BaseException) -> None:
        """Nothing of the group is stored: jobs that had succeeded fail with what ended the transaction."""
        for job in group:
            job.error = job.error or error
        self._roll_back()


def _deliver(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.deliver()

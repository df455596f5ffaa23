"""What SQLite's failures mean to a caller. Driver text goes to the log, never further."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import structlog
from sqlalchemy.exc import DBAPIError

from trackway_server.core.errors import DomainError, Reason

LOG = structlog.get_logger(__name__)

FULL = {sqlite3.SQLITE_FULL}
UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
DISK_FULL_BELOW_BYTES = 1 << 20


def driver_error(error: BaseException) -> sqlite3.Error | None:
    """The driver's error in what a store function raised, if there is one."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause if isinstance(cause, sqlite3.Error) else None


class Refusals:
    """What the errors of one database mean."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def log(self, error: BaseException) -> None:
        """Tell the log what the driver said, where the database refused."""
        cause = driver_error(error)
        if cause is not None and _code(cause) in FULL | UNAVAILABLE:
            code = getattr(cause, "sqlite_errorname", "")
            LOG.error("database_refused", database=str(self._database), code=code, text=str(cause))

    def of(self, error: BaseException) -> BaseException:
        """The DomainError that a database's refusal becomes; every other error as it is, a defect of the store."""
        cause = driver_error(error)
        code = _code(cause) if cause is not None else 0
        if code == sqlite3.SQLITE_INTERRUPT:
            message = "The database took too long for this; ask for less at once, or with a simpler filter."
            return DomainError(Reason.DEADLINE_EXCEEDED, message)
        if code not in FULL | UNAVAILABLE:
            return error
        if code in FULL or (code == sqlite3.SQLITE_IOERR and self._disk_full()):
            message = "The server's disk is full, so nothing was stored; free some space there and try again."
            return DomainError(Reason.STORAGE_FULL, message)
        message = "The server's database is not available; try again."
        return DomainError(Reason.SERVICE_UNAVAILABLE, message, service="database")

    def _disk_full(self) -> bool:
        try:
            stat = os.statvfs(self._database.parent)
        except OSError:
            return False
        return stat.f_bavail * stat.f_frsize < DISK_FULL_BELOW_BYTES


def _code(error: sqlite3.Error) -> int:
    """The primary result code: the low byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF

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


def refusal(error: BaseException, database: Path) -> BaseException:
    """The DomainError that a database's refusal becomes; every other error as it is, a defect of the store."""
    cause = driver_error(error)
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code not in FULL | UNAVAILABLE:
        return error
    LOG.error("database_refused", database=str(database), code=getattr(cause, "sqlite_errorname", ""), text=str(cause))
    if code in FULL or (code == sqlite3.SQLITE_IOERR and _disk_full(database)):
        message = "The server's disk is full, so nothing was stored; free some space there and try again."
        return DomainError(Reason.STORAGE_FULL, message)
    return DomainError(
        Reason.SERVICE_UNAVAILABLE, "The server's database is not available; try again.", service="database"
    )


def _disk_full(database: Path) -> bool:
    try:
        stat = os.statvfs(database.parent)
    except OSError:
        return False
    return stat.f_bavail * stat.f_frsize < DISK_FULL_BELOW_BYTES

"""What PostgreSQL's failures mean to a caller. Driver text goes to the log, never further."""

from __future__ import annotations

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError

from trackway_server.core.errors import DomainError, Reason

LOG = structlog.get_logger(__name__)

# Codes: PostgreSQL manual, appendix A.
REPEATABLE = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    # unique_violation: store functions look before they insert, so another transaction came in between; the function
    # sees its row when it is run again.
    "23505",
}
FULL = {"53100"}
STOPPED = "57014"
"""query_canceled: its time was over, or an administrator ended it."""
UNAVAILABLE_CLASSES = ("08", "28", "3D", "53", "57", "58")
"""Connection lost, not let in, no such database, out of resources, stopped from outside, system error."""
UNAVAILABLE = {
    "25006",  # read_only_sql_transaction: a standby, or a store function that writes where it should read
    "25P03",  # idle_in_transaction_session_timeout
    "55P03",  # lock_not_available
}
UNSTORABLE_CLASS = "22"


class CommitLost(Exception):
    """The connection was lost while the commit was under way: it may have happened or not."""


def driver_error(error: BaseException) -> psycopg.Error | None:
    """The driver's error in what a store function raised, if there is one."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause if isinstance(cause, psycopg.Error) else None


def repeatable(error: BaseException) -> bool:
    """Whether the transaction was rolled back for what others did, so that running it again may succeed."""
    cause = driver_error(error)
    return cause is not None and cause.sqlstate in REPEATABLE


def connection_lost(error: BaseException) -> bool:
    """Whether there was no connection, or is none any more; what had not begun to commit is undone."""
    cause = driver_error(error)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if not isinstance(cause, psycopg.OperationalError):
        return False
    return cause.sqlstate is None or cause.sqlstate[:2] == "08" or cause.sqlstate in {"57P01", "57P02", "57P03"}


def refusal(error: BaseException, schema: str, *, reading: bool) -> BaseException:
    """The DomainError that a database's refusal becomes; every other error as it is, a defect of the store."""
    if isinstance(error, CommitLost):
        return _unavailable()
    cause = driver_error(error)
    refused = None if cause is None else _refused(error, cause, reading=reading)
    if cause is None or refused is None:
        return error
    LOG.error("database_refused", schema=schema, code=cause.sqlstate or "", text=str(cause).strip())
    return refused


def _refused(error: BaseException, cause: psycopg.Error, *, reading: bool) -> DomainError | None:
    code = cause.sqlstate or ""
    if reading and code == STOPPED:
        # Not to be tried again: what is asked would take as long.
        message = "The database took too long for this; ask for less at once, or with a simpler filter."
        return DomainError(Reason.DEADLINE_EXCEEDED, message)
    if code in FULL:
        message = "The server's disk is full, so nothing was stored; free some space there and try again."
        return DomainError(Reason.STORAGE_FULL, message)
    unavailable = code[:2] in UNAVAILABLE_CLASSES or code in UNAVAILABLE or code in REPEATABLE - {"23505"}
    if unavailable or connection_lost(error):
        return _unavailable()
    if code[:2] == UNSTORABLE_CLASS or (not code and isinstance(cause, psycopg.DataError)):
        message = "A value cannot be stored: a text has the character U+0000, or a number or a text is too large."
        return DomainError(Reason.INVALID_FIELD, message, field="")
    return None


def _unavailable() -> DomainError:
    message = "The server's database is not available; try again."
    return DomainError(Reason.SERVICE_UNAVAILABLE, message, service="database")

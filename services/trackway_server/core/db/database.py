"""The port to a database: it runs plain functions over a SQLAlchemy connection, each in one transaction.

Store functions are synchronous and know no event loop; who runs them differs: SQLite in one writer thread with group
commit and reader threads (`sqlite.py`), PostgreSQL through the asynchronous engine and `run_sync`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")


class Database(Protocol):
    """Runs store functions."""

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, …)` in a read transaction: it sees one state of the database, and changes nothing.

        Raises DomainError(DEADLINE_EXCEEDED) where it takes the database too long.
        """
        ...

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(connection, …)` in a write transaction and commit.

        What it wrote is durable (fsync) when this returns, and undone when it raises. Cancelling the caller does not
        cancel a transaction that has begun. Others' work may share the commit, never the outcome: a failing `work` is
        rolled back alone. Raises DomainError(STORAGE_FULL) or DomainError(SERVICE_UNAVAILABLE) where the database
        cannot take it; nothing was then stored, unless a remote database was lost in the very moment of the commit:
        then it may have been, and who calls again must be able to tell.

        `work` must be repeatable: where others' transactions are in its way (a deadlock, a serialisation failure, a
        row that another made at the same time) it is rolled back and run again from its beginning. So it changes
        nothing but the database, and looks before it inserts. What it decides by and another may change, it locks.
        """
        ...

    async def close(self) -> None:
        """Finish what was submitted, then close every connection."""
        ...

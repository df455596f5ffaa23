"""Connections to an MLflow database, which cannot write, and trust nothing in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from trackway.errors import InvalidArgument, NotFound

_BUSY_SECONDS = 60
_SCHEMES = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def checked(url: str) -> sa.URL:
    """The address, with the driver that is installed. Raises InvalidArgument, NotFound."""
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=_SCHEMES.get(parsed.drivername, parsed.drivername))
        parsed.get_dialect().import_dbapi()
    except ArgumentError:
        raise InvalidArgument("that is no address of a database: write sqlite:///FILE or postgresql://…") from None
    except NoSuchModuleError:
        raise InvalidArgument(f"there is no driver for databases of {url.partition(':')[0]!r}") from None
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise NotFound(f"there is no file {parsed.database!r}: sqlite:/// takes a path, sqlite://// an absolute one")
    return parsed


def engine_of_file(address: sa.URL) -> sa.Engine:
    """An engine that cannot write, and waits where MLflow's server does."""
    place = quote(str(Path(address.database or "").absolute()))
    read_only = address.set(database=f"file:{place}", query={"mode": "ro", "uri": "true"})
    waits = {"timeout": _BUSY_SECONDS}
    made = sa.create_engine(read_only, pool_size=8, max_overflow=8, isolation_level="AUTOCOMMIT", connect_args=waits)
    sa.event.listen(made, "connect", _distrust)
    return made


def engine(address: sa.URL) -> sa.Engine:
    """An engine that, on PostgreSQL, asks for transactions that cannot write."""
    is_postgres = address.get_backend_name() == "postgresql"
    options = {"postgresql_readonly": True} if is_postgres else {}
    return sa.create_engine(address, pool_size=8, max_overflow=8, execution_options=options)


def cause(error: BaseException) -> str:
    """What the driver says, in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())[:300]


def _distrust(connection: Any, record: Any) -> None:
    """A file may be anybody's: its schema calls no functions, and text that is none is read all the same."""
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")

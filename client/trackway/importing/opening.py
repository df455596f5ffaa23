"""From an address to the source that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trackway.errors import InvalidArgument, NotFound
from trackway.importing.source import Source

_DATABASES = ("sqlite", "postgresql", "postgres", "mysql", "mssql")


def open_source(address: str, artifacts: str = "", allowed: Sequence[str] = ()) -> Source:
    """The source at an address: `http(s)://…`, a database's, or a folder. `artifacts` is where its `mlflow-artifacts:`
    lie; `allowed` are other folders and addresses in S3 whose files may be read. Loads only what that kind needs.
    Raises TrackwayError where there is none."""
    scheme = urlsplit(address).scheme
    if scheme in {"http", "https"}:
        from trackway.importing.rest import RestSource

        return RestSource(address, allowed)
    if scheme.partition("+")[0] in _DATABASES:
        from trackway.importing.sql import SqlSource

        return SqlSource(address, artifacts, allowed)
    if scheme not in {"", "file"}:
        raise InvalidArgument(
            f"{address!r} is no address of MLflow: write http://…, sqlite:///…, postgresql://… or a folder"
        )
    folder = Path(unquote(urlsplit(address).path) if scheme else address)
    if folder.is_file():
        raise InvalidArgument(f"{address!r} is a file: write sqlite:///{address} for a database of SQLite")
    if not folder.is_dir():
        raise NotFound(f"there is no folder {address!r}")
    from trackway.importing.files import FilesSource

    return FilesSource(folder, artifacts, allowed)

"""The servers that this process speaks to for MLflow: the client of each, and the runs that are written there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from trackway import config
from trackway._fluent.pages import page_of
from trackway._rpc.download import Download, receive
from trackway._rpc.progress import Meter
from trackway._sync.portal import PORTAL
from trackway.client import Client
from trackway.errors import InvalidArgument
from trackway.integrations.mlflow.writers import RunWriters

T = TypeVar("T")
Listing: TypeAlias = Callable[..., AsyncIterator[T]]


class Server:
    """One server, in one workspace."""

    def __init__(self, address: config.ServerAddress, workspace: str) -> None:
        self.uri = address.uri
        self.client = Client(address, workspace=workspace)
        # Keys of Trackway's own settings the uplink finds by itself, also when they change.
        self.writers = RunWriters(self.client, workspace, address.token if address.token == _mlflow_key() else None)

    def pages(self, listing: Listing[T], most: int, page_token: str | None, **query: Any) -> tuple[list[T], str | None]:
        """At most `most` of a list of the asynchronous client, and the token of what follows; None where nothing does.

        What this process logged is sent first.
        """
        self.writers.flush()
        found = page_of(listing, most, page_token, **query)
        return found, found.token

    def download(self, file: Download) -> Path:
        """Fetch one file, compared with its digest."""
        return PORTAL.call(receive, self.client._async._connection, file, Meter(None, file.size or 0))


_servers: dict[tuple[config.ServerAddress, str], Server] = {}


def server_at(uri: str) -> Server:
    """The server at `trackway://HOST:PORT`, the same object for the whole process. Raises InvalidArgument."""
    key = _address(uri), config.chosen_workspace()
    return _servers.get(key) or _servers.setdefault(key, Server(*key))


def server_of_files(uri: str, named: Iterable[str | None]) -> Server:
    """The server in an address of files. Such addresses others write, too, in whatever tracker MLflow reads: a key of
    the environment goes to no server but one that the user has `named`, or that Trackway's own settings name.

    Raises InvalidArgument.
    """
    known = {server.uri for server in _servers.values()} | {config.resolve().uri}
    known |= {config.parse_uri(each).uri for each in named if each and each.startswith(("trackway://", "trackways://"))}
    has_key = os.environ.get("TRACKWAY_TOKEN") or _mlflow_key() or "oidc_token_file" in config.named_files()
    if has_key and config.parse_uri(uri).uri not in known:
        raise InvalidArgument(f"your key is for another server than {uri}: to send it there, name that by TRACKWAY_URI")
    return server_at(uri)


def close_open_runs() -> None:
    """End this process's part of every run, and wait until the servers have it: the process is about to exit."""
    for server in list(_servers.values()):
        server.writers.close()


def _address(uri: str) -> config.ServerAddress:
    """The server and the key for it: that of Trackway's settings or, where they have none, MLflow's."""
    address = config.resolve(uri)
    if address.token or address.oidc_token_file:
        return address
    key = _mlflow_key()
    return config.resolve(uri, token=key) if key else address


def _mlflow_key() -> str | None:
    return os.environ.get("MLFLOW_TRACKING_TOKEN") or os.environ.get("MLFLOW_TRACKING_PASSWORD")

"""The servers that one sending process talks to: one channel and one client each, shared by all spools."""

from __future__ import annotations

from dataclasses import dataclass

import grpc.aio

from trackway import config
from trackway._rpc.channel import open_channel
from trackway.aio import AsyncClient
from trackway.config import ServerAddress


@dataclass(frozen=True, slots=True)
class Server:
    """A server, an open channel to it for streams, and a client for files."""

    address: ServerAddress
    channel: grpc.aio.Channel
    client: AsyncClient


class Servers:
    """Opens each server once, and again when its key changes. Used in one event loop."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._open: dict[tuple[str, str], Server] = {}

    def learn_key(self, uri: str, token: str) -> None:
        """Remember the key a process brought for a server. It stays in memory."""
        self._keys[config.parse_uri(uri).uri] = token

    def get(self, uri: str, workspace: str) -> Server:
        """The server with this address, with the newest key known. Raises InvalidArgument for a bad address."""
        address = config.resolve(uri, token=self._keys.get(config.parse_uri(uri).uri))
        server = self._open.get((address.uri, workspace))
        if server is None or server.address.token != address.token:
            client = AsyncClient(address.uri, token=address.token, workspace=workspace)
            server = Server(address, open_channel(address), client)
            self._open[address.uri, workspace] = server
        return server

    async def close(self) -> None:
        """Close every channel."""
        for server in self._open.values():
            await server.channel.close()
            await server.client.close()
        self._open.clear()

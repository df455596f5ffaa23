"""The servers that one sending process talks to: one channel and one client each, shared by all spools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc.aio

from trackway import config
from trackway._rpc.auth import Credentials
from trackway._rpc.channel import open_channel

if TYPE_CHECKING:
    from trackway.aio import AsyncClient
    from trackway.config import ServerAddress


class Server:
    """A server, an open channel to it for streams, and, from its first use on, a client for files."""

    def __init__(self, address: ServerAddress, workspace: str) -> None:
        self.address = address
        self.channel: grpc.aio.Channel = open_channel(address)
        self.credentials = Credentials(address, workspace)
        self._workspace = workspace
        self._client: AsyncClient | None = None

    @property
    def client(self) -> AsyncClient:
        """The client for files. It is loaded here, since most runs end before their first file."""
        if self._client is None:
            from trackway.aio import AsyncClient

            self._client = AsyncClient(self.address.uri, token=self.address.token, workspace=self._workspace)
        return self._client

    async def close(self) -> None:
        """Close the channel and the client."""
        await self.channel.close()
        if self._client is not None:
            await self._client.close()


class Servers:
    """Opens each server once, and again when its key changes. Used in one event loop."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._open: dict[tuple[ServerAddress, str], Server] = {}

    def learn_key(self, uri: str, token: str) -> None:
        """Remember the key a process brought for a server. It stays in memory."""
        self._keys[config.parse_uri(uri).uri] = token

    def get(self, uri: str, workspace: str) -> Server:
        """The server with this address, with the newest key known. Raises InvalidArgument for a bad address."""
        address = config.resolve(uri, token=self._keys.get(config.parse_uri(uri).uri))
        server = self._open.get((address, workspace))
        if server is None:
            server = self._open[address, workspace] = Server(address, workspace)
        return server

    async def close(self) -> None:
        """Close every channel."""
        for server in self._open.values():
            await server.close()
        self._open.clear()

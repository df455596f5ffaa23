"""The servers that one sending process talks to: one channel and one client each, shared by all spools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc.aio

from trackway import config
from trackway._rpc.auth import Credentials
from trackway._rpc.channel import files_signature, open_channel

if TYPE_CHECKING:
    from trackway.aio import AsyncClient
    from trackway.config import ServerAddress


class Server:
    """A server, an open channel to it for streams, and, from its first use on, a client for files."""

    def __init__(self, address: ServerAddress, workspace: str) -> None:
        self.address = address
        self.files = files_signature(address)
        self.channel: grpc.aio.Channel = open_channel(address)
        self.credentials = Credentials(address, workspace)
        self._workspace = workspace
        self._client: AsyncClient | None = None

    @property
    def client(self) -> AsyncClient:
        """The client for files. It is loaded here, since most runs end before their first file."""
        if self._client is None:
            from trackway.aio import AsyncClient

            self._client = AsyncClient(self.address, workspace=self._workspace)
        return self._client

    async def close(self) -> None:
        """Close the channel and the client."""
        await self.channel.close()
        if self._client is not None:
            await self._client.close()


class Servers:
    """Opens each server once, and again when its key or its files of TLS change. Used in one event loop."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._files: dict[str, dict[str, str]] = {}
        self._open: dict[tuple[ServerAddress, str], Server] = {}
        self._replaced: list[Server] = []

    def learn_key(self, uri: str, token: str) -> None:
        """Remember the key a process brought for a server. It stays in memory."""
        self._keys[config.parse_uri(uri).uri] = token

    def learn_files(self, uri: str, files: dict[str, str]) -> None:
        """Remember which files (`config.named_files`) a process uses for a server."""
        self._files[config.parse_uri(uri).uri] = files

    def get(self, uri: str, workspace: str) -> Server:
        """The server with this address, with the newest key and files known.

        Raises InvalidArgument for a bad address or file, Unavailable where no host of several is known.
        """
        name = config.parse_uri(uri).uri
        address = config.resolve(uri, token=self._keys.get(name), files=self._files.get(name))
        server = self._open.get((address, workspace))
        if server is not None and server.files != files_signature(address):
            self._replaced.append(self._open.pop((address, workspace)))  # other spools may still be sending over it
            server = None
        if server is None:
            server = self._open[address, workspace] = Server(address, workspace)
        return server

    async def close(self) -> None:
        """Close every channel."""
        for server in (*self._open.values(), *self._replaced):
            await server.close()
        self._open.clear()
        self._replaced.clear()

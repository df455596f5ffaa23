"""The server that an import goes to, and what is known of it while it runs."""

from __future__ import annotations

from types import TracebackType

from trackway._ingest.server import Server
from trackway.aio import AsyncClient
from trackway.config import ServerAddress, chosen_workspace, resolve


class Target:
    """A server: a client for calls, a channel for streams of records."""

    def __init__(self, uri: str | ServerAddress | None = None, token: str | None = None, workspace: str = "") -> None:
        address = resolve(uri, token=token)
        self.workspace = workspace or chosen_workspace()
        self.server = Server(address, self.workspace)

    @property
    def client(self) -> AsyncClient:
        """The client for calls."""
        return self.server.client

    async def __aenter__(self) -> Target:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.server.close()

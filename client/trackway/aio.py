"""The asynchronous client: one facade over the three services.

    async with AsyncClient() as client:
        run = await client.tracking.get_run(run_id)
        async for model in client.registry.search_models():
            ...
        await client.artifacts.download(run_id, "model", "/tmp/model")

Where the server is and which key is used: the manual in `trackway.config`. What can go wrong: `trackway.errors`. What
is answered: `trackway.types`.
"""

from __future__ import annotations

from types import TracebackType

from trackway._rpc.artifacts import AsyncArtifacts
from trackway._rpc.connection import UNARY_SECONDS, Connection
from trackway._rpc.directory import AsyncAuth
from trackway._rpc.logged_models import AsyncLoggedModels
from trackway._rpc.registry import AsyncRegistry
from trackway._rpc.tracking import AsyncTracking
from trackway.config import ServerAddress, chosen_workspace, resolve

__all__ = ["AsyncArtifacts", "AsyncAuth", "AsyncClient", "AsyncLoggedModels", "AsyncRegistry", "AsyncTracking"]


class AsyncClient:
    """A client of one server, for one event loop.

    It connects at its first call. `workspace` is where it looks: by default that of `TRACKWAY_WORKSPACE`, else
    `default`. `timeout` is the deadline of each call in seconds; transfers and streams have none as long as bytes
    arrive. Raises InvalidArgument for an address that is none.
    """

    tracking: AsyncTracking
    """Experiments, runs and their metrics."""
    logged_models: AsyncLoggedModels
    """Models that runs make, measure and read."""
    artifacts: AsyncArtifacts
    """Files of runs, and manifests."""
    registry: AsyncRegistry
    """Registered models, their versions, stages, aliases and events."""
    auth: AsyncAuth
    """Users, service accounts, workspaces, roles and keys."""

    def __init__(
        self,
        uri: str | ServerAddress | None = None,
        *,
        token: str | None = None,
        workspace: str | None = None,
        timeout: float = UNARY_SECONDS,
    ) -> None:
        address, workspace = resolve(uri, token=token), workspace or chosen_workspace()
        self._connection = Connection(address, workspace=workspace, timeout=timeout)
        self.tracking = AsyncTracking(self._connection)
        self.logged_models = AsyncLoggedModels(self._connection)
        self.artifacts = AsyncArtifacts(self._connection)
        self.registry = AsyncRegistry(self._connection)
        self.auth = AsyncAuth(self._connection)

    @property
    def uri(self) -> str:
        """The server's address."""
        return self._connection.address.uri

    async def close(self) -> None:
        """Close the connection. Calls after that are FailedPrecondition."""
        await self._connection.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.uri!r})"

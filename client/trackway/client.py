"""The client: one facade over the three services.

    with Client() as client:
        run = client.tracking.get_run(run_id)
        for model in client.registry.search_models():
            ...
        client.artifacts.download(run_id, "model", "/tmp/model")

Where the server is and which key is used: the manual in `trackway.config`. What can go wrong: `trackway.errors`. What
is answered: `trackway.types`. The same for asyncio: `trackway.aio`.
"""

from __future__ import annotations

from types import TracebackType

from trackway._rpc.connection import UNARY_SECONDS
from trackway._sync.artifacts import Artifacts
from trackway._sync.directory import Auth
from trackway._sync.logged_models import LoggedModels
from trackway._sync.portal import PORTAL
from trackway._sync.registry import Registry
from trackway._sync.tracking import Tracking
from trackway.aio import AsyncClient
from trackway.config import ServerAddress

__all__ = ["Artifacts", "Auth", "Client", "LoggedModels", "Registry", "Tracking"]


class Client:
    """A client of one server, for any threads of this process and of those forked from it.

    It connects at its first call. `workspace` is where it looks: by default that of `TRACKWAY_WORKSPACE`, else
    `default`. `timeout` is the deadline of each call in seconds; transfers and streams have none as long as bytes
    arrive. Raises InvalidArgument for an address that is none.
    """

    tracking: Tracking
    """Experiments, runs and their metrics."""
    logged_models: LoggedModels
    """Models that runs make, measure and read."""
    artifacts: Artifacts
    """Files of runs, and manifests."""
    registry: Registry
    """Registered models, their versions, stages, aliases and events."""
    auth: Auth
    """Users, service accounts, workspaces, roles and keys."""

    def __init__(
        self,
        uri: str | ServerAddress | None = None,
        *,
        token: str | None = None,
        workspace: str | None = None,
        timeout: float = UNARY_SECONDS,
    ) -> None:
        self._async = AsyncClient(uri, token=token, workspace=workspace, timeout=timeout)
        PORTAL.attach(self._async._connection)
        self.tracking = Tracking(self._async.tracking, PORTAL)
        self.logged_models = LoggedModels(self._async.logged_models, PORTAL)
        self.artifacts = Artifacts(self._async.artifacts, PORTAL)
        self.registry = Registry(self._async.registry, PORTAL)
        self.auth = Auth(self._async.auth, PORTAL)

    @property
    def uri(self) -> str:
        """The server's address."""
        return self._async.uri

    def close(self) -> None:
        """Close the connection. Calls after that are FailedPrecondition."""
        PORTAL.call(self._async.close)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.uri!r})"

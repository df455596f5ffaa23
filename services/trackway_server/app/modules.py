"""Which service is made by which module. A module is imported only by a target that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from trackway_server.app.peers import Peers
from trackway_server.core.clock import Clock
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What modules are made of."""

    data_dir: Path
    database_url: SecretStr | None
    """PostgreSQL for what else lies in databases below `data_dir`."""
    peers: Peers
    """Reaches the other services, over the same gRPC and the same chain of interceptors as everybody."""
    clock: Clock
    blob_url: str = ""
    telemetry: Telemetry = field(default_factory=Telemetry)
    admin_key: SecretStr | None = None
    """The bootstrap administrator's key, which the auth service exchanges; None: there is none."""


OpenModule = Callable[[Surroundings], AbstractAsyncContextManager[ServiceBinding]]


@dataclass(frozen=True, slots=True)
class Module:
    """One service: how it is opened, and which services it calls."""

    open: OpenModule
    calls: tuple[str, ...] = ()


def _tracking(surroundings: Surroundings) -> AbstractAsyncContextManager[ServiceBinding]:
    from trackway_server.tracking.config import TrackingSettings
    from trackway_server.tracking.module import open_module

    settings = TrackingSettings(data_dir=surroundings.data_dir, database_url=surroundings.database_url)
    return open_module(settings, surroundings.clock, surroundings.telemetry)


def _artifacts(surroundings: Surroundings) -> AbstractAsyncContextManager[ServiceBinding]:
    from trackway_server.artifacts.config import ArtifactsSettings
    from trackway_server.artifacts.module import open_module

    settings = ArtifactsSettings(
        data_dir=surroundings.data_dir, database_url=surroundings.database_url, blob_url=surroundings.blob_url
    )
    # Not among its `calls`: it is ready without those it asks for callers with a role on one experiment or model alone.
    peers = surroundings.peers
    return open_module(
        settings, surroundings.clock, surroundings.telemetry, tracking=peers.tracking, registry=peers.registry
    )


def _registry(surroundings: Surroundings) -> AbstractAsyncContextManager[ServiceBinding]:
    from trackway_server.registry.config import RegistrySettings
    from trackway_server.registry.module import open_module

    peers = surroundings.peers
    settings = RegistrySettings(data_dir=surroundings.data_dir, database_url=surroundings.database_url)
    return open_module(
        settings,
        peers.tracking,
        surroundings.clock,
        artifacts=peers.artifacts,
        auth=peers.auth,
        telemetry=surroundings.telemetry,
    )


def _auth(surroundings: Surroundings) -> AbstractAsyncContextManager[ServiceBinding]:
    from trackway_server.auth.config import AuthSettings
    from trackway_server.auth.module import open_module

    settings = AuthSettings(
        data_dir=surroundings.data_dir, database_url=surroundings.database_url, admin_key=surroundings.admin_key
    )
    return open_module(settings, surroundings.clock)


MODULES: Mapping[str, Module] = {
    "tracking": Module(_tracking),
    "artifacts": Module(_artifacts),
    "registry": Module(_registry, calls=("tracking", "artifacts")),
    "auth": Module(_auth),
}
"""The services by name, as the targets name them."""

"""What a running program tells of itself: metrics and traces."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from trackway_server.app.access import Access
from trackway_server.app.listen import bound_socket
from trackway_server.app.options import ServerOptions, Target
from trackway_server.core.config import CoreSettings
from trackway_server.core.telemetry import Telemetry, observed_process
from trackway_server.core.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Observing:
    """The telemetry that all parts of a server share, and its tracing where that is on."""

    telemetry: Telemetry = field(default_factory=Telemetry)
    tracing: Tracing | None = None

    def of_process(self, target: Target) -> AbstractAsyncContextManager[None]:
        """Tell of the process itself inside the block."""
        return observed_process(self.telemetry, program_version(), target.value)

    @asynccontextmanager
    async def listener(
        self, options: ServerOptions, core: CoreSettings, access: Access | None
    ) -> AsyncIterator[int | None]:
        """Answer /metrics where `--metrics-port` asks for it; the port. Raises StartupError where it is taken."""
        if options.metrics_port is None or access is None:
            yield None
            return
        from trackway_server.app.metrics_listener import metrics_listener

        host, token = options.metrics_host, core.metrics_token
        with bound_socket(host, options.metrics_port, "--metrics-port") as listener:
            async with metrics_listener(listener, host, self.telemetry, access.authenticator, token) as port:
                yield port


def program_version() -> str:
    """The version that is installed."""
    try:
        return version("trackway")
    except PackageNotFoundError:
        return "(not installed)"

"""What a running program tells of itself: metrics, traces, and the lines of its start and stop."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import structlog

from trackway_server.app.access import Access
from trackway_server.app.listen import bound_socket
from trackway_server.app.options import ServerOptions, Target
from trackway_server.core.config import CoreSettings
from trackway_server.core.telemetry import Telemetry, observed_process
from trackway_server.core.tracing import Tracing

if TYPE_CHECKING:
    from trackway_server.app.embedded import RunningServer

LOG = structlog.get_logger(__name__)


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


def log_start(options: ServerOptions, running: RunningServer, *, version: str, tracing: bool) -> None:
    """Tell the log that the server serves."""
    LOG.info(
        "server_started",
        version=version,
        target=options.target.value,
        host=options.host,
        grpc_port=running.grpc_port,
        http_port=running.http_port,
        metrics_port=running.metrics_port,
        data_dir=str(running.data_dir) if running.data_dir else None,
        tracing=tracing,
    )


def log_stopping(target: Target) -> None:
    """Tell the log that the server was asked to stop."""
    LOG.info("server_stopping", target=target.value)


@asynccontextmanager
async def logged_stop(target: Target) -> AsyncIterator[None]:
    """Tell the log that the server has stopped, after what is inside the block has closed in good order."""
    started = time.monotonic()
    yield
    LOG.info("server_stopped", target=target.value, uptime_s=round(time.monotonic() - started, 1))

"""The lines that a server logs of its start and its stop."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from trackway_server.app.embedded import RunningServer
from trackway_server.app.options import ServerOptions, Target

LOG = structlog.get_logger(__name__)


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

"""Background work that comes round again: what fails is told and tried in the next round, and stops nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from trackway_server.core.errors import DomainError

_log = structlog.get_logger(__name__)


async def hold_rounds(work: Callable[[], Awaitable[None]], interval_seconds: float, failed: str) -> None:
    """Do `work`, now and again after each pause, until cancelled. `failed` is the event that tells of a failure."""
    while True:
        try:
            await work()
        except DomainError as refused:
            # The store cannot take it now (full, closing); the next round will do.
            _log.warning(failed, reason=refused.reason.name)
        except Exception:
            # A defect; what else the process does must not stop for it.
            _log.exception(failed)
        await asyncio.sleep(interval_seconds)

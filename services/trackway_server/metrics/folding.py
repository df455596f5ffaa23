"""The background task that folds new points into the summaries, once a second at most for each active subject."""

from __future__ import annotations

import asyncio

import structlog

from trackway_server.core.errors import DomainError
from trackway_server.metrics.query import MetricQueries

_log = structlog.get_logger(__name__)


class Folder:
    """Folds what `mark` names. What was left unfolded when the process ended is folded at the next start."""

    def __init__(self, queries: MetricQueries, interval_seconds: float) -> None:
        self._queries = queries
        self._interval = interval_seconds
        self._marked: set[str] = set()

    def mark(self, subject_id: str) -> None:
        """Note that a subject has new points."""
        self._marked.add(subject_id)

    async def run(self) -> None:
        """Fold until cancelled."""
        await self._fold(None)
        while True:
            await asyncio.sleep(self._interval)
            marked, self._marked = self._marked, set()
            if marked:
                await self._fold(marked)

    async def _fold(self, subject_ids: set[str] | None) -> None:
        try:
            await self._queries.fold(subject_ids)
        except DomainError as refused:
            # The store cannot take it now (full, closing); reads fold for themselves, and so does the next round.
            self._marked |= subject_ids or set()
            _log.warning("summaries_not_folded", reason=refused.reason.name)
        except Exception:
            # A defect; ingestion must not stop for it, and reads of the subject will show it too.
            _log.exception("summaries_not_folded")

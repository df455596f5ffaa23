"""What searches look things up in, brought up to date: before a search, and in the background after an upgrade."""

from __future__ import annotations

import asyncio

import structlog

from trackway_server.core.errors import DomainError
from trackway_server.core.search.conditions import Search, Source
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking.domain.ports import TrackingUnit

_PARAMS_AT_ONCE = 1000
_log = structlog.get_logger(__name__)


class Freshness:
    """A search sees what was acknowledged before it.

    Searches by metrics that come together share one round of folding. After a round that took long the next one waits
    nine times as long, a second at most, so that many searches do not take the writers' time.
    """

    def __init__(self, store: Transactions[TrackingUnit], queries: MetricQueries) -> None:
        self._store = store
        self._queries = queries
        self._lock = asyncio.Lock()
        self._rounds = 0
        self._not_before = 0.0

    async def prepare(self, search: Search) -> None:
        """Return when the search will find all that was stored when this was called."""
        sources = {field.source for field in search.fields()}
        if Source.METRIC in sources:
            await self._refresh_metrics()
        if Source.PARAM in sources:
            await self._fill_numbers()

    async def upgrade(self) -> None:
        """Fill what an older server has left, in small batches: searches need not wait for it then."""
        try:
            await self._queries.place()
            await self._fill_numbers()
        except DomainError as refused:
            # The store cannot take it now (full, closing); searches fill for themselves, and so does the next start.
            _log.warning("search_index_not_filled", reason=refused.reason.name)

    async def _refresh_metrics(self) -> None:
        wanted = self._rounds + 1  # one that has begun already may have missed something
        async with self._lock:
            if self._rounds >= wanted:
                return
            clock = asyncio.get_running_loop().time
            await asyncio.sleep(self._not_before - clock())
            self._rounds += 1
            begun = clock()
            folded, placed = await self._queries.fold(None), await self._queries.place()
            if folded or placed:
                self._not_before = clock() + min(1.0, 9 * (clock() - begun))

    async def _fill_numbers(self) -> None:
        while await self._store.read(lambda unit: unit.has_unfilled_numbers()):
            await self._store.write(lambda unit: unit.fill_numbers(_PARAMS_AT_ONCE))

"""Metrics of versions in production, over the store of the registry: their ingestion, their reads, their upkeep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from trackway.api.metrics.v1 import ingest_pb2
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.telemetry import Telemetry
from trackway_server.metrics.compacting import Compactor
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.reading import Chunk
from trackway_server.metrics.domain.records import WriterCursor, canonical_context
from trackway_server.metrics.endpoint import IngestEndpoint
from trackway_server.metrics.folding import Folder
from trackway_server.metrics.ingest import IngestLimits
from trackway_server.metrics.query import MetricQueries, SeriesPage
from trackway_server.metrics.shares import Shares
from trackway_server.metrics.sweeping import Sweeper
from trackway_server.metrics.telemetry import CompactionTelemetry, IngestTelemetry
from trackway_server.registry.config import RegistrySettings
from trackway_server.registry.domain.model import VersionKey
from trackway_server.registry.domain.monitoring import MonitoringUnit, subject_of
from trackway_server.registry.purging import VersionPurger


@dataclass(frozen=True, slots=True)
class Monitoring:
    """The metrics of versions."""

    store: Transactions[MonitoringUnit]
    queries: MetricQueries
    ingest: IngestEndpoint

    async def writers(self, key: VersionKey, after: str, limit: int) -> Sequence[WriterCursor]:
        """Up to `limit` writers of a version whose id is greater than `after`, by id. Raises MODEL_NOT_FOUND,
        MODEL_VERSION_NOT_FOUND, as the other methods do."""

        def work(unit: MonitoringUnit) -> list[WriterCursor]:
            subject_id = subject_of(unit, key)
            return [] if subject_id is None else unit.metrics.writers(subject_id, after, limit)

        return await self.store.read(work)

    async def series(self, key: VersionKey, metric: str, after: int, limit: int) -> SeriesPage:
        """See MetricQueries.page."""
        subject_id = await self._subject(key)
        return SeriesPage((), None) if subject_id is None else await self.queries.page(subject_id, metric, after, limit)

    async def points(
        self, key: VersionKey, metric: str, context: Mapping[str, str] | None
    ) -> AsyncGenerator[Chunk, None]:
        """See MetricQueries.points; `context` None: of any. Raises also SERIES_NOT_FOUND."""
        # A subject that was never written has no series, either; no id is the empty text.
        subject_id = await self._subject(key) or ""
        canonical = None if context is None else canonical_context(context)
        async with aclosing(self.queries.points(subject_id, metric, canonical)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _subject(self, key: VersionKey) -> str | None:
        return await self.store.read(lambda unit: subject_of(unit, key))


@asynccontextmanager
async def monitoring(
    store: Transactions[MonitoringUnit], settings: RegistrySettings, clock: Clock, telemetry: Telemetry
) -> AsyncIterator[Monitoring]:
    """Metrics of versions over an open store, with their background tasks.

    Nobody is told of writers that fall silent: a model without requests has nothing to say.
    """
    queries = MetricQueries(store)
    folder = Folder(queries, settings.fold_interval_seconds)
    limits = IngestLimits(
        max_append_bytes=settings.max_append_bytes,
        held_bytes=settings.held_bytes_per_stream,
        held_bytes_per_principal=settings.held_bytes_per_principal,
        max_series=settings.max_series_per_writer,
    )
    shares = Shares(limits.held_bytes_per_principal)
    counts = IngestTelemetry(telemetry, "registry")
    compactor = Compactor(
        store,
        clock,
        quiet_seconds=settings.compaction_quiet_seconds,
        busy_share=settings.compaction_busy_share,
        counts=CompactionTelemetry(telemetry, "registry"),
    )

    def points_came(subject_id: str) -> None:
        folder.mark(subject_id)
        compactor.mark(subject_id)

    ingest = IngestEndpoint(store, _payload, limits, clock, points_came, shares, counts)
    sweeper = Sweeper(store, clock, settings.unused_writer_seconds)
    tasks = [
        asyncio.create_task(folder.run(), name="fold-version-summaries"),
        asyncio.create_task(sweeper.run(), name="sweep-unused-version-writers"),
        asyncio.create_task(compactor.run(), name="compact-version-points"),
        asyncio.create_task(VersionPurger(store).run(), name="purge-version-metrics"),
    ]
    try:
        yield Monitoring(store, queries, ingest)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def context_of(context: Mapping[str, str], any_context: bool) -> Mapping[str, str] | None:
    """The context that a read asks for; None for all. Raises INVALID_FIELD where it asks for both."""
    if any_context and context:
        raise DomainError(Reason.INVALID_FIELD, "context must be empty with any_context.", field="context")
    return None if any_context else context


def _payload(record: ingest_pb2.Record) -> object:
    """The kind of a record that is no series and no points: all there is to say of what is not taken."""
    return record.WhichOneof("kind")

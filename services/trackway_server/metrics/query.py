"""Reading metrics: summaries brought up to date first, points as columns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.chunks import Range
from trackway_server.metrics.domain.ports import IngestUnit, MetricUnit, Series, Transactions
from trackway_server.metrics.domain.reading import (
    Chunk,
    SummarisedSeries,
    Unfinished,
    fold,
    summarised,
    summarised_rows,
    take,
)
from trackway_server.metrics.domain.summaries import Summaries
from trackway_server.metrics.point_reader import PointReader

BySubject: TypeAlias = dict[str, list[SummarisedSeries]]
"""Summarised series of subjects, by subject."""

_SUBJECTS_AT_ONCE = 50
_SERIES_AT_ONCE = 1000
"""In one transaction: commits wait for it, and 6,400 took 0.3 s beside 64 writers."""
_LEAST_OF_A_STEP = 20


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Some series of a subject; `following` continues after them, None on the last page."""

    series: Sequence[SummarisedSeries]
    following: int | None


@dataclass(frozen=True, slots=True)
class MetricQueries:
    """Reads over the store of one service."""

    transactions: Transactions[IngestUnit]

    async def fold(self, subject_ids: Collection[str] | None) -> bool:
        """Bring the summaries of subjects (None: of all) up to date; whether there was anything to do."""
        unfolded = await self.transactions.read(lambda unit: unit.metrics.unfolded_subjects(subject_ids))
        rest = [Unfinished(subject_id) for subject_id in unfolded]
        while rest:
            some = rest[:_SUBJECTS_AT_ONCE]
            rest = [*await self.transactions.write(partial(_fold, some)), *rest[len(some) :]]
        return bool(unfolded)

    async def place(self) -> bool:
        """Have searches find what an older server has put; whether there was any."""
        placed = False
        while subjects := await self.transactions.read(lambda unit: unit.metrics.unplaced_subjects(_SUBJECTS_AT_ONCE)):
            placed = True
            for subject_id in subjects:
                await self.transactions.write(partial(_place, subject_id))
        return placed

    async def page(self, subject_id: str, key: str, after: int, limit: int) -> SeriesPage:
        """Up to `limit` series by (key, context), of one key where it is given, after the series numbered `after`."""
        await self.fold([subject_id])
        return await self.transactions.read(lambda unit: _page(unit.metrics, subject_id, key, after, limit))

    async def of_subjects(self, subject_ids: Sequence[str], *, context: str | None, limit: int) -> BySubject:
        """Up to `limit` summarised series of some subjects, by subject; of one context where it is given."""
        found = await self.transactions.read(lambda unit: folded(unit.metrics, subject_ids, context, limit))
        if found is not None:
            return found
        await self.fold(subject_ids)
        return await self.transactions.read(lambda unit: _of_subjects(unit.metrics, subject_ids, context, limit))

    async def points(self, subject_id: str, key: str, context: str | None) -> AsyncGenerator[Chunk, None]:
        """All points of a key, of one context where it is given: series after series, writer after writer.

        Raises SERIES_NOT_FOUND where the subject has no such series.
        """
        found = await self.transactions.read(lambda unit: unit.metrics.series(subject_id, key, context))
        if not found:
            raise DomainError(
                Reason.SERIES_NOT_FOUND, f"There is no series {key!r} with this context; list the series.", key=key
            )
        for series in found:
            async with aclosing(self.points_of(series)) as chunks:
                async for chunk in chunks:
                    yield chunk

    def points_of(
        self, series: Series, within: Range | None = None, after: Mapping[str, int] | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """The points of one series, see PointReader.read."""
        return PointReader(self.transactions).read(series, within, after)


def folded(metrics: MetricUnit, subject_ids: Sequence[str], context: str | None, limit: int) -> BySubject | None:
    """What MetricQueries.of_subjects answers, within a transaction; None where something is to be folded first."""
    if metrics.unfolded_subjects(subject_ids):
        return None
    return _of_subjects(metrics, subject_ids, context, limit)


def _of_subjects(metrics: MetricUnit, subject_ids: Sequence[str], context: str | None, limit: int) -> BySubject:
    grouped: BySubject = {subject_id: [] for subject_id in subject_ids}
    for one in summarised_rows(metrics.summary_rows(subject_ids, context, limit)):
        grouped[one.subject_id].append(one)
    return grouped


def _place(subject_id: str, unit: IngestUnit) -> None:
    unit.metrics.place(subject_id)


def _fold(some: Sequence[Unfinished], unit: IngestUnit) -> list[Unfinished]:
    """Fold some subjects, as far as one transaction may take; what is left to do."""
    left, room = list(some), _SERIES_AT_ONCE
    taken: list[Summaries] = []
    while left and room > 0:
        summaries, looked_at, rest = take(unit.metrics, left[0], room)
        taken.append(summaries)
        room -= max(looked_at, _LEAST_OF_A_STEP)
        left[:1] = [rest] if rest else []
    fold(unit.metrics, taken)
    return left


def _page(metrics: MetricUnit, subject_id: str, key: str, after: int, limit: int) -> SeriesPage:
    series = metrics.series_page(subject_id, key, after, limit + 1)
    following = series[limit - 1].number if len(series) > limit else None
    return SeriesPage(summarised(metrics, series[:limit]), following)

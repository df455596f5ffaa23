"""Follow: the points of series from a position on, first those that are there, then those that come.

Nothing is queued. A follower holds a position, the next sequence of each writer, and compares it with the writers'
cursors, which are stored in one transaction with the points: what lies between is read, sent, and the position moved
on. So nothing can be missed or come twice between history and live points, whatever the compactor moves, and a reader
that is slow costs a position: it is sent more at once when it reads again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np

from trackway_server.metrics.bell import Bell
from trackway_server.metrics.domain.chunks import Points
from trackway_server.metrics.domain.points import Column
from trackway_server.metrics.domain.ports import IngestUnit, MetricUnit, Series, Transactions
from trackway_server.metrics.domain.positions import Position
from trackway_server.metrics.domain.reading import Chunk
from trackway_server.metrics.domain.selecting import EVERYTHING, Selection, chosen_series
from trackway_server.metrics.windows import (
    WINDOW_POINTS,
    Fetched,
    Layout,
    Spans,
    decode_points,
    fetch,
    segments_in,
    windows,
)

UnitT = TypeVar("UnitT", bound=IngestUnit)

_WRITERS_AT_ONCE = 1000
_NAMED_ONE_BY_ONE = 64
_REST = 4.0
"""A follower rests so many times as long as its last look took, so that many of them leave room for others."""


@dataclass(frozen=True, slots=True)
class FollowPatience:
    """When a follower looks and speaks, in seconds."""

    poll: float = 1.0
    """How long after the last look for what nobody told of: commits of other replicas, and the end of runs."""
    least: float = 0.02
    """The least time between two looks."""
    alive: float = 10.0
    """How long it may say nothing."""

    def rest(self, took: float) -> float:
        """How long after a look that took so long."""
        return min(self.poll, max(self.least, _REST * took))


@dataclass(frozen=True, slots=True)
class FollowLimits:
    """What one follower holds."""

    points_a_message: int = 65_536
    window_points: int = WINDOW_POINTS
    """Points that are read at once, about."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Some points; everything up to `position` has then been sent."""

    points: Sequence[Chunk]
    position: Position
    caught_up: bool = False


@dataclass(frozen=True, slots=True)
class _News:
    """What is stored beyond the position, by subject, and whether every subject has ended."""

    spans: Mapping[str, Spans]
    ended: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    layout: Layout
    series: Mapping[int, Series]
    windows: Sequence[Spans]
    first: Fetched


@dataclass(frozen=True, slots=True)
class Follower(Generic[UnitT]):
    """Follows subjects over the store of one service."""

    transactions: Transactions[UnitT]
    bell: Bell
    has_ended: Callable[[UnitT, str], bool]
    """Whether nothing more is to be expected of a subject."""
    patience: FollowPatience = FollowPatience()
    limits: FollowLimits = FollowLimits()

    async def follow(
        self,
        subject_ids: Sequence[str],
        selection: Selection,
        position: Position,
        *,
        only_new: bool = False,
        until_end: bool = False,
    ) -> AsyncGenerator[Followed, None]:
        """The points of the chosen series of the subjects after `position`, which moves on with what is answered."""
        subjects = sorted(set(subject_ids))
        with self.bell.listening(subjects) as heard:
            if only_new:
                _skip(position, (await self._look(subjects, position)).spans)
            spoken, told = time.monotonic(), False
            while True:
                heard.clear()
                began = time.monotonic()
                news = await self._look(subjects, position)
                for subject_id, spans in news.spans.items():
                    async with aclosing(self._read(subject_id, selection, spans, position)) as messages:
                        async for points in messages:
                            yield Followed(points, position)
                            spoken, told = time.monotonic(), False
                if news.spans:
                    await asyncio.sleep(self.patience.rest(time.monotonic() - began))
                    continue
                if not told or (until_end and news.ended) or time.monotonic() - spoken >= self.patience.alive:
                    yield Followed((), position, caught_up=True)
                    spoken, told = time.monotonic(), True
                if until_end and news.ended:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), self.patience.poll)

    async def _look(self, subjects: Sequence[str], position: Position) -> _News:
        def look(unit: UnitT) -> _News:
            spans = {subject_id: _unsent(unit.metrics, subject_id, position) for subject_id in subjects}
            ended = all(self.has_ended(unit, subject_id) for subject_id in subjects)
            return _News({subject_id: found for subject_id, found in spans.items() if found}, ended)

        return await self.transactions.read(look)

    async def _read(
        self, subject_id: str, selection: Selection, spans: Spans, position: Position
    ) -> AsyncGenerator[list[Chunk], None]:
        """The points of the chosen series in `spans`; the position moves on as they are taken."""
        limits = self.limits
        plan = await self.transactions.read(
            lambda unit: _plan(unit.metrics, subject_id, selection, spans, limits.window_points)
        )
        for number, window in enumerate(plan.windows):
            fetched = await self.transactions.read(partial(_fetch, plan.layout, window)) if number else plan.first
            stands = dict(position.writers.get(subject_id, {}))
            messages = await asyncio.to_thread(_messages, fetched, plan.series, stands, limits.points_a_message)
            for message in messages:
                yield message.take(subject_id, position)
            for writer_id, (_, end) in window.items():
                position.advance(subject_id, writer_id, end)
        for writer_id, (_, end) in spans.items():
            position.advance(subject_id, writer_id, end)


def _skip(position: Position, unsent: Mapping[str, Spans]) -> None:
    for subject_id, spans in unsent.items():
        for writer_id, (_, end) in spans.items():
            position.advance(subject_id, writer_id, end)


def _unsent(metrics: MetricUnit, subject_id: str, position: Position) -> dict[str, tuple[int, int]]:
    """Of the subject's writers that have more than the position: the sequences."""
    found: dict[str, tuple[int, int]] = {}
    after = ""
    while True:
        page = metrics.writers(subject_id, after, _WRITERS_AT_ONCE)
        for cursor in page:
            begun, _ = position.of(subject_id, cursor.writer_id)
            if cursor.durable_sequence > begun:
                found[cursor.writer_id] = (begun, cursor.durable_sequence)
        if len(page) < _WRITERS_AT_ONCE:
            return found
        after = page[-1].writer_id


def _plan(metrics: MetricUnit, subject_id: str, selection: Selection, spans: Spans, points: int) -> _Plan:
    series = {one.number: one for one in chosen_series(metrics, [subject_id], selection)}
    layout = _layout(metrics, series, spans)
    used = {writer_id: span for writer_id, span in spans.items() if writer_id in layout.own}
    entries = metrics.chunks(layout.series, None) if used else []
    costs = [(entry, 1.0) for entry in entries]
    parts = windows(used, costs, segments_in(metrics, layout, used), points)
    return _Plan(layout, series, parts, fetch(metrics, layout, parts[0], EVERYTHING, index=entries))


def _fetch(layout: Layout, window: Spans, unit: IngestUnit) -> Fetched:
    return fetch(unit.metrics, layout, window, EVERYTHING)


def _layout(metrics: MetricUnit, series: Mapping[int, Series], spans: Spans) -> Layout:
    """Where the series stand of the writers in `spans`."""
    own: dict[str, dict[int, int]] = {}
    if len(series) <= _NAMED_ONE_BY_ONE:
        for number in series:
            for writer_id, series_id in metrics.columns(number):
                if writer_id in spans:
                    own.setdefault(writer_id, {})[series_id] = number
        return Layout(own)
    for writer_id in spans:
        numbers, stored = metrics.defined_series(writer_id)
        pairs = zip(numbers.tolist(), stored.tolist(), strict=True)
        if chosen := {series_id: number for series_id, number in pairs if number in series}:
            own[writer_id] = chosen
    return Layout(own)


@dataclass(frozen=True, slots=True)
class _Message:
    """Some points, and where each writer then stands."""

    points: list[Chunk]
    reached: list[tuple[str, int, int]]

    def take(self, subject_id: str, position: Position) -> list[Chunk]:
        for writer_id, sequence, sent in self.reached:
            position.advance(subject_id, writer_id, sequence, sent)
        return self.points


@dataclass(frozen=True, slots=True, eq=False)
class _Unsent:
    """Points of one writer, of several series, in the order in which they are sent."""

    writer_id: str
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]]
    column: Column

    def __len__(self) -> int:
        return len(self.column)


def _messages(
    fetched: Fetched, series: Mapping[int, Series], stands: Mapping[str, tuple[int, int]], most: int
) -> Iterator[_Message]:
    """The points of a window, writer by writer, each by sequence, series and place in the record."""
    by_writer: dict[str, list[tuple[int, Points]]] = {}
    for number, points in decode_points(fetched):
        for position, writer_id in enumerate(points.rows.writer_ids):
            own = points if len(points.rows.writer_ids) == 1 else points.taken(points.rows.writers == position)
            if len(own):
                by_writer.setdefault(writer_id, []).append((number, own))
    ordered = [
        _ordered(writer_id, by_writer[writer_id], *stands.get(writer_id, (0, 0))) for writer_id in sorted(by_writer)
    ]
    return _cut([unsent for unsent in ordered if len(unsent)], series, stands, most)


def _ordered(writer_id: str, parts: Sequence[tuple[int, Points]], begun: int, sent: int) -> _Unsent:
    numbers = np.concatenate([np.full(len(points), number, dtype=np.int64) for number, points in parts])
    sequences = np.concatenate([points.rows.sequences for _, points in parts])
    places = np.concatenate([points.rows.places for _, points in parts])
    order = np.lexsort((places, numbers, sequences))
    if sent and len(order) and int(sequences[order[0]]) == begun:
        order = order[sent:]
    column = Column(
        sequences[order],
        np.concatenate([points.rows.times for _, points in parts])[order],
        np.concatenate([points.rows.steps for _, points in parts])[order],
        np.concatenate([points.values for _, points in parts])[order],
    )
    return _Unsent(writer_id, numbers[order], column)


def _cut(
    writers: Sequence[_Unsent], series: Mapping[int, Series], stands: Mapping[str, tuple[int, int]], most: int
) -> Iterator[_Message]:
    message, room = _Message([], []), most
    for unsent in writers:
        start = 0
        while start < len(unsent):
            end = min(start + room, len(unsent))
            message.points.extend(_chunks(unsent, start, end, series))
            message.reached.append((unsent.writer_id, *_reached(unsent, end, stands.get(unsent.writer_id, (0, 0)))))
            room -= end - start
            start = end
            if not room:
                yield message
                message, room = _Message([], []), most
    if message.points:
        yield message


def _reached(unsent: _Unsent, end: int, stand: tuple[int, int]) -> tuple[int, int]:
    """Where the writer stands after the points before `end`."""
    sequences = unsent.column.sequences
    last = int(sequences[end - 1])
    sent = end - int(np.searchsorted(sequences, sequences[end - 1]))
    return last, sent + (stand[1] if last == stand[0] else 0)


def _chunks(unsent: _Unsent, start: int, end: int, series: Mapping[int, Series]) -> Iterator[Chunk]:
    """The points from `start` to `end`, series by series, each in the order of logging."""
    numbers, column = unsent.numbers[start:end], unsent.column
    order = np.argsort(numbers, kind="stable")
    edges = np.flatnonzero(np.diff(numbers[order], prepend=-1, append=-1))
    for first, after in pairwise(edges.tolist()):
        chosen = order[first:after] + start
        points = Column(column.sequences[chosen], column.times[chosen], column.steps[chosen], column.values[chosen])
        yield Chunk(series[int(numbers[order[first]])], unsent.writer_id, points)

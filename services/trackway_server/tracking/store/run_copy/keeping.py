"""The copy of runs in memory, kept: made when searches took long, brought up to date, bounded.

Searches use what is there and never wait for it. What is missing is read by `RunCopy.keep`, a background task, in small
parts, so that neither the readers of the database nor the event loop are held up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial

import structlog
from sqlalchemy import Connection

from trackway_server.core.db.database import Database
from trackway_server.core.errors import DomainError
from trackway_server.core.search.conditions import Search, Source
from trackway_server.core.search.ordering import Place, ordered
from trackway_server.tracking.domain.model import RunsQuery
from trackway_server.tracking.store.run_copy.columns import (
    Column,
    ColumnName,
    Ids,
    Int64s,
    RunColumns,
    RunRows,
    TextsBuilder,
    Values,
    integers,
    with_runs,
)
from trackway_server.tracking.store.run_copy.search import ColumnSearch, wanted_columns
from trackway_server.tracking.store.run_copy.sources import ColumnReader, Key, RowsReader
from trackway_server.tracking.store.sql_bindings import bound_experiments
from trackway_server.tracking.store.sql_numbers import has_unfilled_numbers
from trackway_server.tracking.store.sql_run_changes import SqlRunChanges
from trackway_server.tracking.store.sql_run_fields import RunFields
from trackway_server.tracking.store.sql_run_search import RunSearch
from trackway_server.tracking.store.tables import RUNS

SLOW_SECONDS = 0.01
"""A search that took longer in the database is worth columns."""
MOST_BYTES = 512 << 20
MOST_TEXT = 32 << 20
"""Characters of distinct texts in one column; searches by longer ones go to the database."""
MOST_CHANGED = 4_000
"""Changed runs that a search looks up in the database, before it goes there altogether."""
MOST_REFRESHED = 20_000
"""Changed runs that are written into the copy; of more it is made anew."""
_REFRESHED_AT = 200
_REFRESHED_AFTER = 10.0
_TRIMMED_AFTER = 600.0
_PART = 20_000
_PAUSE_SECONDS = 0.2
"""Without a search that wants columns, before they are read."""
_LONGEST_PUT_OFF_SECONDS = 2.0
_REST_SECONDS = 0.05
_LONGEST_REST_SECONDS = 60.0
"""After the copy was made anew: what keeps it from being of use, a long transaction elsewhere, may last."""

_log = structlog.get_logger(__name__)


class RunCopy:
    """Answers searches for runs: from the copy where it can, else from the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._columns: RunColumns | None = None
        self._wanted: set[ColumnName] = set()
        self._too_long: set[ColumnName] = set()
        self._used: dict[ColumnName, float] = {}
        self._is_stale = self._is_changed = False
        self._refreshed = 0.0
        self._trimmed = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    def page(
        self, connection: Connection, query: RunsQuery, search: Search, after: Place | None, limit: int
    ) -> list[tuple[str, Place]]:
        """Ids and places of up to `limit` runs, in order, within the transaction of `connection`."""
        is_metric = cache(RunFields(connection, RUNS.c.run_id).is_metric)
        names = None if query.parent_run_id else wanted_columns(search, is_metric)
        copy = self._columns
        if names is not None and copy is not None and names <= copy.columns.keys():
            found = self._from_copy(copy, connection, query, search, is_metric, after, limit)
            if found is not None:
                self._used.update(dict.fromkeys(names, time.monotonic()))
                return found
        began = time.perf_counter()
        result = RunSearch(connection, query, search, after).page(limit)
        if names is not None and time.perf_counter() - began > SLOW_SECONDS:
            self.want(names)
        return result

    def want(self, names: frozenset[ColumnName]) -> None:
        """Have columns read; from any thread."""
        self._wanted |= names - self._too_long
        self._ask()

    def _ask(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def _from_copy(
        self,
        copy: RunColumns,
        connection: Connection,
        query: RunsQuery,
        search: Search,
        is_metric: Callable[[str], bool],
        after: Place | None,
        limit: int,
    ) -> list[tuple[str, Place]] | None:
        changes = SqlRunChanges(connection).since(copy.horizon, MOST_CHANGED)
        if changes is None or changes.all_runs:
            self._is_stale |= changes is not None and changes.all_runs
            self._is_changed = True
            self._ask()
            return None
        age = time.monotonic() - self._refreshed
        if len(changes.run_ids) > _REFRESHED_AT or (changes.run_ids and age > _REFRESHED_AFTER):
            self._is_changed = True
            self._ask()
        besides = copy.positions(list(changes.run_ids))
        found = ColumnSearch(copy, search, is_metric).page(
            query, _experiments(connection, query), besides, after, limit
        )
        if not changes.run_ids:
            return found
        of_changed = RunSearch(connection, query, search, after).page_of(sorted(changes.run_ids), limit)
        merged = ordered([(place, run_id) for run_id, place in (*found, *of_changed)], search.orders, None)
        return [(run_id, place) for place, run_id in merged[:limit]]

    async def keep(self) -> None:
        """Read what searches want, and bring it up to date, until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(_TRIMMED_AFTER):
                    await self._wake.wait()
            except TimeoutError:
                pass  # nobody searched; changes are to be trimmed all the same
            await self._pause()
            began, is_anew, rest = time.monotonic(), self._is_stale, _REST_SECONDS
            try:
                await self.bring_up_to_date()
                await self._trim()
            except DomainError as refused:
                # The store cannot take it now (full, closing); searches go on in the database.
                _log.warning("run_copy_not_kept", reason=refused.reason.name)
            except Exception:
                # A defect; searches must not stop for it.
                _log.exception("run_copy_not_kept")
            if is_anew:
                rest = min(9 * (time.monotonic() - began), _LONGEST_REST_SECONDS)
            await asyncio.sleep(rest)

    async def _pause(self) -> None:
        """Let searches go first that come one after another, for a while: reading columns would take their time. What
        has changed is not put off, for each search would look it up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_PUT_OFF_SECONDS):
                while self._wake.is_set() and not self._is_changed and not self._is_stale:
                    self._wake.clear()
                    await asyncio.sleep(_PAUSE_SECONDS)
        self._wake.clear()

    async def bring_up_to_date(self) -> None:
        """Read what is wanted, and what has changed."""
        # What searches ask for from now on is for the next round.
        is_stale, self._is_stale = self._is_stale, False
        is_changed, self._is_changed = self._is_changed, False
        wanted, self._wanted = self._wanted, set()
        copy = self._columns
        if copy is not None and (is_stale or is_changed):
            known = copy.columns.keys()
            copy = None if is_stale else await self._refreshed_copy(copy)
            if copy is None:
                wanted |= known
            self._columns = copy
        if copy is None and wanted:
            copy = await self._base()
        if copy is None:
            return
        for name in sorted(wanted - copy.columns.keys(), key=repr):
            column = await self._column(name, copy.rows.ids)
            if column is not None:
                copy = _within_bounds(copy.with_column(name, column), self._used, name)
            self._columns = copy

    async def _trim(self) -> None:
        if (now := time.monotonic()) - self._trimmed > _TRIMMED_AFTER:
            self._trimmed = now
            await self._database.write(lambda connection: SqlRunChanges(connection).trim())

    async def _base(self) -> RunColumns:
        horizon = await self._database.read(lambda connection: SqlRunChanges(connection).horizon())
        reader = RowsReader()
        parts = [await self._database.read(partial(_rows_part, reader, ""))]
        while len(last := parts[-1].ids):
            parts.append(await self._database.read(partial(_rows_part, reader, max(last.tolist()).decode())))
        rows = await asyncio.to_thread(RunRows.joined, parts)
        self._refreshed = time.monotonic()
        return RunColumns(horizon, rows, reader.workspaces, {})

    async def _column(self, name: ColumnName, ids: Ids) -> Column | None:
        """A column of the runs of these ids; None where it is not to be had."""
        reader, after = ColumnReader(name), None
        if name.source is Source.PARAM and await self._database.read(has_unfilled_numbers):
            return None
        texts, parts = TextsBuilder(), list[tuple[Ids, Int64s]]()
        while True:
            if reader.is_text:
                values, after = await self._database.read(partial(_text_part, reader, after))
                await asyncio.to_thread(texts.add, values)
                if texts.size > MOST_TEXT:
                    self._too_long.add(name)
                    return None
            else:
                part, after = await self._database.read(partial(_integer_part, reader, after))
                parts.append(part)
            if after is None:
                return await asyncio.to_thread(texts.column if reader.is_text else partial(integers, parts=parts), ids)

    async def _refreshed_copy(self, copy: RunColumns) -> RunColumns | None:
        """The copy with what changed; None where it is better made anew."""
        fresh = await self._database.read(partial(_changed, copy))
        if fresh is None:
            return None
        self._refreshed = time.monotonic()
        return await asyncio.to_thread(with_runs, copy, *fresh)


Fresh = tuple[int, Sequence[str], RunRows, tuple[str, ...], dict[ColumnName, Values | tuple[Ids, Int64s]]]


def _changed(copy: RunColumns, connection: Connection) -> Fresh | None:
    changes = SqlRunChanges(connection)
    horizon = changes.horizon()
    found = changes.since(copy.horizon, MOST_REFRESHED)
    if found is None or found.all_runs:
        return None
    run_ids = sorted(found.run_ids)
    reader = RowsReader(copy.workspaces)
    rows = reader.rows(reader.of(connection, run_ids))
    values: dict[ColumnName, Values | tuple[Ids, Int64s]] = {}
    for name in copy.columns:
        column = ColumnReader(name)
        of_runs = column.of(connection, run_ids)
        values[name] = column.texts(of_runs) if column.is_text else column.integers(of_runs)
    return horizon, run_ids, rows, reader.workspaces, values


def _rows_part(reader: RowsReader, after: str, connection: Connection) -> RunRows:
    return reader.part(connection, after, _PART)


def _text_part(reader: ColumnReader, after: Key | None, connection: Connection) -> tuple[Values, Key | None]:
    return reader.text_part(connection, after, _PART)


def _integer_part(
    reader: ColumnReader, after: Key | None, connection: Connection
) -> tuple[tuple[Ids, Int64s], Key | None]:
    return reader.integer_part(connection, after, _PART)


def _experiments(connection: Connection, query: RunsQuery) -> Sequence[int] | None:
    """The experiments that are searched; None: all."""
    if not query.bound_to:
        return query.experiment_ids or None
    bound = {int(row.experiment_id) for row in connection.execute(bound_experiments(query.bound_to))}
    return [each for each in bound if not query.experiment_ids or each in query.experiment_ids]


def _within_bounds(copy: RunColumns, used: dict[ColumnName, float], newest: ColumnName) -> RunColumns:
    """The copy without the columns longest unused, as many as there is no room for."""
    sizes = {name: column.nbytes for name, column in copy.columns.items()}
    room = MOST_BYTES - copy.rows.nbytes - sizes[newest]
    gone: list[ColumnName] = []
    for name in sorted(sizes.keys() - {newest}, key=lambda name: used.get(name, 0.0), reverse=True):
        room -= sizes[name]
        if room < 0:
            gone.append(name)
    return copy.without(gone)

"""A copy of what is searched of runs, by column: one value a run, in arrays, all runs in the order of their ids.

A search through arrays takes milliseconds where an index takes hundreds: whatever the conditions, and however they
are correlated. The copy is as of a moment and is never changed. Runs that changed since are searched in the database;
from time to time they are written into a new copy (`with_runs`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trackway_server.core.search.conditions import Source, Statistic
from trackway_server.core.search.ordering import ABSENT, GREATEST_NUMBER, LEAST_NUMBER

Ids: TypeAlias = npt.NDArray[np.bytes_]
Int64s: TypeAlias = npt.NDArray[np.int64]
Int32s: TypeAlias = npt.NDArray[np.int32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Positions: TypeAlias = npt.NDArray[np.intp]

NOT_A_NUMBER_KEY = GREATEST_NUMBER + 1
NONE = -1
"""The code of no text."""
_BYTES_OF_TEXT = 65
"""Of a str, beside its characters, with its place in a list."""


@dataclass(frozen=True, slots=True)
class ColumnName:
    """What a column holds: a metric's statistic, a param, a tag or an attribute."""

    source: Source
    key: str
    statistic: Statistic = Statistic.LAST


@dataclass(frozen=True, slots=True, eq=False)
class Integers:
    """Integers; of numbers their keys (core/search/ordering.py). ABSENT: none."""

    values: Int64s

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.values.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts, by their place in `distinct`, which rises by code points. `numbers`: what number each distinct one is,
    infinite: none."""

    codes: Int32s
    distinct: Sequence[str]
    numbers: Doubles

    @property
    def nbytes(self) -> int:
        """Memory it takes, about."""
        texts = sum(map(len, self.distinct)) + _BYTES_OF_TEXT * len(self.distinct)
        return int(self.codes.nbytes + self.numbers.nbytes + texts)


Column = Integers | Texts


@dataclass(frozen=True, slots=True, eq=False)
class RunRows:
    """Some runs: what all searches ask of them. `ids` rise."""

    ids: Ids
    workspaces: Int32s
    experiments: Int64s
    deleted: Bools
    start_times: Int64s

    @staticmethod
    def joined(parts: Sequence[RunRows]) -> RunRows:
        """The rows of all parts."""
        ids, *others = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("ids", "workspaces", "experiments", "deleted", "start_times")
        )
        order = np.argsort(ids, kind="stable")  # which is quick where they are in order
        return RunRows(ids[order], *(array[order] for array in others))

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        arrays = (self.ids, self.workspaces, self.experiments, self.deleted, self.start_times)
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, slots=True)
class Values:
    """Values of some runs as they come from the database: ids and, of Texts, also the numbers that they are."""

    ids: Sequence[str]
    values: Sequence[Any]
    numbers: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RunColumns:
    """All runs as of `horizon`, see sql_run_changes.py; `workspaces` are the names behind their numbers."""

    horizon: int
    rows: RunRows
    workspaces: tuple[str, ...]
    columns: Mapping[ColumnName, Column]

    def positions(self, run_ids: Sequence[str]) -> Positions:
        """Where these runs stand, as many of them as are here."""
        wanted = np.array(sorted(run_ids), dtype="S32")
        found = np.searchsorted(self.rows.ids, wanted)
        found = found[found < len(self.rows.ids)]
        return found[np.isin(self.rows.ids[found], wanted)]

    def with_column(self, name: ColumnName, column: Column) -> RunColumns:
        """The same with a column more."""
        return replace(self, columns={**self.columns, name: column})

    def without(self, names: Sequence[ColumnName]) -> RunColumns:
        """The same with these columns less."""
        return replace(self, columns={name: each for name, each in self.columns.items() if name not in names})


def ids_of(run_ids: Sequence[str]) -> Ids:
    """Ids as they stand in RunRows."""
    return np.array(run_ids, dtype="S32")


def number_keys(keys: Int64s) -> Int64s:
    """Keys of numbers, of which all that are none are one, below ABSENT."""
    return np.where((keys >= LEAST_NUMBER) & (keys <= GREATEST_NUMBER), keys, NOT_A_NUMBER_KEY)


def integers(ids: Ids, parts: Sequence[tuple[Ids, Int64s]]) -> Integers:
    """The column of these values, for the runs of these ids."""
    values = np.full(len(ids), ABSENT, dtype=np.int64)
    for some, of_some in parts:
        at, known = _places(ids, some)
        values[at] = of_some[known]
    return Integers(values)


class TextsBuilder:
    """Makes a column of texts out of parts."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._numbers: list[float] = []
        self._parts: list[tuple[Ids, Int32s]] = []
        self.size = 0
        """Characters of all distinct texts."""

    def add(self, some: Values) -> None:
        """Texts of more runs."""
        codes, numbers = self._codes, some.numbers
        of_some = np.empty(len(some.values), dtype=np.int32)
        for place, text in enumerate(some.values):
            code = codes.get(text)
            if code is None:
                code = codes[text] = len(codes)
                self._numbers.append(np.inf if numbers is None else numbers[place])
                self.size += len(text)
            of_some[place] = code
        self._parts.append((ids_of(some.ids), of_some))

    def column(self, ids: Ids) -> Texts:
        """The column, for the runs of these ids."""
        codes = np.full(len(ids), NONE, dtype=np.int32)
        for some, of_some in self._parts:
            at, known = _places(ids, some)
            codes[at] = of_some[known]
        texts = list(self._codes)
        in_order = sorted(range(len(texts)), key=texts.__getitem__)
        ranks = np.empty(len(texts) + 1, dtype=np.int32)
        ranks[in_order] = np.arange(len(texts), dtype=np.int32)
        ranks[NONE] = NONE
        numbers = np.array(self._numbers, dtype=np.float64)[in_order] if texts else np.empty(0)
        return Texts(ranks[codes], [texts[code] for code in in_order], numbers)


def _places(ids: Ids, some: Ids) -> tuple[Positions, Bools]:
    """Where some stand among the ids, and which of them do."""
    at = np.minimum(np.searchsorted(ids, some), max(len(ids) - 1, 0))
    known = ids[at] == some if len(ids) else np.zeros(len(some), dtype=np.bool_)
    return at[known], known


def with_runs(
    copy: RunColumns,
    horizon: int,
    changed: Sequence[str],
    rows: RunRows,
    workspaces: tuple[str, ...],
    values: Mapping[ColumnName, Values | tuple[Ids, Int64s]],
) -> RunColumns:
    """The copy as of another horizon: of the runs that `changed`, `rows` are those that are left, with their values."""
    gone = np.setdiff1d(ids_of(sorted(changed)), rows.ids)
    old = copy.rows
    kept = np.ones(len(old.ids), dtype=np.bool_)
    kept[_places(old.ids, gone)[0]] = False
    new = np.setdiff1d(rows.ids, old.ids)
    at = np.searchsorted(old.ids[kept], new)

    def moved(array: npt.NDArray[Any], blank: Any) -> npt.NDArray[Any]:
        return np.insert(array[kept], at, np.full(len(new), blank, dtype=array.dtype))

    ids = np.insert(old.ids[kept], at, new)
    places, _ = _places(ids, rows.ids)

    def row_column(array: npt.NDArray[Any], fresh: npt.NDArray[Any]) -> npt.NDArray[Any]:
        result = moved(array, 0)
        result[places] = fresh
        return result

    fresh_rows = RunRows(
        ids,
        row_column(old.workspaces, rows.workspaces),
        row_column(old.experiments, rows.experiments),
        row_column(old.deleted, rows.deleted),
        row_column(old.start_times, rows.start_times),
    )
    columns: dict[ColumnName, Column] = {}
    for name, column in copy.columns.items():
        fresh = values[name]
        if isinstance(column, Integers):
            assert isinstance(fresh, tuple)
            numbers = moved(column.values, ABSENT)
            numbers[places] = ABSENT
            of, known = _places(ids, fresh[0])
            numbers[of] = fresh[1][known]
            columns[name] = Integers(numbers)
        else:
            assert isinstance(fresh, Values)
            codes = moved(column.codes, NONE)
            codes[places] = NONE
            columns[name] = _with_texts(Texts(codes, column.distinct, column.numbers), ids, fresh)
    return RunColumns(horizon, fresh_rows, workspaces, columns)


def _with_texts(column: Texts, ids: Ids, fresh: Values) -> Texts:
    known = set(column.distinct)
    added: dict[str, float] = {}
    for place, text in enumerate(fresh.values):
        if text not in known:
            added[text] = np.inf if fresh.numbers is None else fresh.numbers[place]
    if added:
        texts = sorted([*column.distinct, *added])
        of_old = np.fromiter((bisect_left(texts, text) for text in column.distinct), np.int32, len(column.distinct))
        ranks = np.append(of_old, np.int32(NONE))
        numbers = np.empty(len(texts), dtype=np.float64)
        numbers[of_old] = column.numbers
        for text, number in added.items():
            numbers[bisect_left(texts, text)] = number
        column = Texts(ranks[column.codes], texts, numbers)
    at, is_here = _places(ids, ids_of(fresh.ids))
    codes = column.codes.copy()
    codes[at] = np.array([bisect_left(column.distinct, text) for text in fresh.values], dtype=np.int32)[is_here]
    return Texts(codes, column.distinct, column.numbers)

"""Runs beside one another: a row for each param, tag and metric that any of them has.

What is read of texts at once is bounded as a page of runs is, and of each value only its head and a digest are kept,
so that a comparison of a hundred runs whose params are megabytes long costs no more memory than one of them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial

from trackway_server.core.admission import Admits
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.reading import SummarisedSeries
from trackway_server.tracking.domain.changes import MAX_TEXT
from trackway_server.tracking.domain.model import RUN_NAME_TAG, RunInfo
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.runs import run_not_found

HEAD = 1000
"""Characters of a text that are shown."""
MAX_BYTES = 12 << 20
"""How large a comparison may become: one message holds it."""
_CELL_BYTES = 8
_METRIC_BYTES = 128
_SOURCE_TAGS = ("mlflow.user", "mlflow.source.", "trackway.source.")


class Kind(IntEnum):
    """What a row is about, in the order of rows; the numbers are those of tracking.v1.ComparedKind."""

    PARAM = 1
    SOURCE = 2
    TAG = 3
    METRIC = 4


@dataclass(frozen=True, slots=True)
class Text:
    """The value of a param or tag: its head, how many characters follow, and a digest of all."""

    head: str
    cut: int
    digest: bytes

    @classmethod
    def of(cls, value: str) -> Text:
        """The text as it is compared and shown."""
        digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        return cls(value[:HEAD], max(len(value) - HEAD, 0), digest)


@dataclass(frozen=True, slots=True)
class Row:
    """What the runs have of one thing, in their order; None where one has nothing."""

    kind: Kind
    key: str
    context: str
    differs: bool
    values: tuple[Text | SummarisedSeries | None, ...]


_Name = tuple[Kind, str, str]


@dataclass(slots=True)
class Comparison:
    """Gathers what runs have. Raises LIMIT_EXCEEDED where that becomes too much."""

    run_ids: Sequence[str]
    only_differing: bool
    _cells: dict[_Name, dict[str, Text | SummarisedSeries]] = field(default_factory=dict)
    _known: dict[bytes, Text] = field(default_factory=dict)
    _kept: int = 0

    def add_texts(self, kind: Kind, of_runs: Mapping[str, Mapping[str, str]]) -> None:
        """Add params or tags, by run and key."""
        for run_id, texts in of_runs.items():
            for key, value in texts.items():
                if key == RUN_NAME_TAG and kind is Kind.TAG:
                    continue
                of_source = kind is Kind.TAG and key.startswith(_SOURCE_TAGS)
                self._put((Kind.SOURCE if of_source else kind, key, ""), run_id, self._shared(Text.of(value)))

    def add_series(self, of_runs: Mapping[str, Iterable[SummarisedSeries]]) -> None:
        """Add the summaries of series, by run."""
        for run_id, series in of_runs.items():
            for one in series:
                self._put((Kind.METRIC, one.key, one.context), run_id, one)

    def rows(self) -> list[Row]:
        """The rows, by kind, key and context."""
        found, size = [], 0
        for row in self._rows():
            if row.differs or not self.only_differing:
                size += _size(row)
                if size > MAX_BYTES:
                    raise _too_large()
                found.append(row)
        return found

    def _rows(self) -> Iterator[Row]:
        for (kind, key, context), cells in sorted(self._cells.items(), key=lambda item: item[0]):
            values = tuple(cells.get(run_id) for run_id in self.run_ids)
            same = {None if value is None else _identity(value) for value in values}
            yield Row(kind, key, context, len(same) > 1, values)

    def _put(self, name: _Name, run_id: str, value: Text | SummarisedSeries) -> None:
        cells = self._cells.get(name)
        if cells is None:
            cells = self._cells[name] = {}
            self._keep(4 * (len(name[1]) + len(name[2])))
        cells[run_id] = value
        self._keep(_METRIC_BYTES if name[0] is Kind.METRIC else _CELL_BYTES)

    def _shared(self, text: Text) -> Text:
        """Of equal texts one is kept."""
        known = self._known.get(text.digest)
        if known is None:
            known = self._known[text.digest] = text
            self._keep(len(text.head))
        return known

    def _keep(self, size: int) -> None:
        # Above what may be answered: rows that do not differ are still to be left out.
        self._kept += size
        if self._kept > 4 * MAX_BYTES:
            raise _too_large()


def read_infos(unit: TrackingUnit, run_ids: Sequence[str], admits: Admits) -> list[RunInfo]:
    """The runs, each once, in the order given. Raises RUN_NOT_FOUND with the first that is not there for the caller."""
    wanted = list(dict.fromkeys(run_ids))
    found, admitted = unit.peek_runs(wanted), dict[tuple[str, int], bool]()
    for run_id in wanted:
        run = found.get(run_id)
        if run is None:
            raise run_not_found(run_id)
        place = (run.workspace, run.experiment_id)
        if place not in admitted:
            admitted[place] = admits(run.workspace, partial(unit.bindings.role, run.experiment_id))
        if not admitted[place]:
            raise run_not_found(run_id)
    return [found[run_id] for run_id in wanted]


def add_texts(unit: TrackingUnit, comparison: Comparison) -> None:
    """Add the params and tags of the runs, of a few at once as their texts are long."""
    for run_ids in _portions(comparison.run_ids, unit.text_sizes(comparison.run_ids)):
        comparison.add_texts(Kind.PARAM, unit.params(run_ids))
        comparison.add_texts(Kind.TAG, unit.tags(run_ids))


def _portions(run_ids: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """The runs in portions that have no more text together than one run may have, or are one run."""
    portion: list[str] = []
    total = 0
    for run_id in run_ids:
        size = sizes.get(run_id, 0)
        if portion and total + size > MAX_TEXT:
            yield portion
            portion, total = [], 0
        portion.append(run_id)
        total += size
    if portion:
        yield portion


def _identity(value: Text | SummarisedSeries) -> bytes | str:
    if isinstance(value, Text):
        return value.digest
    return "NaN" if math.isnan(value.last_value) else value.last_value.hex()


def _size(row: Row) -> int:
    size = len(row.key.encode()) + len(row.context.encode())
    for value in row.values:
        size += _CELL_BYTES
        if isinstance(value, Text):
            size += len(value.head.encode("utf-8", "surrogatepass"))
        elif value is not None:
            size += _METRIC_BYTES
    return size


def _too_large() -> DomainError:
    return DomainError(
        Reason.LIMIT_EXCEEDED,
        f"The comparison has more than {MAX_BYTES:,} bytes; compare fewer runs, or only what differs.",
        limit="comparison_bytes",
        maximum=str(MAX_BYTES),
    )

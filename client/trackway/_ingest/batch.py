"""Records read from a spool, as they go to the server together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Block:
    """Points of one set of series, `rows × series`: each row a record of its own, or all of them one record."""

    sequences: NDArray[np.uint64]
    series: tuple[int, ...]
    times: NDArray[np.int64]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    one_record: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Records `first` to `first + count - 1` of a writer, as they go into one append."""

    first: int
    count: int
    prefix_checksum: int
    """The rolling checksum of all records before `first`."""
    checksums: bytes
    """The CRC-32 of each record, four bytes each."""
    objects: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)
    """(ordinal, kind, fields) of the records that are no points."""
    blocks: list[Block] = field(default_factory=list)
    closes: bool = False
    """The last record is CLOSE: the writer will write no more."""
    changes_status: bool = False
    """The last record changes the run's state: what came before must be stored first, files too."""
    caught_up: bool = False
    """There were no more records at the time."""

    @property
    def end(self) -> int:
        """The ordinal after the last record."""
        return self.first + self.count

    @property
    def points(self) -> int:
        """How many points the batch holds."""
        return sum(block.values.size for block in self.blocks)

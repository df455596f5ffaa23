"""Blocks of points, made by hand or by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trackway_server.metrics.domain.points import Block

INT64 = st.integers(-(2**63), 2**63 - 1)
BITS = st.one_of(
    st.sampled_from(
        [
            0,
            1 << 63,  # -0.0
            0x7FF0_0000_0000_0000,  # inf
            0xFFF0_0000_0000_0000,  # -inf
            0x7FF8_0000_0000_0001,  # a NaN with a payload
            0xFFF8_0000_DEAD_BEEF,
            1,  # the smallest denormal
            0x3FF0_0000_0000_0000,
        ]
    ),
    st.integers(0, 2**64 - 1),
)


def block(first: int, steps: Sequence[int], columns: dict[int, Sequence[float]], time: int = 1_000) -> Block:
    """A block whose rows are records of their own from `first` on; times rise by 1 from `time`."""
    rows = len(steps)
    return Block(
        np.arange(first, first + rows, dtype=np.uint64),
        np.arange(time, time + rows, dtype=np.int64),
        np.array(steps, dtype=np.int64),
        np.array(list(columns), dtype=np.uint32),
        np.array([columns[one] for one in columns], dtype=np.float64).T.reshape(rows, len(columns)),
    )


@st.composite
def blocks(draw: st.DrawFn, first: int | None = None) -> Block:
    """Any block: any steps and times, any 64 bits as a value, records of one or of several rows."""
    rows, width = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    start = draw(st.integers(0, 2**62)) if first is None else first
    gaps = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    series = draw(st.lists(st.integers(0, 2**24 - 1), min_size=width, max_size=width, unique=True))
    bits = draw(hnp.arrays(np.uint64, (rows, width), elements=BITS))
    return Block(
        np.cumsum([start, *gaps[1:]], dtype=np.uint64),
        np.array(draw(st.lists(INT64, min_size=rows, max_size=rows)), dtype=np.int64),
        np.array(draw(st.lists(INT64, min_size=rows, max_size=rows)), dtype=np.int64),
        np.array(series, dtype=np.uint32),
        bits.view(np.float64),
    )

"""Chunks come back bit for bit, damage is noticed, and a roll-up is what its points say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.blocks import BITS, INT64
from trackway_server.metrics.chunk_codec import (
    ChunkCorruptError,
    decode_rollup,
    decode_rows,
    decode_values,
    encode_rollup,
    encode_rows,
    encode_values,
)
from trackway_server.metrics.domain.chunks import BUCKET_POINTS, Points, Rows, roll_up

WRITERS = ("0" * 32, "f" * 32, "a1" * 16)


@st.composite
def points(draw: st.DrawFn) -> Points:
    """Any points of up to three writers, in any order."""
    count = draw(st.integers(1, 12)) * draw(st.sampled_from([1, 1, 50]))

    def column(elements: st.SearchStrategy[int], kind: type) -> np.ndarray:
        few = draw(st.lists(elements, min_size=1, max_size=12))
        return np.resize(np.array(few, dtype=kind), count)

    rows = Rows(
        column(INT64, np.int64),
        column(INT64, np.int64),
        column(st.integers(0, 2**63 - 1), np.uint64),
        column(st.integers(0, 2**32 - 1), np.uint32),
        column(st.integers(0, 2), np.uint32),
        WRITERS,
    )
    return Points(rows, column(BITS, np.uint64).view(np.float64))


@settings(deadline=None)
@given(points())
def test_everything_comes_back_bit_for_bit(given_points: Points) -> None:
    rows, values = given_points.rows, given_points.values
    found = decode_rows(encode_rows(rows))
    for name in ("steps", "times", "sequences", "places", "writers"):
        assert getattr(found, name).dtype == getattr(rows, name).dtype
        assert getattr(found, name).tolist() == getattr(rows, name).tolist()
    assert found.writer_ids == WRITERS
    assert decode_values(encode_values(values)).tobytes() == values.tobytes()
    rollup = roll_up(rows, values)
    assert decode_rollup(encode_rollup(rollup)).tobytes() == rollup.tobytes()


@settings(deadline=None)
@given(points(), st.data())
def test_damage_is_noticed(given_points: Points, data: st.DataObject) -> None:
    encoded = bytearray(encode_rows(given_points.rows))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ChunkCorruptError):
        decode_rows(bytes(encoded))


@settings(deadline=None)
@given(points())
def test_a_rollup_is_what_the_points_say(given_points: Points) -> None:
    rows, values = given_points.rows, given_points.values
    if (order := rows.order()) is not None:
        rows, values = rows.taken(order), values[order]
    places = list(zip(rows.steps.tolist(), rows.times.tolist(), rows.sequences.tolist(), strict=True))
    assert places == sorted(places)
    for place, bucket in enumerate(roll_up(rows, values)):
        span = slice(place * BUCKET_POINTS, (place + 1) * BUCKET_POINTS)
        numbers = [value for value in values[span].tolist() if not math.isnan(value)]
        assert bucket["count"] == len(values[span])
        assert bucket["nan_count"] == len(values[span]) - len(numbers)
        assert (bucket["min_time"], bucket["max_time"]) == (rows.times[span].min(), rows.times[span].max())
        assert (bucket["first_step"], bucket["last_step"]) == (rows.steps[span][0], rows.steps[span][-1])
        assert bucket["first"].tobytes() == values[span][0].tobytes()
        assert bucket["last"].tobytes() == values[span][-1].tobytes()
        if numbers:
            assert (bucket["low"], bucket["high"]) == (min(numbers), max(numbers))
        for name in ("low", "high"):
            at = int(bucket[f"{name}_at"])
            assert bucket[name].tobytes() == values[at].tobytes()
            assert (bucket[f"{name}_step"], bucket[f"{name}_time"]) == (rows.steps[at], rows.times[at])

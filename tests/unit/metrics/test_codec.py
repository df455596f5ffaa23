"""Segments give back what they were given, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.blocks import block, blocks
from trackway_server.metrics.codec import SegmentCorruptError, decode_segment, encode_segment
from trackway_server.metrics.domain.points import Block


def same(left: Block, right: Block) -> bool:
    """Whether two blocks are equal in every bit."""
    return all(
        np.array_equal(getattr(left, name), getattr(right, name)) for name in ("sequences", "times", "steps", "series")
    ) and np.array_equal(bits(left), bits(right))


def bits(one: Block) -> np.ndarray:
    return np.ascontiguousarray(one.values).view(np.uint64)


@given(st.lists(blocks(), min_size=1, max_size=4))
def test_a_segment_gives_back_its_blocks(given_blocks: list[Block]) -> None:
    decoded = decode_segment(encode_segment(given_blocks))
    assert len(decoded) == len(given_blocks)
    assert all(map(same, decoded, given_blocks))


@given(st.lists(blocks(), min_size=1, max_size=4), st.data())
def test_a_subset_of_series_is_read_alone(given_blocks: list[Block], data: st.DataObject) -> None:
    known = sorted({int(series) for one in given_blocks for series in one.series})
    wanted = data.draw(st.lists(st.sampled_from([*known, 2**24]), max_size=4))
    decoded = iter(decode_segment(encode_segment(given_blocks), wanted))
    for one in given_blocks:
        keep = np.isin(one.series, wanted)
        if keep.any():
            kept = Block(one.sequences, one.times, one.steps, one.series[keep], one.values[:, keep])
            assert same(next(decoded), kept)
    assert next(decoded, None) is None


def test_large_blocks_are_cut_into_frames_and_each_series_found() -> None:
    wide = block(0, range(3), {series: (series, series + 0.25, -series) for series in range(20_000)})
    long = block(3, range(40_000), {7: np.linspace(0, 1, 40_000), 9: np.linspace(1, 2, 40_000)})
    segment = encode_segment([wide, long])
    decoded_wide, decoded_long = decode_segment(segment, [9, 12_345])
    assert decoded_wide.series.tolist() == [9, 12_345]
    assert decoded_wide.values[:, 1].tolist() == [12_345, 12_345.25, -12_345]
    assert decoded_long.series.tolist() == [9]
    assert decoded_long.values[:, 0].tolist() == np.linspace(1, 2, 40_000).tolist()


def test_equal_differences_cost_no_byte_a_row() -> None:
    small, large = (len(encode_segment([block(0, range(rows), {0: [1.0] * rows})])) for rows in (100, 100_000))
    assert large - small < 1000


@pytest.mark.parametrize("position", [0, 5, 30, 60, -1])
def test_damage_is_told(position: int) -> None:
    segment = bytearray(encode_segment([block(0, [5, 1, 9], {0: [1.0, 2.0, 3.0]})]))
    segment[position] ^= 0xFF
    with pytest.raises(SegmentCorruptError):
        decode_segment(bytes(segment))
    with pytest.raises(SegmentCorruptError):
        decode_segment(b"")


def test_version_1_reads_as_documented() -> None:
    segment = encode_segment([block(4, [0, 1], {3: [1.0, 2.0]}, time=50)])
    assert segment[:8] == b"TWL0\x01\x00\x00\x00"
    assert np.frombuffer(segment[8:24], "<u4").tolist() == [1, 1, 2, 1]

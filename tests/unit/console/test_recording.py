"""Lines as records: complete, numbered, bounded, and what was dropped is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trackway._console.recording import TAIL_BYTES, Budget, StreamRecorder


class Spool:
    """Takes records as a writer would."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, Any]] = []

    def append(self, block: Mapping[str, object]) -> None:
        self.blocks.append(dict(block))

    @property
    def lines(self) -> list[tuple[int, str]]:
        return [
            (block["first_line"] + index, line)
            for block in self.blocks
            if block["line_count"]
            for index, line in enumerate(block["text"].split("\n"))
        ]


def recorder(limit: int = 1 << 30) -> tuple[StreamRecorder, Spool]:
    spool = Spool()
    return StreamRecorder(spool.append, 1, Budget(limit)), spool


def test_an_unfinished_line_is_recorded_now_and_then_and_in_the_end_once() -> None:
    stream, spool = recorder()
    for tick in range(200):
        stream.feed(b"\r%d%%" % (tick // 2), 100.0 + tick / 10)
        stream.record(100.0 + tick / 10)
    assert len(spool.blocks) in range(3, 6)
    assert all(block["line_count"] == 0 for block in spool.blocks)
    stream.feed(b"\ndone\n", 200.0)
    stream.finish(200.0)
    assert spool.lines == [(0, "99%"), (1, "done")]
    assert spool.blocks[-1]["unfinished"] == ""


def test_at_once_means_now() -> None:
    stream, spool = recorder()
    stream.feed(b"line\nrest", 100.0)
    stream.record(100.0)
    assert spool.lines == []
    stream.record(100.0, at_once=True)
    assert (spool.lines, spool.blocks[-1]["unfinished"]) == ([(0, "line")], "rest")


def test_beyond_the_limit_lines_are_counted_and_the_last_ones_kept() -> None:
    stream, spool = recorder(limit=200_000)
    count = 300_000
    for start in range(0, count, 10_000):
        stream.feed(b"".join(b"line %d\n" % number for number in range(start, start + 10_000)), 100.0 + start)
        stream.record(100.0 + start)
    stream.finish(1e9)
    numbers = [number for number, _ in spool.lines]
    assert numbers == sorted(set(numbers))
    assert all(text == f"line {number}" for number, text in spool.lines)
    assert numbers[0] == 0 and numbers[-1] == count - 1
    last = spool.blocks[-1]
    assert len(numbers) + last["dropped_lines"] == count
    assert last["dropped_bytes"] > 0
    assert sum(len(text) + 1 for _, text in spool.lines) < 200_000 + TAIL_BYTES
    told = [block["dropped_lines"] for block in spool.blocks]
    assert told == sorted(told)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([b"a\n", b"b", b"\r", b"\n", "日本\n".encode(), b"x" * 400 + b"\n"]), st.booleans())
    ),
    st.integers(1, 4_000),
)
def test_every_line_is_recorded_kept_or_counted(parts: list[tuple[bytes, bool]], limit: int) -> None:
    stream, spool = recorder(limit)
    unbounded, everything = recorder()
    for number, (data, pause) in enumerate(parts):
        for each in (stream, unbounded):
            each.feed(data, number)
            if pause:
                each.record(number)
    stream.finish(1e6)
    unbounded.finish(1e6)
    assert set(spool.lines) <= set(everything.lines)
    dropped = spool.blocks[-1]["dropped_lines"] if spool.blocks else 0
    assert len(spool.lines) + dropped == len(everything.lines)
    for block in (*spool.blocks, *everything.blocks):
        assert block["line_count"] == (block["text"].count("\n") + 1 if block["line_count"] else 0)

"""What ConsoleUnit promises (tracking/domain/console.py), and its rules, over every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.core.errors import Reason
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.tracking.domain.console import PAGE_BYTES, ConsoleBlock, last_lines, store_console
from trackway_server.tracking.domain.model import RunStart
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.runs import start_run
from trackway_server.tracking.store.console_codec import decode_blocks, encode_blocks
from trackway_server.tracking.store.console_memory import MemoryConsoleUnit

RUN, WRITER, OTHER = "a" * 32, "b" * 32, "c" * 32
Store = Transactions[TrackingUnit]


def block(
    sequence: int, text: str | None = "x", *, unfinished: str = "", stream: int = 1, first: int = 0
) -> ConsoleBlock:
    lines = 0 if text is None else text.count("\n") + 1
    return ConsoleBlock(stream, text or "", lines, unfinished, 5, first, 0, 0, sequence)


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        for run_id in (RUN, "d" * 32):
            await opened.write(lambda unit, run_id=run_id: start_run(unit, "default", run_id, RunStart(), 1))
        yield opened


async def put(store: Store, *blocks: ConsoleBlock, writer: str = WRITER, run: str = RUN) -> list[int]:
    refused = await store.write(lambda unit: store_console(unit.console, run, writer, blocks))
    return [int(sequence) for refusal in refused for sequence in refusal.sequences]


async def everything(store: Store, writer: str = WRITER, after: int = -1) -> list[ConsoleBlock]:
    pages = await store.read(lambda unit: unit.console.pages_after(writer, after, 1000))
    return [one for page in pages for one in page.blocks if one.sequence > after]


async def test_small_blocks_share_a_page_and_large_ones_begin_another(store: Store) -> None:
    for sequence in range(50):
        await put(store, block(sequence, f"line {sequence}", first=sequence))
    (page,) = await store.read(lambda unit: unit.console.pages_after(WRITER, -1, 1000))
    assert [one.text for one in page.blocks] == [f"line {sequence}" for sequence in range(50)]
    await put(store, block(50, "y" * PAGE_BYTES), block(51, "z"))
    pages = await store.read(lambda unit: unit.console.pages_after(WRITER, -1, 1000))
    assert [len(one.blocks) for one in pages] == [50, 1, 1]
    assert [one.sequence for one in await everything(store, after=49)] == [50, 51]
    assert await everything(store, after=51) == []
    assert await everything(store, OTHER) == []
    back = await store.read(lambda unit: unit.console.pages_before(WRITER, 51, 1000))
    assert [one.last_sequence for one in back] == [50, 49]


async def test_an_unfinished_line_is_replaced_by_the_next_block_of_its_stream(store: Store) -> None:
    await put(store, block(0, None, unfinished="10%"), block(1, "warning", stream=2), block(2, None, unfinished="20%"))
    await put(store, block(3, None, unfinished="90%"), block(4, "100%"))
    left = await everything(store)
    assert [(one.sequence, one.text, one.unfinished) for one in left] == [
        (0, "", ""),
        (1, "warning", ""),
        (4, "100%", ""),
    ]


async def test_what_is_too_much_or_wrong_is_refused_alone(store: Store) -> None:
    wrong = ConsoleBlock(1, "a\nb", 1, "", 5, 0, 0, 0, 7)

    def write(unit: TrackingUnit) -> list[tuple[int, Reason]]:
        blocks = [block(6, "a"), wrong, block(8, "b" * 500), block(9, "c")]
        refused = store_console(unit.console, RUN, WRITER, blocks, most=400)
        return [(int(sequence), refusal.reason) for refusal in refused for sequence in refusal.sequences]

    assert await store.write(write) == [(7, Reason.INVALID_FIELD), (8, Reason.LIMIT_EXCEEDED)]
    assert [one.text for one in await everything(store)] == ["a", "c"]
    assert await put(store, ConsoleBlock(1, "", 2, "", 5, 0, 0, 0, 10)) == [10]


async def test_the_last_lines_are_found(store: Store) -> None:
    texts = ["1\n2\n3", "4", "x" * PAGE_BYTES, "5\n6", "7"]
    await put(store, *(block(sequence, text) for sequence, text in enumerate(texts)))
    found = [
        await store.read(lambda unit, count=count: last_lines(unit.console, WRITER, count)) for count in range(1, 10)
    ]
    assert found == [(3, 0), (2, 1), (2, 0), (1, 0), (0, 0), (-1, 2), (-1, 1), (-1, 0), (-1, 0)]


async def test_pages_of_a_run_are_deleted_in_batches(store: Store) -> None:
    big = "x" * PAGE_BYTES
    await put(store, *(block(sequence, big) for sequence in range(5)))
    await put(store, block(0, "other"), writer=OTHER, run="d" * 32)
    deleted = [await store.write(lambda unit: unit.console.delete_pages(RUN, 3)) for _ in range(3)]
    assert deleted == [3, 2, 0]
    assert await everything(store) == []
    assert [one.text for one in await everything(store, OTHER)] == ["other"]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
BLOCKS = st.lists(st.tuples(st.integers(1, 3), st.one_of(st.none(), texts), texts), max_size=30)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(BLOCKS, st.integers(1, 6))
def test_pages_keep_every_line_in_order_and_only_the_last_unfinished_one(
    given: list[tuple[int, str | None, str]], batch: int
) -> None:
    unit = MemoryConsoleUnit()
    blocks = [block(n, text, unfinished=rest, stream=stream) for n, (stream, text, rest) in enumerate(given)]
    for start in range(0, len(blocks), batch):
        assert store_console(unit, RUN, WRITER, blocks[start : start + batch]) == []
    stored = [one for page in unit.pages_after(WRITER, -1, 1000) for one in page.blocks]
    for stream in (1, 2, 3):
        mine = [one for one in blocks if one.stream == stream]
        kept = [one for one in stored if one.stream == stream]
        assert [one.text for one in kept if one.line_count] == [one.text for one in mine if one.line_count]
        if mine:
            assert [one.unfinished for one in kept if one.unfinished] == [mine[-1].unfinished][
                : bool(mine[-1].unfinished)
            ]
    for page in unit.pages_after(WRITER, -1, 1000):
        assert decode_blocks(encode_blocks(page.blocks)) == page.blocks


def test_damaged_bytes_are_told() -> None:
    good = encode_blocks([block(1, "text")])
    for bad in (b"", b"junk", good[:-1], encode_blocks([])[:3]):
        with pytest.raises(ValueError, match="damaged"):
            decode_blocks(bad)

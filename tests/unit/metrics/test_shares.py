"""The memory that a principal's streams share."""

from __future__ import annotations

import asyncio

import pytest

from trackway_server.metrics.shares import Share, Shares


async def waiting(share: Share, size: int) -> asyncio.Task[None]:
    task = asyncio.create_task(share.take(size))
    await asyncio.sleep(0)
    return task


async def test_one_taking_goes_beyond_the_limit_and_the_next_waits() -> None:
    share = Share(10)
    await share.take(9)
    await share.take(100)
    next_one = await waiting(share, 1)
    share.give(100)
    await next_one
    assert share.held == 10


async def test_who_comes_first_is_served_first() -> None:
    share, served = Share(1), []
    await share.take(1)

    async def stream(number: int) -> None:
        await share.take(1)
        served.append(number)
        await asyncio.sleep(0)
        share.give(1)

    tasks = [asyncio.create_task(stream(number)) for number in range(20)]
    await asyncio.sleep(0)
    share.give(1)
    await asyncio.gather(*tasks)
    assert served == list(range(20))
    assert share.held == 0


@pytest.mark.parametrize("woken", [False, True])
async def test_a_stream_that_ends_while_it_waits_passes_its_turn_on(woken: bool) -> None:
    share = Share(1)
    await share.take(1)
    first, second = await waiting(share, 1), await waiting(share, 1)
    if woken:
        share.give(1)
    first.cancel()
    if not woken:
        share.give(1)
    async with asyncio.timeout(1):
        await second
    assert share.held == 1


async def test_shares_are_kept_while_there_are_streams() -> None:
    shares = Shares(10)
    with shares.of("a") as one, shares.of("a") as same, shares.of("b") as other:
        assert one is same
        assert one is not other
        assert len(shares) == 2
    assert len(shares) == 0

"""Places for what takes much memory."""

from __future__ import annotations

import asyncio

import pytest

from trackway_server.core.errors import Reason, TryLaterError
from trackway_server.gateway.places import Places


async def test_no_more_are_taken_than_there_are_and_everybody_has_a_turn() -> None:
    places, taken, most, served = Places(2, 30, "things"), 0, 0, 0

    async def take() -> None:
        nonlocal taken, most, served
        async with places.one():
            taken, most = taken + 1, max(most, taken + 1)
            await asyncio.sleep(0)
            taken, served = taken - 1, served + 1

    await asyncio.gather(*(take() for _ in range(20)))
    assert (most, served) == (2, 20)


async def test_who_finds_none_is_told_to_try_later() -> None:
    places = Places(1, 0.01, "things")
    async with places.one():
        with pytest.raises(TryLaterError, match="Too many things") as caught:
            async with places.one():
                pytest.fail("there was none")
    assert (caught.value.reason, caught.value.metadata["maximum"]) == (Reason.LIMIT_EXCEEDED, "1")
    async with places.one():
        pass


async def test_who_fails_or_leaves_gives_the_place_back() -> None:
    places = Places(1, 30, "things")
    with pytest.raises(ValueError, match="failed"):
        async with places.one():
            raise ValueError("failed")
    async with places.one():
        waiting = asyncio.create_task(_take(places))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await _take(places)


async def _take(places: Places) -> None:
    async with places.one():
        pass

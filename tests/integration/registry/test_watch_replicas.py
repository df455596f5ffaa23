"""Watches on two registries over one PostgreSQL: every event once, in order, on whichever a watcher resumes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing

import pytest

from support.postgres import opened_postgres, postgres_database
from support.registry_worlds import World, open_world
from trackway_server.registry.domain import feed as feed_module
from trackway_server.registry.domain import tail as tail_module
from trackway_server.registry.domain.events import Event, EventFilter
from trackway_server.registry.domain.feed import FeedLimits
from trackway_server.registry.store.sql import SqlRegistryStore

ALL = EventFilter("default")
WRITERS, MODELS = 4, 8
TOTAL = WRITERS * MODELS


async def take(world: World, count: int, token: str) -> list[Event]:
    """The next events of a watch; a bookmark's place is as good as an event's, so they are passed over."""
    found: list[Event] = []
    async with aclosing(world.registry.watch(ALL, token, not token)) as items:
        async for item in items:
            found += [item] if isinstance(item, Event) else []
            if len(found) == count:
                break
    return found


async def hop(worlds: list[World], piece: int) -> list[Event]:
    """Watch a few events here, then go on there, and back."""
    found: list[Event] = []
    while len(found) < TOTAL:
        token = found[-1].position.token if found else ""
        found += await take(worlds[len(found) % 2], min(piece, TOTAL - len(found)), token)
    return found


@pytest.mark.parametrize("tail_events", [3, 1_024])
async def test_watchers_that_hop_between_replicas_lose_and_double_nothing(
    monkeypatch: pytest.MonkeyPatch, tail_events: int
) -> None:
    monkeypatch.setattr(tail_module, "MAX_EVENTS", tail_events)
    monkeypatch.setattr(feed_module, "BATCH_EVENTS", 5)
    async with AsyncExitStack() as stack:
        url = stack.enter_context(postgres_database())
        databases = [await stack.enter_async_context(opened_postgres("registry", url)) for _ in range(2)]
        limits = FeedLimits(poll_seconds=0.02)
        worlds = [await stack.enter_async_context(open_world(SqlRegistryStore(one), limits)) for one in databases]

        async def write(writer: int) -> None:
            for number in range(MODELS):
                await worlds[(writer + number) % 2].model(f"{writer}-{number}")

        async with asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(hop(worlds, piece)) for piece in (1, 3)]
            watching += [tasks.create_task(take(world, TOTAL, "")) for world in worlds]
            for writer in range(WRITERS):
                tasks.create_task(write(writer))
        listed = list((await worlds[0].registry.list_events(ALL, 1000, "")).items)
        assert [event.position.sequence for event in listed] == list(range(1, TOTAL + 1))
        for watcher in watching:
            assert watcher.result() == listed


async def test_two_replicas_number_versions_without_gaps_or_twins() -> None:
    async with AsyncExitStack() as stack:
        url = stack.enter_context(postgres_database())
        databases = [await stack.enter_async_context(opened_postgres("registry", url)) for _ in range(2)]
        worlds = [await stack.enter_async_context(open_world(SqlRegistryStore(one))) for one in databases]
        model = await worlds[0].model("digits")
        made = await asyncio.gather(
            *(worlds[number % 2].version(model, f"request {number % 8}") for number in range(16))
        )
        assert sorted({version.key.number for version in made}) == list(range(1, 9))

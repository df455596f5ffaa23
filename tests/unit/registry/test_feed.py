"""Watching: every event once, in order, whatever the watcher does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.registry_worlds import STORES, World, open_store, open_world
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.ids import new_id
from trackway_server.registry.domain import feed as feed_module
from trackway_server.registry.domain import tail as tail_module
from trackway_server.registry.domain.events import START, Event, EventFilter, EventKind, Position
from trackway_server.registry.domain.feed import FeedLimits
from trackway_server.registry.domain.model import Change, ModelKey
from trackway_server.registry.domain.ports import RegistryStore
from trackway_server.registry.domain.registry import Registry
from trackway_server.registry.domain.tail import Tail
from trackway_server.registry.store.memory import MemoryRegistryStore

ALL = EventFilter("default")
NEVER_POLLS = FeedLimits(poll_seconds=3_600, bookmark_seconds=3_600)


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RegistryStore]:
    async with open_store(request.param, tmp_path) as store:
        yield store


async def take(
    registry: Registry, count: int, *, chosen: EventFilter = ALL, token: str = "", from_start: bool = False
) -> list[Event]:
    """The first events of a watch."""
    found: list[Event] = []
    async with aclosing(registry.watch(chosen, token, from_start)) as items:
        async for item in items:
            if isinstance(item, Event):
                found.append(item)
            if len(found) >= count:
                break
    return found


async def write(world: World, prefix: str, count: int) -> None:
    for index in range(count):
        await world.model(f"{prefix}{index}", a="1", b="2")


async def everything(world: World) -> list[Event]:
    return list((await world.registry.list_events(ALL, 100_000, "")).items)


async def test_a_watch_begins_with_a_bookmark_and_goes_on_with_what_happens_next(store: RegistryStore) -> None:
    async with open_world(store, NEVER_POLLS) as world:
        await world.model("before")
        async with aclosing(world.registry.watch(ALL, "", False)) as items:
            bookmark = await anext(items)
            assert isinstance(bookmark, Position)
            await world.model("after")
            event = await anext(items)
        assert isinstance(event, Event)
        assert (event.kind, event.model.name) == (EventKind.MODEL_CREATED, "after")
        assert event.position.sequence == bookmark.sequence + 1


async def test_a_watch_from_the_start_sees_everything(store: RegistryStore) -> None:
    async with open_world(store, NEVER_POLLS) as world:
        await write(world, "m", 5)
        assert await take(world.registry, 15, from_start=True) == await everything(world)


async def test_a_watch_sees_only_what_it_asked_for(store: RegistryStore) -> None:
    async with open_world(store, NEVER_POLLS) as world:
        async with aclosing(world.registry.watch(EventFilter("default", "b"), "", False)) as items:
            await anext(items)
            for name in ("a", "b", "c"):
                await world.model(name)
            event = await anext(items)
        assert isinstance(event, Event)
        assert event.model.name == "b"
        only = await take(world.registry, 1, chosen=EventFilter("default", "c"), from_start=True)
        assert [event.model.name for event in only] == ["c"]


@pytest.mark.parametrize("tail_events", [1, 7, 1_024])
async def test_watchers_that_come_and_go_under_writes_lose_and_double_nothing(
    store: RegistryStore, monkeypatch: pytest.MonkeyPatch, tail_events: int
) -> None:
    monkeypatch.setattr(tail_module, "MAX_EVENTS", tail_events)
    monkeypatch.setattr(feed_module, "BATCH_EVENTS", 5)
    total = 4 * 10 * 3

    async def watch_in_pieces(registry: Registry, piece: int) -> list[Event]:
        found = await take(registry, 1, from_start=True)
        while len(found) < total:
            found += await take(registry, min(piece, total - len(found)), token=found[-1].position.token)
        return found

    async with open_world(store, NEVER_POLLS) as world, asyncio.TaskGroup() as tasks:
        watchers = [tasks.create_task(watch_in_pieces(world.registry, piece)) for piece in (1, 2, 5, 50)]
        steady = tasks.create_task(take(world.registry, total, from_start=True))
        for writer in "wxyz":
            tasks.create_task(write(world, writer, 10))
        results = [await watcher for watcher in [*watchers, steady]]
        expected = await everything(world)
        assert world.feed.watchers == 0
    assert [event.position.sequence for event in expected] == list(range(1, total + 1))
    for found in results:
        assert found == expected


async def test_a_slow_watcher_goes_on_from_the_store(store: RegistryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "MAX_EVENTS", 4)
    async with open_world(store, NEVER_POLLS) as world:
        async with aclosing(world.registry.watch(ALL, "", True)) as items:
            await anext(items)
            await write(world, "m", 20)
            found = [await anext(items) for _ in range(60)]
        assert found == await everything(world)


async def test_events_of_another_replica_are_found_by_looking(store: RegistryStore) -> None:
    async with open_world(store, FeedLimits(poll_seconds=0.01)) as here, open_world(store, NEVER_POLLS) as there:
        async with aclosing(here.registry.watch(ALL, "", False)) as items:
            await anext(items)
            await there.model("elsewhere")
            event = await anext(items)
        assert isinstance(event, Event)
        assert event.model.name == "elsewhere"


async def test_bookmarks_go_on_without_events_and_pass_over_foreign_ones(store: RegistryStore) -> None:
    limits = FeedLimits(poll_seconds=3_600, bookmark_seconds=0.01)
    async with open_world(store, limits) as world:
        async with aclosing(world.registry.watch(EventFilter("default", "none"), "", False)) as items:
            first = await anext(items)
            assert first == START
            await write(world, "m", 3)
            async for item in items:
                assert isinstance(item, Position)
                if item.sequence == 9:
                    break
        rest = await world.registry.list_events(ALL, 10, item.token)
        assert rest.items == []


async def test_every_bookmark_can_be_resumed_from(store: RegistryStore) -> None:
    async with open_world(store, FeedLimits(bookmark_seconds=0.001)) as world:
        await write(world, "m", 3)
        found: list[Event] = []
        token = ""
        while len(found) < 9:
            async with aclosing(world.registry.watch(ALL, token, True)) as items:
                bookmark = await anext(items)
                assert isinstance(bookmark, Position)
                assert bookmark.token == token or not token
                event = await anext(items)
                while isinstance(event, Position):
                    event = await anext(items)
                found.append(event)
                token = event.position.token
        assert found == await everything(world)


async def test_there_are_only_so_many_watchers() -> None:
    limits = FeedLimits(max_watchers=2)
    async with open_world(MemoryRegistryStore(), limits) as world:
        async with (
            aclosing(world.registry.watch(ALL, "", False)) as one,
            aclosing(world.registry.watch(ALL, "", False)) as two,
        ):
            await anext(one)
            await anext(two)
            with pytest.raises(DomainError) as refused:
                await anext(world.registry.watch(ALL, "", False))
            assert refused.value.reason is Reason.LIMIT_EXCEEDED
            assert refused.value.metadata == {"limit": "watchers", "maximum": "2"}
        assert world.feed.watchers == 0
        assert await take(world.registry, 0, from_start=True) == []


@pytest.mark.parametrize(
    "token",
    ["x", "A" * 32, Position(1, new_id()).token, Position(99, new_id()).token, Position(0, new_id()).token],
    ids=["garbage", "start", "other event", "future", "other start"],
)
async def test_tokens_of_another_history_are_refused(store: RegistryStore, token: str) -> None:
    async with open_world(store) as world:
        await world.model()
        if token == START.token:
            assert len(await take(world.registry, 1, token=token)) == 1
            return
        with pytest.raises(DomainError) as refused:
            await take(world.registry, 1, token=token)
        assert refused.value.reason is Reason.RESUME_TOKEN_INVALID
        assert world.feed.watchers == 0


async def test_closing_ends_every_watch() -> None:
    async with open_world(MemoryRegistryStore(), NEVER_POLLS) as world:
        async with aclosing(world.registry.watch(ALL, "", False)) as items:
            await anext(items)
            waiting = asyncio.ensure_future(anext(items))
            await asyncio.sleep(0)
            world.feed.close()
            with pytest.raises(DomainError) as refused:
                await waiting
        assert refused.value.reason is Reason.SHUTTING_DOWN
        with pytest.raises(DomainError):
            await take(world.registry, 1)
        assert world.feed.watchers == 0


class FailsAtTimes(MemoryRegistryStore):
    """A store whose reads fail while it is told to."""

    failing = False

    async def read(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """See RegistryStore."""
        if self.failing:
            raise DomainError(Reason.SERVICE_UNAVAILABLE, "The store cannot be reached; try again.", service="store")
        return await super().read(work, *args, **kwargs)


async def test_a_store_that_fails_for_a_while_costs_no_event() -> None:
    store = FailsAtTimes()
    async with open_world(store, FeedLimits(poll_seconds=0.005)) as world:
        async with aclosing(world.registry.watch(ALL, "", False)) as items:
            await anext(items)
            store.failing = True
            await write(world, "m", 2)
            await asyncio.sleep(0.02)
            store.failing = False
            found = [await anext(items) for _ in range(6)]
        assert found == await everything(world)


def event(sequence: int, size: int) -> Event:
    change = Change("ada", "x" * size, 1)
    position = Position(sequence, new_id())
    return Event(position, EventKind.MODEL_UPDATED, ModelKey("default", "m"), 0, {}, change)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3_000), min_size=1, max_size=8), max_size=12), st.integers(0, 5))
def test_the_tail_holds_an_unbroken_end_within_its_bounds(batches: list[list[int]], begin: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail_module, "MAX_EVENTS", 10)
        patch.setattr(tail_module, "MAX_WEIGHT", 8_000)
        check_tail(batches, begin)


def check_tail(batches: list[list[int]], begin: int) -> None:
    async def run() -> None:
        tail = Tail()
        tail.begin(Position(begin, new_id()))
        log: list[Event] = []
        for batch in batches:
            new = [event(begin + len(log) + offset + 1, size) for offset, size in enumerate(batch)]
            log += new
            tail.extend(new)
            for start in range(begin, begin + len(log) + 1):
                held = tail.after(start)
                assert held is None or list(held) == log[start - begin :]
            held_all = [start for start in range(begin, begin + len(log) + 1) if tail.after(start) is not None]
            longest = list(tail.after(held_all[0]) or ())
            assert len(longest) <= 10
            assert sum(each.weight for each in longest) <= 8_000

    asyncio.run(run())

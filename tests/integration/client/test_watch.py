"""A watch delivers every event once and in order, whatever breaks between client and server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.scripted_server import scripted
from trackway import errors
from trackway._rpc.retry import Backoff
from trackway._rpc.watch import Watch
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "wait", lambda self: asyncio.sleep(0))


class Journal:
    """A registry's events, numbered from 1; a token is the number of the last event before it. Streams break after as
    many messages as `breaks` says, each once."""

    def __init__(self, count: int, breaks: list[tuple[int, str]], *, bookmarks: bool = True) -> None:
        self.count = count
        self.breaks = list(breaks)
        self.bookmarks = bookmarks
        self.grown = asyncio.Condition()

    async def watch(self, request: pb.WatchRequest, call: Call) -> AsyncIterator[pb.WatchResponse]:
        left, how = self.breaks.pop(0) if self.breaks else (10**9, "never")
        position = int(request.resume_token) if request.resume_token else (0 if request.from_start else self.count)
        yield pb.WatchResponse(resume_token=str(position))
        while True:
            if left <= 0:
                if how == "end":
                    return
                raise DomainError(Reason.SHUTTING_DOWN, "The server stops.")
            left -= 1
            async with self.grown:
                while self.count <= position:
                    await self.grown.wait()
            position += 1
            yield self.message(position)

    def message(self, number: int) -> pb.WatchResponse:
        event = {"event_id": str(number), "resume_token": str(number), "kind": "EVENT_KIND_MODEL_CREATED"}
        return pb.WatchResponse(event=event, resume_token=str(number))

    async def grow(self, count: int) -> None:
        async with self.grown:
            self.count += count
            self.grown.notify_all()


async def take(events: Any, count: int) -> list[int]:
    async with asyncio.timeout(20):
        return [int((await anext(events)).event_id) for _ in range(count)]


async def test_from_the_start() -> None:
    journal = Journal(3, [])
    async with scripted(Watch=journal.watch) as (_, client):
        assert await take(client.registry.watch(from_start=True), 3) == [1, 2, 3]


async def test_after_a_token() -> None:
    journal = Journal(3, [])
    async with scripted(Watch=journal.watch) as (_, client):
        assert await take(client.registry.watch(resume_token="1"), 2) == [2, 3]


async def test_from_now_on() -> None:
    journal = Journal(3, [])
    async with scripted(Watch=journal.watch) as (server, client):
        events = client.registry.watch()
        first = asyncio.ensure_future(take(events, 1))
        while not server.calls("Watch"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await journal.grow(1)
        assert await first == [4]


async def test_a_break_before_the_first_event_keeps_the_place() -> None:
    journal = Journal(3, [(0, "refuse"), (0, "end")])
    async with scripted(Watch=journal.watch) as (server, client):
        waiting = asyncio.ensure_future(take(client.registry.watch(), 2))
        while len(server.calls("Watch")) < 3:
            await asyncio.sleep(0.01)
        await journal.grow(2)
        assert await waiting == [4, 5]
    assert [request.resume_token for request in server.calls("Watch")] == ["", "3", "3"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["refuse", "end"])), max_size=8), st.integers(1, 20))
async def test_no_break_loses_or_doubles_an_event(breaks: list[tuple[int, str]], count: int) -> None:
    journal = Journal(count, breaks)
    async with scripted(Watch=journal.watch) as (_, client):
        assert await take(client.registry.watch(from_start=True), count) == list(range(1, count + 1))


async def test_a_server_that_is_restarted_is_found_again() -> None:
    journal = Journal(2, [])
    async with scripted(Watch=journal.watch) as (server, client):
        events = client.registry.watch(from_start=True)
        assert await take(events, 2) == [1, 2]
        await server.restart()
        await journal.grow(2)
        assert await take(events, 2) == [3, 4]


async def test_a_silent_connection_is_opened_again() -> None:
    streams = 0

    async def silent_first(request: pb.WatchRequest, call: Call) -> AsyncIterator[pb.WatchResponse]:
        nonlocal streams
        streams += 1
        yield pb.WatchResponse(resume_token="7")
        if streams == 1:
            await asyncio.Event().wait()
        yield Journal(0, []).message(8)

    async with scripted(Watch=silent_first) as (server, client):
        watch = Watch(client._connection, "", resume_token="", from_start=False, idle=0.3)
        assert await take(watch, 1) == [8]
        assert watch.resume_token == "8"
    assert [request.resume_token for request in server.calls("Watch")] == ["", "7"]


async def test_what_cannot_be_mended_is_raised() -> None:
    async def refuse(request: Any, call: Call) -> AsyncIterator[Any]:
        raise DomainError(Reason.RESUME_TOKEN_INVALID, "The token is not one of this watch.")
        yield

    async with scripted(Watch=refuse) as (server, client):
        with pytest.raises(errors.InvalidArgument, match="token"):
            await anext(client.registry.watch(resume_token="nonsense"))
    assert len(server.seen) == 1


async def test_a_server_that_was_never_reached_is_raised() -> None:
    async with scripted() as (server, client):
        await server.stop()
        with pytest.raises(errors.Unavailable, match="no server answers"):
            await anext(client.registry.watch())


async def test_an_abandoned_watch_ends_its_stream() -> None:
    ended = asyncio.Event()

    async def watched(request: Any, call: Call) -> AsyncIterator[Any]:
        try:
            yield Journal(0, []).message(1)
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with scripted(Watch=watched) as (_, client):
        watch = client.registry.watch()
        await anext(watch)
        assert isinstance(watch, Watch)
        await watch.aclose()
        await asyncio.wait_for(ended.wait(), 5)

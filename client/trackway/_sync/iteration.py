"""Asynchronous lists and streams, as ordinary iterators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from trackway import types
from trackway._rpc.console import Console
from trackway._rpc.follow import Follow
from trackway._rpc.paging import Pages
from trackway._rpc.watch import Watch
from trackway._sync.portal import InterruptedByForkError, Portal

T = TypeVar("T")


def items(portal: Portal, listing: AsyncIterator[T]) -> Iterator[T]:
    """The items of a list that fetches its pages as they are read: one visit of the portal a page, not an item."""
    assert isinstance(listing, Pages)
    while (page := portal.call(listing.next_page)) is not None:
        yield from page


def events(portal: Portal, watch: AsyncIterator[types.Event]) -> Iterator[types.Event]:
    """The events of a watch, also after a fork."""
    assert isinstance(watch, Watch)
    try:
        while True:
            try:
                event = portal.wait_for(watch.__anext__)
            except InterruptedByForkError:
                continue
            yield event
    finally:
        portal.dispose(watch.aclose)


def blocks(portal: Portal, console: AsyncIterator[types.ConsoleBlock]) -> Iterator[types.ConsoleBlock]:
    """The blocks of a console, also after a fork."""
    assert isinstance(console, Console)
    try:
        while True:
            try:
                block = portal.wait_for(console.__anext__)
            except InterruptedByForkError:
                continue
            except StopAsyncIteration:
                return
            yield block
    finally:
        portal.dispose(console.aclose)


def updates(portal: Portal, follow: AsyncIterator[types.MetricUpdate]) -> Iterator[types.MetricUpdate]:
    """The updates of a follow, also after a fork, to its end."""
    assert isinstance(follow, Follow)
    try:
        while True:
            try:
                update = portal.wait_for(_next_update, follow)
            except InterruptedByForkError:
                continue
            if update is None:
                return
            yield update
    finally:
        portal.dispose(follow.aclose)


async def _next_update(follow: Follow) -> types.MetricUpdate | None:
    return await anext(follow, None)

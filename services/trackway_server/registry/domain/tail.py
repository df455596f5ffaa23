"""The end of the event log in memory, from which watchers that keep up are served without a query each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice

from trackway_server.registry.domain.events import START, Event, Position

MAX_EVENTS = 1_024
MAX_WEIGHT = 8 << 20
"""Bytes; together with MAX_EVENTS what the tail may hold. Who needs older events reads the store."""


class Tail:
    """The last events without a gap, bounded in number and bytes."""

    def __init__(self) -> None:
        self.head: Position = START
        """After the last event known here."""
        self._events: deque[Event] = deque()
        self._weight = 0
        self._grown = asyncio.Event()

    def begin(self, head: Position) -> None:
        """Know nothing before `head`."""
        self._events.clear()
        self._weight = 0
        self.head = head
        self.wake()

    def extend(self, events: Sequence[Event]) -> None:
        """Add the events that follow the head, in order."""
        for event in events:
            self._events.append(event)
            self._weight += event.weight
        self.head = events[-1].position
        while len(self._events) > MAX_EVENTS or self._weight > MAX_WEIGHT:
            self._weight -= self._events.popleft().weight
        self.wake()

    def after(self, sequence: int) -> Sequence[Event] | None:
        """The events after the sequence, or None where the tail no longer holds all of them."""
        missing = self.head.sequence - sequence
        if missing > len(self._events):
            return None
        return list(islice(self._events, len(self._events) - missing, None)) if missing > 0 else ()

    def wake(self) -> None:
        """Let everyone who waits in `grown` look again."""
        self._grown.set()
        self._grown = asyncio.Event()

    async def grown(self, sequence: int, seconds: float) -> None:
        """Wait until there are events after the sequence, somebody calls `wake`, or the seconds are over."""
        if self.head.sequence > sequence:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._grown.wait()
        except TimeoutError:
            return

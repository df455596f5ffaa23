"""Lists that fetch their pages as they are read."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
Fetch = Callable[[str], Awaitable[tuple[Sequence[T], str]]]
"""Answers the page of a token (empty: the first), and the token of the next (empty: there is none)."""


class Pages(AsyncIterator[T], Generic[T]):
    """All items of a list, one page in memory at a time."""

    def __init__(self, fetch: Fetch[T]) -> None:
        self._fetch = fetch
        self._token: str | None = ""
        self._items: deque[T] = deque()

    async def next_page(self) -> Sequence[T] | None:
        """The next page, maybe empty, or None after the last."""
        if self._token is None:
            return None
        items, following = await self._fetch(self._token)
        self._token = following or None
        return items

    async def page(self, token: str) -> tuple[Sequence[T], str]:
        """The page of a token (empty: the first), and the token of the next; apart from what is iterated."""
        return await self._fetch(token)

    async def __anext__(self) -> T:
        while not self._items:
            page = await self.next_page()
            if page is None:
                raise StopAsyncIteration
            self._items.extend(page)
        return self._items.popleft()

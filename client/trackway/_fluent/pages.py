"""Lists that come page by page, as `MlflowClient` answers them: with the token of what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Generic, TypeVar

from trackway._rpc.paging import Pages

T = TypeVar("T")

PAGE = 1000
"""The greatest page of a list that the server answers."""


class PagedList(list[T], Generic[T]):
    """A list, and the `token` of what follows it: None where nothing does."""

    def __init__(self, items: Iterable[T], token: str | None) -> None:
        super().__init__(items)
        self.token = token


def page_of(
    listing: Callable[..., AsyncIterator[T]], most: int, page_token: str | None, *args: Any, **query: Any
) -> PagedList[T]:
    """At most `most` of a list of the asynchronous client, from `page_token` on."""
    from trackway._sync.portal import PORTAL

    found: list[T] = []
    token = page_token
    while len(found) < most:
        pages = listing(*args, page_size=min(most - len(found), PAGE), **query)
        assert isinstance(pages, Pages)
        page, following = PORTAL.call(pages.page, token or "")
        found += page
        token = following or None
        if token is None:
            break
    return PagedList(found, token)

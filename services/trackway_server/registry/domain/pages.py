"""Pages of lists: their sizes, and the tokens that ask for the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.search.ordering import Place
from trackway_server.registry.domain import weight
from trackway_server.registry.domain.model import ModelKey, ModelVersion, RegisteredModel, VersionKey

T = TypeVar("T")

DEFAULT_PAGE_SIZE = 100
PAGE_BYTES = 2 << 20
"""A page ends early before it grows beyond this, so that its message stays below gRPC's default of 4 MiB."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page, and the token of the next; empty on the last."""

    items: Sequence[T]
    next_token: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page of a search: its size, the place after which it begins (None: the first), and how the token of a place
    is made."""

    size: int
    after: Place | None = None
    token: Callable[[Place], str] = repr


def page_of(found: Sequence[T], size: int, weigh: Callable[[T], int], token: Callable[[T], str]) -> Page[T]:
    """The page of what was `found` by asking for one more than `size`, so that the last page is known."""
    kept = _fitting(found[:size], weigh)
    return Page(kept, token(kept[-1]) if len(kept) < len(found) else "")


def role_token(model: ModelKey, principal: str) -> str:
    """Asks for the roles on a model after this principal's."""
    return f"roles/{model.name}/{principal}"


def parse_role_token(token: str, model: ModelKey) -> str:
    """The principal after whom to go on; "" to begin. Raises DomainError(PAGE_TOKEN_INVALID)."""
    begin = f"roles/{model.name}/"
    if token and not token.startswith(begin):
        raise page_token_invalid("ListModelRoles of this model")
    return token.removeprefix(begin)


def writer_token(key: VersionKey, writer_id: str) -> str:
    """Asks for the writers of a version after this one."""
    return f"writers/{key.model.name}/{key.number}/{writer_id}"


def parse_writer_token(token: str, key: VersionKey) -> str:
    """The writer after which to go on; "" to begin. Raises DomainError(PAGE_TOKEN_INVALID)."""
    if not token:
        return ""
    match token.split("/"):
        case ["writers", key.model.name, number, writer_id] if number == str(key.number) and "\x00" not in writer_id:
            return writer_id
    raise page_token_invalid("ListVersionWriters of this version")


def series_token(key: VersionKey, number: int) -> str:
    """Asks for the series of a version after the one that the store numbers so."""
    return f"series/{key.model.name}/{key.number}/{number}"


def parse_series_token(token: str, key: VersionKey) -> int:
    """The number of the series after which to go on; 0 to begin. Raises DomainError(PAGE_TOKEN_INVALID)."""
    if not token:
        return 0
    match token.split("/"):
        case ["series", key.model.name, number, after] if (
            number == str(key.number) and after.isascii() and after.isdecimal() and len(after) < 19
        ):
            return int(after)
    raise page_token_invalid("ListVersionSeries of this version")


def page_token_invalid(call: str) -> DomainError:
    """The refusal of a page token."""
    return DomainError(
        Reason.PAGE_TOKEN_INVALID, f"The page token is none that {call} has answered; begin without one."
    )


def weigh_version(version: ModelVersion) -> int:
    """About how many bytes the version takes in a message."""
    said = weight.texts((version.description, version.source, version.run_link, *version.aliases))
    return 512 + said + weight.mapping(version.tags)


def weigh_model(model: RegisteredModel) -> int:
    """About how many bytes the model takes in a message."""
    said = weight.texts((model.description, *model.aliases))
    return 512 + said + weight.mapping(model.tags) + sum(map(weigh_version, model.latest_versions))


def _fitting(items: Sequence[T], weigh: Callable[[T], int]) -> Sequence[T]:
    total = 0
    for index, item in enumerate(items):
        total += weigh(item)
        if index and total > PAGE_BYTES:
            return items[:index]
    return items

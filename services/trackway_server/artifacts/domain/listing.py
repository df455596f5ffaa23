"""Pages of listings, by keyset: a page token says where the next page starts, and for which listing."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from trackway_server.artifacts.domain.artifacts import Entry, Owner
from trackway_server.artifacts.domain.manifests import MAX_MESSAGE_BYTES, message_bytes
from trackway_server.artifacts.domain.paths import ArtifactPath, Folder, after_file, after_folder, prefix_of
from trackway_server.artifacts.domain.ports import ArtifactIndex
from trackway_server.core.errors import DomainError, Reason

DEFAULT_PAGE_SIZE = 1_000
FINGERPRINT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed: a folder's own entries, or with `recursive` all files below it."""

    owner: Owner
    folder: Folder
    recursive: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing; `next_page_token` is empty on the last."""

    entries: Sequence[Entry]
    next_page_token: str


async def list_page(index: ArtifactIndex, listing: Listing, page_size: int, page_token: str) -> Page:
    """The page after `page_token`, of at most `page_size` entries (0: 1,000) and about 3 MiB.

    Raises DomainError(PAGE_TOKEN_INVALID) for a token of another listing.
    """
    start = _start(listing, page_token)
    limit = page_size or DEFAULT_PAGE_SIZE
    find = index.files_below if listing.recursive else index.children
    found = await find(listing.owner, listing.folder, start=start, limit=limit + 1)
    kept = _fitting(found[:limit])
    more = len(found) > len(kept)
    return Page(kept, _token(listing, kept[-1].next_start) if more else "")


def _fitting(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The first of the entries, as many as one message carries."""
    total = 0
    for count, entry in enumerate(entries):
        total += message_bytes(entry.path)
        if total > MAX_MESSAGE_BYTES:
            return entries[:count]
    return entries


def _fingerprint(listing: Listing) -> bytes:
    folder = str(listing.folder or "")
    named = "\n".join((listing.owner.workspace, listing.owner.name, folder, str(listing.recursive)))
    return hashlib.sha256(named.encode()).digest()[:FINGERPRINT_BYTES]


def _token(listing: Listing, start: str) -> str:
    return base64.urlsafe_b64encode(_fingerprint(listing) + start.encode()).decode()


def _start(listing: Listing, page_token: str) -> str:
    if not page_token:
        return prefix_of(listing.folder)
    try:
        decoded = base64.b64decode(page_token, altchars=b"-_", validate=True)
        start = decoded[FINGERPRINT_BYTES:].decode()
        _check(listing, decoded[:FINGERPRINT_BYTES], start)
    except (binascii.Error, ValueError, DomainError) as error:
        raise _token_invalid() from error
    return start


def _check(listing: Listing, fingerprint: bytes, start: str) -> None:
    """A start is a path and the character after a file or a folder (see `paths`); anything else is not our token."""
    path = ArtifactPath(start[:-1])
    ours = start in (after_file(path.text), after_folder(path.text))
    if fingerprint != _fingerprint(listing) or not ours or not start.startswith(prefix_of(listing.folder)):
        raise _token_invalid()


def _token_invalid() -> DomainError:
    return DomainError(
        Reason.PAGE_TOKEN_INVALID, "The page token is not one of this listing; start again without a token."
    )

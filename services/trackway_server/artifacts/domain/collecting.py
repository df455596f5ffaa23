"""Removing for good what nothing needs any more: the files of runs and logged
models that are gone, then bytes that no file refers to.

A file that is deleted, replaced or collected lets go of its blob, which is *noted*. A blob that has been noted for the
grace and that neither a file nor a manifest refers to is removed. Whoever uploads the same bytes meanwhile says so
before they are stored (`want`), which begins the grace anew, so nothing is removed between the arrival of bytes and
the record of their file. Everything goes in small transactions and may be broken off anywhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trackway_server.artifacts.domain.artifacts import Owner
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.ports import BlobStore
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason

GRACE_SECONDS = 900.0
"""How long an upload may take from its last byte to the record of its file, and more."""
REMOVAL_SECONDS = 600.0
"""After which a removal that has begun and not ended is taken for broken off."""
_OWNERS_AT_ONCE = 250
_FILES_AT_ONCE = 500
_BLOBS_AT_ONCE = 500

GoneOwners = Callable[[Sequence[Owner]], Awaitable[Collection[str]]]
"""The ids of those of some runs and logged models that are gone for good."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How many files of some owners have one content, and how many files and manifests have it in all."""

    digest: Digest
    size_bytes: int
    files: int
    references: int


@dataclass(frozen=True, slots=True)
class UnusedBlob:
    """A blob that was let go of."""

    digest: Digest
    size_bytes: int


class Garbage(Protocol):
    """What of the index can be collected. Each method is one transaction."""

    async def owners(self, after: Owner | None, limit: int) -> Sequence[Owner]:
        """Up to `limit` owners that have files, by workspace and name, after that one."""
        ...

    async def usage(self, owners: Sequence[Owner]) -> Sequence[Usage]:
        """What the files of these owners hold, once for each content."""
        ...

    async def remove_files(self, owner: Owner, limit: int) -> int:
        """Remove up to `limit` files of an owner, noting their blobs; how many there were."""
        ...

    async def see_unused(self, now_us: int, before_us: int) -> None:
        """Begin the grace of the blobs that were let go of since the last time; forget those that have been noted since
        before then and are referred to."""
        ...

    async def unused(self, before_us: int, after: str, limit: int) -> Sequence[UnusedBlob]:
        """Up to `limit` blobs by digest, after that one, that have been noted since before then and that nothing refers
        to, or whose removal was broken off."""
        ...

    async def begin_removal(self, digest: Digest, before_us: int, now_us: int) -> bool:
        """Note that a blob is being removed; False where it is wanted again, or referred to."""
        ...

    async def end_removal(self, digest: Digest) -> None:
        """Forget a blob that was removed."""
        ...


@dataclass(slots=True)
class Collected:
    """What a collection has removed, or with a dry run would."""

    files: int = 0
    file_bytes: int = 0
    """As their owners see them; equal files are stored once."""
    blobs: int = 0
    blob_bytes: int = 0
    """What is freed."""


@dataclass(slots=True)
class Collector:
    """Collects once. `grace_seconds` may be 0 where nobody uploads."""

    garbage: Garbage
    blobs: BlobStore
    clock: Clock
    gone: GoneOwners
    grace_seconds: float = GRACE_SECONDS
    collected: Collected = field(default_factory=Collected)
    _partly: dict[Digest, int] = field(default_factory=dict)

    async def collect(self, *, dry_run: bool = False) -> AsyncIterator[Owner]:
        """Remove the files of owners that are gone, answering whose, then the blobs that are due."""
        after: Owner | None = None
        while page := await self.garbage.owners(after, _OWNERS_AT_ONCE):
            after = page[-1]
            gone = await self.gone(page)
            doomed = [owner for owner in page if owner.id in gone]
            if doomed:
                await self._count(doomed, dry_run=dry_run)
            for owner in doomed:
                if not dry_run:
                    while await self.garbage.remove_files(owner, _FILES_AT_ONCE) == _FILES_AT_ONCE:
                        pass
                yield owner
        await self._remove_blobs(dry_run=dry_run)

    async def _count(self, owners: Sequence[Owner], *, dry_run: bool) -> None:
        for used in await self.garbage.usage(owners):
            self.collected.files += used.files
            self.collected.file_bytes += used.files * used.size_bytes
            if not dry_run:
                continue
            # Held by runs of several pages alone: freed with the last of them.
            held = self._partly.pop(used.digest, 0) + used.files
            if held == used.references:
                self._free(used.size_bytes)
            else:
                self._partly[used.digest] = held

    async def _remove_blobs(self, *, dry_run: bool) -> None:
        now_us, after = self.clock.now_us(), ""
        before_us = now_us - int(self.grace_seconds * 1_000_000)
        if not dry_run:
            await self.garbage.see_unused(now_us, before_us)
        while page := await self.garbage.unused(before_us, after, _BLOBS_AT_ONCE):
            after = page[-1].digest.text
            for blob in page:
                if dry_run or await self._remove(blob, before_us):
                    self._free(blob.size_bytes)

    async def _remove(self, blob: UnusedBlob, before_us: int) -> bool:
        if not await self.garbage.begin_removal(blob.digest, before_us, self.clock.now_us()):
            return False
        await self.blobs.delete(blob.digest)
        await self.garbage.end_removal(blob.digest)
        return True

    def _free(self, size_bytes: int) -> None:
        self.collected.blobs += 1
        self.collected.blob_bytes += size_bytes


def being_removed() -> DomainError:
    """The refusal of bytes that are just being removed."""
    return DomainError(
        Reason.SERVICE_UNAVAILABLE,
        "The server is just removing an old copy of these bytes; send the file again in a moment.",
        service="artifacts",
    )

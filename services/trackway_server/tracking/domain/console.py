"""Console output of runs: blocks of lines as writers send them, kept in pages.

A page holds consecutive blocks of one writer, of all its streams, up to about 32 KiB of text: a process that prints a
line a minute makes a page now and then, not a row a line. The last page of a writer grows until it is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.records import Refusal

PAGE_BYTES = 32 * 1024
"""A page that holds as many bytes of text takes no further block; a single block may have more."""
PAGE_BLOCKS = 1_000
MAX_WRITER_BYTES = 256 * 1024 * 1024
"""Text of one writer that is taken; what it sends beyond is refused."""
_BLOCK_BYTES = 64
"""What a block counts beside its text."""


@dataclass(frozen=True, slots=True)
class ConsoleBlock:
    """Lines of one stream of a writer; each field as in metrics/v1/ingest.proto."""

    stream: int
    text: str
    line_count: int
    unfinished: str
    time_us: int
    first_line: int
    dropped_lines: int
    dropped_bytes: int
    sequence: int = 0
    """The ordinal of its record."""

    @property
    def size(self) -> int:
        """How much it counts towards a page and a writer's limit, in bytes, about."""
        return len(self.text.encode()) + len(self.unfinished.encode()) + _BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """Consecutive blocks of a writer. `total_bytes` are those of all its blocks, taken up to the end of this page."""

    writer_id: str
    blocks: tuple[ConsoleBlock, ...]
    total_bytes: int

    @property
    def first_sequence(self) -> int:
        """The ordinal of the first block that the page was begun with or still holds: by it the page is known."""
        return self.blocks[0].sequence

    @property
    def last_sequence(self) -> int:
        """The ordinal of the last block."""
        return self.blocks[-1].sequence


class ConsoleUnit(Protocol):
    """The console output of all runs, within one transaction."""

    def last_page(self, writer_id: str) -> ConsolePage | None:
        """The page of the writer that was begun last."""
        ...

    def add_page(self, run_id: str, page: ConsolePage) -> None:
        """Store a new page, beyond all others of its writer."""
        ...

    def replace_last_page(self, page: ConsolePage) -> None:
        """Store another content of the writer's last page."""
        ...

    def pages_after(self, writer_id: str, sequence: int, limit: int) -> list[ConsolePage]:
        """Up to `limit` pages that hold blocks beyond the ordinal (-1: all), in order."""
        ...

    def pages_before(self, writer_id: str, sequence: int, limit: int) -> list[ConsolePage]:
        """Up to `limit` pages whose last block is before the ordinal, the latest first."""
        ...

    def delete_pages(self, run_id: str, limit: int) -> int:
        """Delete up to `limit` pages of a run; how many were deleted."""
        ...


def store_console(
    unit: ConsoleUnit, run_id: str, writer_id: str, blocks: Sequence[ConsoleBlock], most: int = MAX_WRITER_BYTES
) -> list[Refusal]:
    """Append blocks to the writer's pages; those beyond `most` bytes of one writer are refused LIMIT_EXCEEDED.

    A block that breaks its own rules (a line count that is not that of its text) is refused INVALID_FIELD.
    """
    last = unit.last_page(writer_id)
    page, total = last, last.total_bytes if last else 0
    refused: list[Refusal] = []
    for block in blocks:
        try:
            _check(block, total, most)
        except DomainError as refusal:
            refused.append(Refusal.of(block.sequence, refusal))
            continue
        total += block.size
        if page is not None and _has_room(page, block):
            page = ConsolePage(writer_id, (*_superseded(page.blocks, block), block), total)
            continue
        _put(unit, run_id, page, last)
        page, last = ConsolePage(writer_id, (block,), total), None
    _put(unit, run_id, page, last)
    return refused


def _put(unit: ConsoleUnit, run_id: str, page: ConsolePage | None, stored: ConsolePage | None) -> None:
    """Store the page: in place of `stored`, from which it grew, or as a new one."""
    if page is None or page == stored:
        return
    if stored is None:
        unit.add_page(run_id, page)
    else:
        unit.replace_last_page(page)


def _has_room(page: ConsolePage, block: ConsoleBlock) -> bool:
    held = sum(one.size for one in page.blocks)
    return len(page.blocks) < PAGE_BLOCKS and held + block.size <= PAGE_BYTES


def _superseded(blocks: tuple[ConsoleBlock, ...], following: ConsoleBlock) -> tuple[ConsoleBlock, ...]:
    """The blocks of a page without what the next block of the stream replaces: an unfinished line. A block that held
    nothing else is dropped, unless it is the page's first, by which the page is known."""
    for index in range(len(blocks) - 1, -1, -1):
        block = blocks[index]
        if block.stream == following.stream:
            if not block.unfinished:
                return blocks
            kept = (replace(block, unfinished=""),) if block.line_count or index == 0 else ()
            return (*blocks[:index], *kept, *blocks[index + 1 :])
    return blocks


def _check(block: ConsoleBlock, total: int, most: int) -> None:
    lines = block.text.count("\n") + 1
    if block.line_count != (0 if not block.text and block.line_count == 0 else lines):
        raise DomainError(
            Reason.INVALID_FIELD,
            f"line_count must be that of the text, {lines}, or 0 without text.",
            field="console.line_count",
        )
    if total + block.size > most:
        raise DomainError(
            Reason.LIMIT_EXCEEDED,
            f"A writer may store {most:,} bytes of console output; log what is longer as a file.",
            limit="console_bytes",
            maximum=str(most),
        )


def last_lines(unit: ConsoleUnit, writer_id: str, count: int) -> tuple[int, int]:
    """Where the last `count` lines of a writer begin: the ordinal after which they lie (-1: the beginning), and how
    many lines of the block that follows are too many."""
    before, found = 2**63 - 1, 0
    while pages := unit.pages_before(writer_id, before, 8):
        for page in pages:
            for block in reversed(page.blocks):
                found += block.line_count
                if found >= count:
                    return block.sequence - 1, found - count
            before = page.first_sequence
    return -1, 0


def without_first_lines(block: ConsoleBlock, count: int) -> ConsoleBlock:
    """The block without its first `count` lines, of which it has at least as many."""
    if not count:
        return block
    lines = block.text.split("\n")[count:]
    return replace(block, text="\n".join(lines), line_count=len(lines), first_line=block.first_line + count)

"""ConsoleUnit over plain dictionaries: the reference adapter."""

from __future__ import annotations

from dataclasses import dataclass, field

from trackway_server.tracking.domain.console import ConsolePage


@dataclass(slots=True)
class MemoryConsoleUnit:
    """Console pages in memory, by writer, in order. It is its own state."""

    _pages: dict[str, list[ConsolePage]] = field(default_factory=dict)
    _runs: dict[str, str] = field(default_factory=dict)

    def last_page(self, writer_id: str) -> ConsolePage | None:
        """See ConsoleUnit."""
        pages = self._pages.get(writer_id)
        return pages[-1] if pages else None

    def add_page(self, run_id: str, page: ConsolePage) -> None:
        """See ConsoleUnit."""
        self._runs[page.writer_id] = run_id
        self._pages.setdefault(page.writer_id, []).append(page)

    def replace_last_page(self, page: ConsolePage) -> None:
        """See ConsoleUnit."""
        self._pages[page.writer_id][-1] = page

    def pages_after(self, writer_id: str, sequence: int, limit: int) -> list[ConsolePage]:
        """See ConsoleUnit."""
        return [page for page in self._pages.get(writer_id, ()) if page.last_sequence > sequence][:limit]

    def pages_before(self, writer_id: str, sequence: int, limit: int) -> list[ConsolePage]:
        """See ConsoleUnit."""
        return [page for page in reversed(self._pages.get(writer_id, ())) if page.last_sequence < sequence][:limit]

    def delete_pages(self, run_id: str, limit: int) -> int:
        """See ConsoleUnit."""
        deleted = 0
        for writer_id in [writer for writer, run in self._runs.items() if run == run_id]:
            pages = self._pages[writer_id]
            taken = min(limit - deleted, len(pages))
            self._pages[writer_id] = pages[taken:]
            deleted += taken
        return deleted

"""ConsoleUnit over a SQLAlchemy connection. What each method promises: domain/console.py."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Row, select

from trackway_server.tracking.domain.console import ConsolePage
from trackway_server.tracking.store.console_codec import decode_blocks, encode_blocks
from trackway_server.tracking.store.tables import CONSOLE_PAGES as PAGES


class SqlConsoleUnit:
    """Console pages within the transaction of `connection`. A writer's cursor, which a commit locks, orders those who
    write its pages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last_page(self, writer_id: str) -> ConsolePage | None:
        """See ConsoleUnit."""
        query = select(PAGES).where(PAGES.c.writer_id == writer_id).order_by(PAGES.c.first_sequence.desc()).limit(1)
        return next(iter(_pages(self._connection.execute(query))), None)

    def add_page(self, run_id: str, page: ConsolePage) -> None:
        """See ConsoleUnit."""
        key = {"run_id": run_id, "writer_id": page.writer_id, "first_sequence": page.first_sequence}
        self._connection.execute(PAGES.insert().values({**key, **_content(page)}))

    def replace_last_page(self, page: ConsolePage) -> None:
        """See ConsoleUnit."""
        same = (PAGES.c.writer_id == page.writer_id, PAGES.c.first_sequence == page.first_sequence)
        self._connection.execute(PAGES.update().where(*same).values(_content(page)))

    def pages_after(self, writer_id: str, sequence: int, limit: int) -> list[ConsolePage]:
        """See ConsoleUnit."""
        beyond = (PAGES.c.writer_id == writer_id, PAGES.c.last_sequence > sequence)
        query = select(PAGES).where(*beyond).order_by(PAGES.c.last_sequence).limit(limit)
        return _pages(self._connection.execute(query))

    def pages_before(self, writer_id: str, sequence: int, limit: int) -> list[ConsolePage]:
        """See ConsoleUnit."""
        earlier = (PAGES.c.writer_id == writer_id, PAGES.c.last_sequence < sequence)
        query = select(PAGES).where(*earlier).order_by(PAGES.c.last_sequence.desc()).limit(limit)
        return _pages(self._connection.execute(query))

    def delete_pages(self, run_id: str, limit: int) -> int:
        """See ConsoleUnit."""
        chosen = select(PAGES.c.number).where(PAGES.c.run_id == run_id).limit(limit)
        numbers = list(self._connection.execute(chosen).scalars())
        for start in range(0, len(numbers), _BATCH):
            self._connection.execute(PAGES.delete().where(PAGES.c.number.in_(numbers[start : start + _BATCH])))
        return len(numbers)


_BATCH = 400
"""Values in one IN: below the least limit of bound variables (999, old SQLite)."""


def _content(page: ConsolePage) -> dict[str, object]:
    return {
        "last_sequence": page.last_sequence,
        "total_bytes": page.total_bytes,
        "data": encode_blocks(page.blocks),
    }


def _pages(rows: Iterable[Row[tuple[object, ...]]]) -> list[ConsolePage]:
    return [ConsolePage(row.writer_id, decode_blocks(row.data), row.total_bytes) for row in rows]

"""The Garbage port on a Database, each method one store function in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from trackway_server.artifacts.domain.artifacts import Owner
from trackway_server.artifacts.domain.collecting import UnusedBlob, Usage
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.store import garbage_rows
from trackway_server.core.db.database import Database


class SqlGarbage:
    """See Garbage."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owners(self, after: Owner | None, limit: int) -> Sequence[Owner]:
        """See Garbage."""
        return await self._database.read(garbage_rows.owners, after, limit)

    async def usage(self, owners: Sequence[Owner]) -> Sequence[Usage]:
        """See Garbage."""
        return await self._database.read(garbage_rows.usage, owners)

    async def remove_files(self, owner: Owner, limit: int) -> int:
        """See Garbage."""
        return await self._database.write(garbage_rows.remove_files, owner, limit)

    async def see_unused(self, now_us: int, before_us: int) -> None:
        """See Garbage."""
        await self._database.write(garbage_rows.see_unused, now_us, before_us)

    async def unused(self, before_us: int, after: str, limit: int) -> Sequence[UnusedBlob]:
        """See Garbage."""
        return await self._database.read(garbage_rows.unused, before_us, after, limit)

    async def begin_removal(self, digest: Digest, before_us: int, now_us: int) -> bool:
        """See Garbage."""
        return await self._database.write(garbage_rows.begin_removal, digest, before_us, now_us)

    async def end_removal(self, digest: Digest) -> None:
        """See Garbage."""
        await self._database.write(garbage_rows.end_removal, digest)

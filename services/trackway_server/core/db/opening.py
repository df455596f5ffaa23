"""The database of a service, opened: its own SQLite file, or its schema of a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from trackway_server.core.db.database import Database
from trackway_server.core.db.migrate import check_postgres, upgrade
from trackway_server.core.db.sqlite import open_sqlite


@asynccontextmanager
async def opened_database(file: Path, script_location: Path, database_url: SecretStr | None) -> AsyncIterator[Database]:
    """The database at `database_url`, which must be migrated; without one, `file`, which is migrated first.

    The schema has the name of the file. Raises StartupError where it cannot be used.
    """
    if database_url is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(upgrade, file, script_location)
        database: Database = open_sqlite(file)
    else:
        from trackway_server.core.db.postgres import open_postgres
        from trackway_server.core.db.postgres_engine import postgres_url

        url = database_url.get_secret_value()
        await asyncio.to_thread(check_postgres, url, file.stem, script_location)
        database = open_postgres(postgres_url(url), file.stem)
    try:
        yield database
    finally:
        await database.close()

"""Through a pooler in transaction mode, where each transaction may get another session: as without one.

Needs a `pgbouncer` (on PATH, or named by $PGBOUNCER); passed over where there is none.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from support.postgres import SERVER, opened_postgres, postgres_database
from trackway_server.core.db.migrate import check_postgres, upgrade_postgres
from trackway_server.tracking.domain.model import RunStart
from trackway_server.tracking.domain.runs import start_run
from trackway_server.tracking.store.sql import SqlTracking

PGBOUNCER = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
MIGRATIONS = SERVER / "tracking" / "migrations"

pytestmark = pytest.mark.skipif(not PGBOUNCER, reason="no pgbouncer here")


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """The database behind a pooler with two sessions."""
    direct = make_url(url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="trackway-pgbouncer-"))
    (folder / "users").write_text('"postgres" ""\n')
    (folder / "ini").write_text(
        f"[databases]\n{direct.database} = host=127.0.0.1 port={direct.port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nauth_file = {folder}/users\n"
        "unix_socket_dir =\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n"
    )
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses root
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        folder.chmod(0o755)
    process = subprocess.Popen([PGBOUNCER, "-q", folder / "ini"], stderr=subprocess.DEVNULL, **user)
    through = direct.set(port=port).render_as_string(hide_password=False)
    try:
        for _ in range(500):
            try:
                psycopg.connect(through).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.02)
        yield through
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


async def test_migrations_and_stores_work_in_transaction_mode() -> None:
    with postgres_database(migrated=False) as url, pooled(url) as through:
        await asyncio.to_thread(upgrade_postgres, through, "tracking", MIGRATIONS)
        check_postgres(through, "tracking", MIGRATIONS)
        async with opened_postgres("tracking", through) as first, opened_postgres("tracking", through) as second:
            stores = [SqlTracking(first), SqlTracking(second)]
            begin = RunStart(experiment_name="pooled", start_time_us=1)
            works = [
                stores[number % 2].write(
                    lambda unit, number=number: start_run(unit, "default", f"{number:032x}", begin, 1)
                )
                for number in range(40)
            ]
            runs = await asyncio.gather(*works)
            assert len({run.experiment_id for run, _ in runs}) == 1
            for _ in range(10):
                assert all(await asyncio.gather(*(one.read(lambda unit: unit.run("0" * 32)) for one in stores * 4)))
        assert len(sessions_now(url)) <= 2


def sessions_now(url: str) -> list[tuple[Any, ...]]:
    """The pooler's sessions."""
    with psycopg.connect(url) as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return connection.execute(query).fetchall()

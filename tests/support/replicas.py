"""Replicas of Tracking: real servers over one database in this process, each behind a proxy that can break it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from support.fault_proxy import FaultProxy, fault_proxy
from trackway_server.core.auth.authenticator import InsecureAuthenticator
from trackway_server.core.clock import SystemClock
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.core.rpc.server import RpcServer, build_server
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import MIGRATIONS, serve
from trackway_server.tracking.store.sql import SqlTracking


@dataclass
class Replica:
    """One server, and the proxy through which clients reach it."""

    server: RpcServer
    proxy: FaultProxy
    port: int


def address(replicas: list[Replica], scheme: str = "trackway") -> str:
    """All of them in one address."""
    return f"{scheme}://" + ",".join(f"127.0.0.1:{replica.proxy.port}" for replica in replicas)


@asynccontextmanager
async def replicas(
    folder: Path, count: int = 2, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[list[Replica]]:
    """So many servers that share a database below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = TrackingSettings(data_dir=folder)
    await asyncio.to_thread(upgrade, settings.database_path, MIGRATIONS)
    database = open_sqlite(settings.database_path)
    try:
        async with AsyncExitStack() as stack:
            made = []
            for _ in range(count):
                binding = await stack.enter_async_context(serve(SqlTracking(database), settings, SystemClock()))
                server = build_server([binding], InsecureAuthenticator())
                port = server.listen_tcp("127.0.0.1", 0, credentials)
                await server.start()
                stack.push_async_callback(server.stop, grace=0.2)
                server.health.set_serving(True)
                made.append(Replica(server, await stack.enter_async_context(fault_proxy(port)), port))
            yield made
    finally:
        await database.close()

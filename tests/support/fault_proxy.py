"""A TCP proxy in front of a server: latency, a black hole, resets, and the server's death, as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_Ends = tuple[asyncio.StreamWriter, asyncio.StreamWriter]


class FaultProxy:
    """Carries bytes both ways between its port and the server's, both of 127.0.0.1.

    `hole`: bytes of both directions vanish from sight until it is False again, as they do when a network breaks and
    TCP sends them once more later. `delay`: seconds that each piece takes. `carried`: bytes from clients so far.
    """

    def __init__(self, port: int) -> None:
        self.server_port = port
        self._listener: asyncio.Server | None = None
        self._open: set[_Ends] = set()
        self.port = 0
        self.delay = 0.0
        self.hole = False
        self.carried = 0

    async def start(self) -> None:
        """Take connections, on the port of before if there was one."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def die(self) -> None:
        """Behave as a machine whose server was killed: connections are reset, and new ones refused."""
        assert self._listener is not None
        self._listener.close()
        self.reset_all()

    def reset_all(self) -> None:
        """Reset every open connection."""
        for ends in list(self._open):
            for end in ends:
                end.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, to_server)
        self._open.add(ends)
        try:
            await asyncio.gather(self._carry(reader, to_server, True), self._carry(from_server, writer, False))
        finally:
            self._open.discard(ends)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: bool) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if self.delay:
                    await asyncio.sleep(self.delay)
                while self.hole:
                    await asyncio.sleep(0.02)
                self.carried += len(data) if counted else 0
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def fault_proxy(port: int) -> AsyncIterator[FaultProxy]:
    """A proxy to that port of this machine."""
    proxy = FaultProxy(port)
    await proxy.start()
    try:
        yield proxy
    finally:
        proxy.hole = False
        await proxy.die()

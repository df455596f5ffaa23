"""What is tried on uploads and downloads over HTTP: they end, leave nothing behind, and others are served meanwhile."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest

from support.auth_serving import AuthServer, auth_server
from support.gateway_serving import gateway_before, http_client

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
MIB = 1 << 20


@dataclass
class World:
    """A server, a gateway with settings of its own before it, and a run."""

    server: AuthServer
    port: int
    client: httpx.AsyncClient
    run_id: str

    def url(self, path: str) -> str:
        return f"{PROXY}/0/{self.run_id}/artifacts/{path}"

    def head(self, path: str, *headers: str, method: str = "PUT") -> bytes:
        key = f"Authorization: Bearer {self.server.admin_key}"
        return "\r\n".join([f"{method} {self.url(path)} HTTP/1.1", "Host: localhost", key, *headers, "", ""]).encode()

    async def names(self) -> list[str]:
        listed = await self.client.get(PROXY, params={"path": f"0/{self.run_id}/artifacts"})
        return [file["path"] for file in listed.json().get("files", [])]

    async def nothing_left(self) -> None:
        """No unfinished file in the store, soon."""
        async with asyncio.timeout(30):
            while any(os.scandir(self.server.data_dir / "blobs" / "incoming")):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def world(folder: Path, **settings: float) -> AsyncIterator[World]:
    async with (
        auth_server(folder) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        gateway_before(channel, **settings) as port,
        http_client(port, server.admin_key) as client,
    ):
        made = await client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 5})
        yield World(server, port, client, made.json()["run"]["info"]["run_id"])


async def answered(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection is closed."""
    received = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(30):
            while more := await reader.read(1 << 16):
                received += more
    return received


async def test_who_sends_slowly_holds_no_place(tmp_path: Path) -> None:
    """Attack 26: slow streams."""
    async with world(tmp_path, request_s=0.5, max_transfers=2) as there:

        async def slow(*rest: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
            writer.write(there.head("slow", "Content-Length: 1000000"))
            answering = asyncio.create_task(answered(reader))
            for each in rest:
                writer.write(each)
                await asyncio.wait([answering], timeout=0.1)
            try:
                return await answering
            finally:
                writer.close()

        for answer in await asyncio.gather(slow(), slow(b"x"), slow(*[b"x"] * 100), slow(b"x" * 1000)):
            assert b" 504 " in answer.partition(b"\r\n")[0]
        assert (await there.client.put(there.url("kept"), content=b"x")).status_code == 200
        assert await there.names() == ["kept"]
        await there.nothing_left()


async def test_who_reads_slowly_is_given_up(tmp_path: Path) -> None:
    """Attack 26: readers that take nothing."""
    async with world(tmp_path, stalled_s=0.5, max_transfers=2) as there, AsyncExitStack() as stack:
        data = os.urandom(12 * MIB)
        assert (await there.client.put(there.url("big"), content=data)).status_code == 200
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", there.port, limit=1)
            stack.callback(writer.close)
            writer.write(there.head("big", method="GET"))
            assert (await reader.read(1)) == b"H"
        assert (await there.client.get(there.url("big"))).content == data


async def test_many_at_once_are_all_served(tmp_path: Path) -> None:
    async with world(tmp_path, max_transfers=4) as there:
        data = os.urandom(2 * MIB)
        sent = await asyncio.gather(*(there.client.put(there.url(f"f{n}"), content=data) for n in range(24)))
        assert {answer.status_code for answer in sent} == {200}
        got = await asyncio.gather(*(there.client.get(there.url(f"f{n}")) for n in range(24)))
        assert {answer.content == data for answer in got} == {True}


async def test_a_body_beyond_what_other_requests_may_have(tmp_path: Path) -> None:
    async with world(tmp_path, max_body_bytes=1 << 16, max_upload_bytes=4 * MIB) as there:
        assert (await there.client.put(there.url("a"), content=bytes(4 * MIB))).status_code == 200
        announced = await there.client.put(there.url("b"), content=bytes(4 * MIB + 1))
        assert (announced.status_code, announced.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield bytes(MIB)

        with suppress(httpx.WriteError, httpx.ReadError):
            unannounced = await there.client.put(there.url("c"), content=endless())
            assert unannounced.status_code == 400
        assert await there.names() == ["a"]
        await there.nothing_left()
        async with http_client(there.port) as nobody:
            with suppress(httpx.WriteError, httpx.ReadError):
                assert (await nobody.put(there.url("d"), content=bytes(4 * MIB))).status_code == 401


@pytest.mark.parametrize("leave", [asyncio.StreamWriter.close, lambda writer: writer.transport.abort()])
async def test_who_goes_away_in_the_middle_leaves_nothing(
    tmp_path: Path, leave: Callable[[asyncio.StreamWriter], None]
) -> None:
    async with world(tmp_path) as there:
        for framing in (b"Content-Length: 4000000", b"Transfer-Encoding: chunked"):
            _, writer = await asyncio.open_connection("127.0.0.1", there.port)
            writer.write(there.head("gone", framing.decode()))
            half = bytes(2 * MIB)
            writer.write(half if b"Length" in framing else b"200000\r\n" + half + b"\r\n")
            await writer.drain()
            leave(writer)
        assert (await there.client.put(there.url("kept"), content=b"x")).status_code == 200
        await there.nothing_left()
        assert await there.names() == ["kept"]


async def test_long_addresses_and_odd_bodies(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        for path in ("x" * 256, "x/" * 600 + "x", "x" * 20_000):
            assert (await there.client.put(there.url(path), content=b"x")).status_code == 400
        for headers in ({"content-encoding": "gzip"}, {"content-encoding": "br"}):
            refused = await there.client.put(there.url("z"), content=b"x", headers=headers)
            assert refused.status_code == 501
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        writer.write(there.head("both", "Content-Length: 3", "Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n\r\n")
        assert b" 400 " in (await answered(reader)).partition(b"\r\n")[0]
        writer.close()
        assert await there.names() == []

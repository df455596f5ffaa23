"""Slow and greedy HTTP clients: their connections end, others are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from trackway_server.app.listen import bound_socket
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.listener import serve_http

SETTINGS = GatewaySettings(request_s=0.5, stalled_s=0.5, max_connections=50)


async def small(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def slow(_: Request) -> PlainTextResponse:
    await asyncio.sleep(1.5)
    return PlainTextResponse("ok")


async def endless(_: Request) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        ended.clear()
        try:
            while True:
                yield bytes(1 << 16)
                await asyncio.sleep(0)
        finally:
            ended.set()

    return StreamingResponse(body())


ended = asyncio.Event()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = Starlette(routes=[Route("/", small), Route("/slow", slow), Route("/endless", endless)])
    with bound_socket("127.0.0.1", 0, "--http-port") as listener:
        async with serve_http(app, listener, SETTINGS):
            yield listener.getsockname()[1]


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What is answered until the server closes the connection, soon."""
    received = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(5):
            while more := await reader.read(1 << 16):
                received += more
    return received


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_request_that_does_not_come_to_its_end(port: int, sent: bytes) -> None:
    async with AsyncExitStack() as stack:
        loris = []
        for _ in range(60):  # more than may be connected at once
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(sent)
            loris.append(reader)
        for reader in loris:
            await closed(reader)
        async with httpx.AsyncClient() as browser:
            assert (await browser.get(f"http://127.0.0.1:{port}/")).text == "ok"


async def test_a_second_request_that_does_not_come_to_its_end(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.read(1 << 16)).startswith(b"HTTP/1.1 200")
    for _ in range(4):
        writer.write(b"G")  # each byte ends uvicorn's own wait for the next request
        await asyncio.sleep(0.05)
    await closed(reader)
    writer.close()


async def test_a_body_without_end(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n")
    sent = 0
    with suppress(ConnectionError):
        async with asyncio.timeout(5):
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()
                sent += 1 << 16
                await asyncio.sleep(0)
    assert sent < 64 << 20
    writer.close()


async def test_a_header_without_end(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (1 << 20))
        await writer.drain()
    assert (await closed(reader))[:12] in (b"HTTP/1.1 400", b"")
    writer.close()


async def test_a_reader_that_takes_nothing(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
    writer.write(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        await ended.wait()
    writer.close()


async def test_an_answer_may_take_longer_than_the_request(port: int) -> None:
    async with httpx.AsyncClient() as browser:
        for _ in range(2):
            assert (await browser.get(f"http://127.0.0.1:{port}/slow", timeout=10)).text == "ok"

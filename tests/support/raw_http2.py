"""HTTP/2 by hand (RFC 9113), for what no gRPC client would send."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """One frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def call_headers(stream: int, path: str, more: Iterable[tuple[str, str]] = ()) -> bytes:
    """The HEADERS that begin a gRPC call, every field as a literal (RFC 7541, 6.2.2)."""
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *more,
    ]
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)
    return frame(HEADERS, stream, block, END_HEADERS)


def message(raw: bytes, *, compressed: int = 0, size: int | None = None) -> bytes:
    """A message with gRPC's prefix, which may lie."""
    return struct.pack(">BI", compressed, len(raw) if size is None else size) + raw


def reset(stream: int) -> bytes:
    """RST_STREAM with CANCEL."""
    return frame(RST_STREAM, stream, (8).to_bytes(4, "big"))


@asynccontextmanager
async def raw_connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which nothing has been sent yet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def http2_connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection after the preface and empty settings."""
    async with raw_connection(port) as (reader, writer):
        writer.write(PREFACE + frame(SETTINGS, 0) + frame(SETTINGS, 0, flags=1))
        yield reader, writer


def _text(text: str) -> bytes:
    raw = text.encode()
    if len(raw) < 127:
        return bytes((len(raw),)) + raw
    rest, out = len(raw) - 127, bytearray((127,))
    while rest > 127:
        out.append(rest % 128 | 128)
        rest //= 128
    out.append(rest)
    return bytes(out) + raw

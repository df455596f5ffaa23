"""The gateway of this process over a channel, and how its answers read."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import httpx

from trackway_server.app.listen import bound_socket
from trackway_server.core.telemetry import Telemetry
from trackway_server.gateway.application import build_application
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.listener import serve_http

JSON = {"content-type": "application/json"}
PROTO = {"content-type": "application/proto"}


@asynccontextmanager
async def gateway_before(channel: grpc.aio.Channel, **settings: Any) -> AsyncIterator[int]:
    """A gateway, over real HTTP, to the services behind a channel; its port."""
    chosen = GatewaySettings(**settings)
    app = build_application(Channels.all_to(channel), "127.0.0.1", chosen, Telemetry())
    # The program's own: on a socket without its protocol's number asyncio leaves Nagle's delay of 40 ms an answer.
    with bound_socket("127.0.0.1", 0, "--http-port") as listener:
        async with serve_http(app, listener, chosen):
            yield int(listener.getsockname()[1])


@asynccontextmanager
async def http_client(port: int, key: str = "", **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway, with a key."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False, **options) as client:
        yield client


@dataclass(frozen=True)
class Event:
    """One event of an event stream; a comment has the kind `comment`."""

    kind: str
    id: str
    data: Any


async def events(response: httpx.Response) -> AsyncIterator[Event]:
    """The events of a stream, as https://html.spec.whatwg.org/multipage/server-sent-events.html reads them."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line.startswith(":"):
            yield Event("comment", "", None)
        elif line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            yield Event(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}


def enveloped(data: bytes, flags: int = 0) -> bytes:
    """A message of a Connect stream."""
    return struct.pack(">BI", flags, len(data)) + data


def unenveloped(body: bytes) -> Iterable[tuple[int, bytes]]:
    """The flags and the content of each message of a Connect stream."""
    while body:
        flags, length = struct.unpack_from(">BI", body)
        assert len(body) >= 5 + length
        yield flags, body[5 : 5 + length]
        body = body[5 + length :]


def reason_in(value: Any) -> str:
    """The reason that a refusal in Connect's form gives; it gives one at most."""
    reasons = [one["debug"]["reason"] for one in value.get("details", ()) if one["type"] == "google.rpc.ErrorInfo"]
    assert len(reasons) <= 1
    return reasons[0] if reasons else ""

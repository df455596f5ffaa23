"""A real HTTP server that takes webhooks, and checks of what it was sent."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Delivery:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def signature(self, key: bytes, *, mlflow: bool = False) -> bool:
        """Whether it is signed with the key."""
        names = ("x-mlflow-delivery-id", "x-mlflow-timestamp", "x-mlflow-signature")
        if not mlflow:
            names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        delivery_id, timestamp, signature = (self.headers[name] for name in names)
        signed = f"{delivery_id}.{timestamp}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return hmac.compare_digest(signature, f"v1,{expected}")


@dataclass
class Receiver:
    """Answers 200, or by path what `answers` says next; its last answer stays."""

    port: int = 0
    tls: bool = False
    answers: dict[str, list[tuple[int, Mapping[str, str]]]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    """Paths whose requests are answered when the event is set."""
    deliveries: list[Delivery] = field(default_factory=list)
    connections: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        """Where it listens."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def of(self, path: str) -> Sequence[Delivery]:
        """What came to a path."""
        return [each for each in self.deliveries if each.path == path]

    async def wait(self, count: int, path: str = "/hook") -> Sequence[Delivery]:
        """What came to a path, once there are so many."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.of(path)) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.of(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = (line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            path = head[0].split(" ")[1]
            self.deliveries.append(Delivery(path, headers, body))
            self._changed.set()
            if path in self.held:
                await self.held[path].wait()
            answers = self.answers.get(path, [(200, {})])
            status, more = answers.pop(0) if len(answers) > 1 else answers[0]
            lines = [f"HTTP/1.1 {status} Said", "Content-Length: 2", *(f"{k}: {v}" for k, v in more.items())]
            writer.write("\r\n".join([*lines, "", "ok"]).encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the sender went away
        finally:
            writer.close()


@asynccontextmanager
async def receiver(context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    made = Receiver(tls=context is not None)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        for event in made.held.values():
            event.set()
        server.close()

"""How answers are written: one as it is, streams as Server-Sent Events or in the envelopes of Connect's own streams."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Protocol

from starlette.datastructures import Headers

from trackway_server.core.errors import DomainError, Reason
from trackway_server.gateway.bodies import Bodies, Body
from trackway_server.gateway.connect.codec import Codec
from trackway_server.gateway.connect.headers import STREAM_TYPES, UNARY_TYPES, media_type
from trackway_server.gateway.connect.methods import Rpc
from trackway_server.gateway.connect.refusals import Refused
from trackway_server.gateway.connect.resuming import event_id, resumed

_PREFIX = struct.Struct(">BI")
_COMPRESSED, _END = 1, 2


class Framing(Protocol):
    """One way to write."""

    headers: Mapping[str, str]
    """What the answer's head holds."""
    refuses_by_status: bool
    """Whether what is refused before the first message has the HTTP status of its refusal; else it is 200."""
    heartbeat: bytes
    """What is sent where there is nothing to send; empty: nothing."""

    async def request(self, rpc: Rpc, body: Body) -> bytes:
        """The serialised request in a body. Raises DomainError(MALFORMED_REQUEST)."""
        ...

    async def message(self, rpc: Rpc, raw: bytes) -> bytes:
        """One serialised answer."""
        ...

    def end(self, refused: Refused | None) -> bytes:
        """The end of the stream, and why, where it was refused."""
        ...


class Whole:
    """One message, and nothing around it."""

    refuses_by_status = True
    heartbeat = b""

    def __init__(self, codec: Codec = Codec.JSON) -> None:
        self._codec = codec
        self.headers: Mapping[str, str] = {"Content-Type": f"application/{codec.value}"}

    async def request(self, rpc: Rpc, body: Body) -> bytes:
        """See Framing."""
        return await self._codec.request(rpc, body.raw)

    async def message(self, rpc: Rpc, raw: bytes) -> bytes:
        """See Framing."""
        return await self._codec.answer(rpc, raw)

    def end(self, refused: Refused | None) -> bytes:
        """See Framing."""
        return b""


class EventStream:
    """Server-Sent Events: a message is JSON in `data`, its `id` where to resume; at the end is `end` or `error`."""

    headers: Mapping[str, str] = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    refuses_by_status = True
    heartbeat = b":\n\n"

    def __init__(self, codec: Codec, last_event_id: str) -> None:
        self._codec = codec
        self._last_event_id = last_event_id

    async def request(self, rpc: Rpc, body: Body) -> bytes:
        """See Framing. A `Last-Event-ID` is the token to resume from, whatever the body says."""
        raw = await self._codec.request(rpc, body.raw)
        return raw + resumed(rpc, self._last_event_id)  # of a field that is there twice, the last counts

    async def message(self, rpc: Rpc, raw: bytes) -> bytes:
        """See Framing."""
        data = b"data: " + await Codec.JSON.answer(rpc, raw) + b"\n\n"
        resumes_by = event_id(rpc, raw)
        return b"id: " + resumes_by + b"\n" + data if resumes_by else data

    def end(self, refused: Refused | None) -> bytes:
        """See Framing."""
        if refused is None:
            return b"event: end\ndata: {}\n\n"
        return b"event: error\ndata: " + refused.as_json() + b"\n\n"


class Envelopes:
    """Connect's own streams: flags and length before each message; the last one says how it ended."""

    refuses_by_status = False
    heartbeat = b""

    def __init__(self, codec: Codec, bodies: Bodies, encoding: str) -> None:
        self._codec = codec
        self._bodies = bodies
        self._encoding = encoding
        self.headers: Mapping[str, str] = {"Content-Type": f"application/connect+{codec.value}"}

    async def request(self, rpc: Rpc, body: Body) -> bytes:
        """See Framing."""
        if len(body.raw) < _PREFIX.size:
            raise _no_envelope(rpc)
        flags, length = _PREFIX.unpack_from(body.raw)
        raw = body.raw[_PREFIX.size :]
        if len(raw) != length or flags not in {0, _COMPRESSED}:
            raise _no_envelope(rpc)
        if flags == _COMPRESSED:
            if self._encoding != "gzip":
                raise _no_envelope(rpc)
            raw = await self._bodies.unzipped(raw, body.admit)
        return await self._codec.request(rpc, raw)

    async def message(self, rpc: Rpc, raw: bytes) -> bytes:
        """See Framing."""
        return _enveloped(0, await self._codec.answer(rpc, raw))

    def end(self, refused: Refused | None) -> bytes:
        """See Framing."""
        return _enveloped(_END, json.dumps({} if refused is None else {"error": refused.as_value()}).encode())


def framing_of(rpc: Rpc, headers: Headers, bodies: Bodies) -> Framing:
    """The way that the head of a request asks for, which is known to be one of those offered."""
    asked = media_type(headers)
    if asked in STREAM_TYPES:
        encoding = headers.get("connect-content-encoding", "identity").strip().lower()
        return Envelopes(STREAM_TYPES[asked], bodies, encoding)
    codec = UNARY_TYPES[asked]
    return EventStream(codec, headers.get("last-event-id", "")) if rpc.streams_answers else Whole(codec)


def _enveloped(flags: int, data: bytes) -> bytes:
    return _PREFIX.pack(flags, len(data)) + data


def _no_envelope(rpc: Rpc) -> DomainError:
    message = "The body is not one message in an envelope: a byte of flags, four of its length, and the message."
    return DomainError(Reason.MALFORMED_REQUEST, message, method=rpc.path)

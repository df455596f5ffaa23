"""The ASGI application that answers every public RPC under its path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from trackway_server.core.errors import DomainError, TryLaterError
from trackway_server.gateway.bodies import Bodies, ClientGoneError
from trackway_server.gateway.callers import Caller, Callers
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.connect.framing import Framing, Whole, framing_of
from trackway_server.gateway.connect.headers import check_version, timeout_of
from trackway_server.gateway.connect.methods import Rpc, public_rpcs
from trackway_server.gateway.connect.offers import NO_METHOD, not_offered
from trackway_server.gateway.connect.refusals import CLIENT_GONE, Refused, refused, refused_call
from trackway_server.gateway.connect.writing import Writer
from trackway_server.gateway.waiting import Presence, presence, running

PREFIX = "/trackway.api."


class RefusedCallError(Exception):
    """A service has refused a call."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class RpcEndpoint:
    """Answers what lies below PREFIX."""

    def __init__(self, channels: Channels, callers: Callers, settings: GatewaySettings) -> None:
        self._channels = channels
        self._callers = callers
        self._settings = settings
        self._rpcs = public_rpcs()
        self._bodies = Bodies(settings.max_body_bytes, settings.request_s)
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, rpc = Headers(scope=scope), self._rpcs.get(scope["path"])
        refusal = not_offered(scope["method"], rpc, headers)
        if refusal is not None or rpc is None:
            await Writer(Whole(), send).refuse(refusal or NO_METHOD)
            return
        scope["route"] = rpc  # the span says which one it is
        framing = framing_of(rpc, headers, self._bodies)
        writer = Writer(framing, send)
        try:
            await self._answer(rpc, framing, writer, headers, scope, receive)
        except RefusedCallError as error:
            await writer.refuse(error.refusal)
        except DomainError as error:
            await writer.refuse(refused(error))
        except grpc.aio.AioRpcError as error:
            await writer.refuse(refused_call(error, "auth"))
        except ClientGoneError:
            await writer.refuse(CLIENT_GONE)

    async def _answer(
        self, rpc: Rpc, framing: Framing, writer: Writer, headers: Headers, scope: Scope, receive: Receive
    ) -> None:
        check_version(headers)
        timeout_s = timeout_of(headers)
        caller = await self._callers.of(scope, headers.get("authorization"))
        async with self._bodies.body(headers, receive, lambda: self._callers.check(caller)) as body:
            raw = await framing.request(rpc, body)
        async with presence(receive) as client:
            with self._noting(rpc, caller):
                if rpc.streams_answers:
                    await self._stream(rpc, raw, caller, timeout_s, framing, writer, client)
                else:
                    answer = await client.during(self._call(rpc, raw, caller, timeout_s))
                    await writer.write(await framing.message(rpc, answer), last=True)

    async def _call(self, rpc: Rpc, raw: bytes, caller: Caller, timeout_s: float | None) -> bytes:
        deadline = self._settings.rpc_timeout_s if timeout_s is None else timeout_s
        method: Any = self._channel(rpc).unary_unary(rpc.path)
        answer: bytes = await method(raw, metadata=caller.metadata, timeout=deadline)
        return answer

    async def _stream(
        self,
        rpc: Rpc,
        raw: bytes,
        caller: Caller,
        timeout_s: float | None,
        framing: Framing,
        writer: Writer,
        client: Presence,
    ) -> None:
        """All answers of a stream. A client that reads slowly slows its own call down, and nothing else."""
        async with self._place():
            method: Any = self._channel(rpc).unary_stream(rpc.path)
            call = method(raw, metadata=caller.metadata, timeout=timeout_s)
            try:
                while True:
                    async with running(call.read()) as reading:
                        while not await client.wait_for(reading, self._settings.heartbeat_s):
                            await writer.write(framing.heartbeat)
                    if (answer := reading.result()) is grpc.aio.EOF:
                        break
                    await writer.write(await framing.message(rpc, answer))
                await writer.write(framing.end(None), last=True)
            finally:
                call.cancel()

    @contextmanager
    def _noting(self, rpc: Rpc, caller: Caller) -> Iterator[None]:
        """Around a call: what it says of its caller. Raises RefusedCallError for grpc.aio.AioRpcError."""
        if rpc.takes_credentials:
            self._callers.check_attempts(caller)
        try:
            yield
        except grpc.aio.AioRpcError as error:
            self._callers.note(caller, error, guessed=rpc.takes_credentials)
            raise RefusedCallError(refused_call(error, rpc.service)) from error

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        most = self._settings.max_streams
        if self._streams >= most:
            message = "Too many streams are open; close some, or try again later."
            raise TryLaterError(message, 5, limit="streams", maximum=str(most))
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def _channel(self, rpc: Rpc) -> grpc.aio.Channel:
        channel: grpc.aio.Channel = getattr(self._channels, rpc.service)
        return channel

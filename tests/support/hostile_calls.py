"""Hostile calls of one RPC over a channel: sent, ended one way or another, and judged by how they were refused."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

import trackway.api
from support.hostile_messages import HostileMessages
from trackway_server.core.errors import Reason
from trackway_server.core.rpc.status import DETAILS_KEY, DOMAIN, STATUS_CODES

IN_FLIGHT = 64
MOST_ANSWERS = 3
LISTEN_SECONDS = 0.15
"""A stream is listened to so long: a watch would go on for ever."""
SECONDS = 20.0
"""No call may take longer."""

DRIVERS = (
    "sqlite",
    "sqlalchemy",
    "psycopg",
    "traceback",
    'file "',
    "descriptor",
    "constraint",
    "integrityerror",
    "at 0x",
)
"""What a driver's text, or ours about it, would say. A message quotes no value that might hold these."""

CLIENT_MADE = {grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}
"""The caller's own doing where it gives up: gRPC makes the status without asking the server."""
CALLERS_OWN = "Internal error from Core"
"""What grpcio's own client says, rarely, of a stream that ended while it was writing: no server sends that text."""
CUT_SHORT = "Internal error from Core"
"""What grpc.aio's client says, as INTERNAL, where its deadline passes while it writes: also without a server's word."""

REFLECTIONS = {"grpc.reflection.v1.ServerReflection": "grpc.reflection.v1alpha.ServerReflection"}


def all_services() -> dict[str, ServiceDescriptor]:
    """Every service of the contract by the name under which it is called, with what each server adds: a service that
    is added to the protos is here by itself."""
    found = {}
    for module in pkgutil.walk_packages(trackway.api.__path__, "trackway.api."):
        if module.name.endswith("_pb2"):
            services = importlib.import_module(module.name).DESCRIPTOR.services_by_name
            found |= {service.full_name: service for service in services.values()}
    health = health_pb2.DESCRIPTOR.services_by_name["Health"]
    reflection = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
    return {**found, health.full_name: health, **{name: reflection for pair in REFLECTIONS.items() for name in pair}}


def all_methods() -> list[tuple[str, MethodDescriptor]]:
    """Every RPC: its path and its descriptor."""
    return [
        (f"/{name}/{method.name}", method) for name, service in all_services().items() for method in service.methods
    ]


@dataclass
class Outcome:
    """How one call ended."""

    requests: tuple[bytes, ...]
    code: grpc.StatusCode
    message: str = ""
    trailers: dict[str, str | bytes] = field(default_factory=dict)
    answers: int = 0
    gave_up: bool = False

    def __str__(self) -> str:
        sent = [request[:120] for request in self.requests[:4]]
        how = f"{self.answers} answers, gave up: {self.gave_up}"
        return f"{self.code.name} {self.message!r} ({how}) for {sent}"

    @property
    def reason(self) -> str:
        """The reason of a refusal by the server; "" for an end that the client made."""
        if self.code is grpc.StatusCode.OK or (self.gave_up and DETAILS_KEY not in self.trailers):
            return ""
        raw = self.trailers.get(DETAILS_KEY)
        assert isinstance(raw, bytes), f"no rich status: {self}"
        rich, infos = status_pb2.Status.FromString(raw), []
        for detail in rich.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                infos.append(info)
        assert [info.domain for info in infos] == [DOMAIN], f"not exactly one ErrorInfo: {self}"
        return str(infos[0].reason)

    def check(self) -> None:
        """Fail where the call did not end as the contract says."""
        if self.gave_up and self.message == CUT_SHORT:
            return
        if self.message == CALLERS_OWN:
            return
        assert self.code not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN), f"a defect: {self}"
        if self.gave_up:
            assert self.code is grpc.StatusCode.OK or self.code in CLIENT_MADE or self.reason, str(self)
        if reason := self.reason:
            assert reason in Reason.__members__, f"an undocumented reason {reason}: {self}"
            assert STATUS_CODES[Reason[reason]] is self.code, f"the status is not that of {reason}: {self}"
            assert not any(word in self.message.lower() for word in DRIVERS), f"a driver's text: {self}"


class HostileCaller:
    """Calls one RPC in every wrong way."""

    def __init__(
        self, channel: grpc.aio.Channel, path: str, method: MethodDescriptor, messages: HostileMessages, seed: str
    ) -> None:
        kind = ("unary", "stream")[method.client_streaming] + "_" + ("unary", "stream")[method.server_streaming]
        self._call = getattr(channel, kind)(path)
        self._method = method
        self._messages = messages
        self._random = random.Random(seed)

    def requests(self, count: int) -> Iterator[tuple[bytes, ...]]:
        """What to send in each of so many calls."""
        for _ in range(count):
            if self._method.client_streaming:
                yield tuple(self._messages.stream(self._method.input_type))
            else:
                yield (self._messages.one(self._method.input_type),)

    async def all(self, requests: Sequence[tuple[bytes, ...]], *, patient: bool = False) -> list[Outcome]:
        """Send them all, many at a time; a share of the callers gives up early, unless they are `patient`."""
        waiting = iter(requests)
        outcomes: list[Outcome] = []

        async def caller() -> None:
            for request in waiting:
                outcomes.append(await asyncio.wait_for(self._one(request, patient), SECONDS))

        async with asyncio.TaskGroup() as callers:
            for _ in range(IN_FLIGHT):
                callers.create_task(caller())
        return outcomes

    async def _one(self, requests: tuple[bytes, ...], patient: bool) -> Outcome:
        chance = 1.0 if patient else self._random.random()
        half_close = chance > 0.02 or not self._method.client_streaming
        impatient = not half_close or chance < 0.04
        timeout = self._random.choice((0.001, 0.02, 0.3)) if impatient else SECONDS - 1
        call = self._call(
            _sent(requests, half_close) if self._method.client_streaming else requests[0],
            timeout=timeout,
            compression=grpc.Compression.Gzip if 0.04 <= chance < 0.08 else None,
        )
        outcome = Outcome(requests, grpc.StatusCode.OK, gave_up=impatient)
        if 0.08 <= chance < 0.10:
            await asyncio.sleep(self._random.choice((0, 0, 0.005)))
            outcome.gave_up = call.cancel()
        try:
            async with asyncio.timeout(None if patient else LISTEN_SECONDS) as listening:
                await self._read(call, outcome, listening)
        except TimeoutError:
            outcome.gave_up = True
        except grpc.aio.AioRpcError as error:
            outcome.code, outcome.message = error.code(), error.details() or ""
            outcome.trailers = dict(error.trailing_metadata() or ())
        except asyncio.CancelledError:
            if not call.cancelled():
                raise
            outcome.code = grpc.StatusCode.CANCELLED
        return outcome

    async def _read(self, call: grpc.aio.Call, outcome: Outcome, listening: asyncio.Timeout) -> None:
        if not self._method.server_streaming:
            listening.reschedule(None)
            await call
            outcome.answers = 1
            return
        async for _ in call:
            outcome.answers += 1
            if outcome.answers >= MOST_ANSWERS:
                outcome.gave_up = call.cancel() or outcome.gave_up


async def _sent(requests: Sequence[bytes], half_close: bool) -> AsyncIterator[bytes]:
    for request in requests:
        yield request
    if not half_close:
        await asyncio.sleep(SECONDS)


def told(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How often each end came."""
    return Counter(outcome.reason or outcome.code.name for outcome in outcomes)

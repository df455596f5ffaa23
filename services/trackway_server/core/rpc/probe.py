"""Whether the services that one calls take calls themselves, asked by `grpc.health.v1`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

Peer = tuple[grpc.aio.Channel, str]
"""A channel, and the full name of the service behind it."""


async def not_serving(peers: Mapping[str, Peer], timeout_s: float) -> tuple[str, ...]:
    """The names of the peers that do not answer SERVING within the time; empty: all is well."""
    answers = await asyncio.gather(*(_serves(channel, service, timeout_s) for channel, service in peers.values()))
    return tuple(name for name, serves in zip(peers, answers, strict=True) if not serves)


async def _serves(channel: grpc.aio.Channel, service: str, timeout_s: float) -> bool:
    try:
        response = await HealthStub(channel).Check(HealthCheckRequest(service=service), timeout=timeout_s)
    except grpc.aio.AioRpcError:
        return False
    return bool(response.status == HealthCheckResponse.SERVING)

"""Settings of every gRPC server, from `TRACKWAY_RPC_…` environment variables: what it takes before it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from trackway_server.core.config import Settings


class RpcSettings(Settings):
    """Bounds on connections, calls and streams. What the transport itself refuses: protos/README.md, Limits."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_RPC_")

    max_message_bytes: int = Field(default=16 << 20, ge=1 << 20, le=256 << 20)
    """Greatest message that is received, after decompression."""

    max_header_bytes: int = Field(default=16 << 10, ge=4 << 10, le=1 << 20)
    """Greatest sum of a call's metadata that is received."""

    max_connections: int = Field(default=10_000, ge=1)
    """Connections at once; further ones are closed."""

    max_streams_per_connection: int = Field(default=1_000, ge=1)
    """Calls at once on one connection; clients hold further ones back by themselves, HTTP/2 tells them to."""

    max_calls_per_principal: int = Field(default=10_000, ge=1)
    """Calls at once of one principal, streams among them; callers without a key count as one principal."""

    calls_per_second: float = Field(default=0.0, ge=0)
    """How many calls a principal may begin a second, in the long run. 0: as many as it likes."""

    call_burst: int = Field(default=200, ge=1)
    """How many calls a principal may begin at once, after a pause, where `calls_per_second` is set."""

    first_message_s: float = Field(default=60.0, gt=0)
    """How long a caller may take to send the first message of a stream, in seconds."""

    stream_idle_s: float = Field(default=6 * 3600.0, gt=0)
    """How long a caller may leave a stream that it writes without a message, in seconds; clients open a new one."""

    handshake_s: float = Field(default=20.0, gt=0)
    """How long a connection may take to become one of HTTP/2, in seconds."""

    connection_idle_s: float = Field(default=1800.0, gt=0)
    """How long a connection may have no call, in seconds; clients connect again by themselves."""

    def options(self) -> Sequence[tuple[str, Any]]:
        """The settings that are gRPC's own, as its channel arguments."""
        return (
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", self.max_header_bytes),
            ("grpc.absolute_max_metadata_size", self.max_header_bytes),
            ("grpc.max_allowed_incoming_connections", self.max_connections),
            ("grpc.max_concurrent_streams", self.max_streams_per_connection),
            ("grpc.server_handshake_timeout_ms", int(self.handshake_s * 1000)),
            ("grpc.max_connection_idle_ms", int(self.connection_idle_s * 1000)),
        )

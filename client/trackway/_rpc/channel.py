"""Opening channels."""

from __future__ import annotations

import grpc.aio

from trackway import __version__
from trackway._rpc.retry import service_config
from trackway.config import ServerAddress

MAX_RECEIVE_BYTES = 64 * 1024 * 1024
"""A run with 10,000 series and 4 MiB of params fits; a hostile server cannot fill memory with one message."""
MAX_SEND_BYTES = 16 * 1024 * 1024
MAX_RECONNECT_MS = 1000
"""How long the channel waits at most before it tries again to connect."""


def open_channel(address: ServerAddress) -> grpc.aio.Channel:
    """A channel to the server. It connects at the first call."""
    options = channel_options(address)
    if address.tls:
        return grpc.aio.secure_channel(address.target, grpc.ssl_channel_credentials(), options=options)
    return grpc.aio.insecure_channel(address.target, options=options)


def channel_options(address: ServerAddress) -> tuple[tuple[str, str | int], ...]:
    """gRPC's options for a channel to the server."""
    return (
        ("grpc.primary_user_agent", f"trackway/{__version__}"),
        ("grpc.service_config", service_config()),
        ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
        ("grpc.max_send_message_length", MAX_SEND_BYTES),
        # A server that was restarted is found again quickly; gRPC's own defaults wait up to two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_MS),
        # A new client must not inherit the back-off of another one that failed.
        ("grpc.use_local_subchannel_pool", 1),
        # A proxy for the internet must not be asked for this machine.
        ("grpc.enable_http_proxy", 0 if address.loopback else 1),
    )

"""Opening channels."""

from __future__ import annotations

import ipaddress
import os
import socket

import grpc.aio

from trackway import __version__, errors
from trackway._rpc import forks
from trackway._rpc.retry import service_config
from trackway.config import ServerAddress

MAX_RECEIVE_BYTES = 64 * 1024 * 1024
"""A run with 10,000 series and 4 MiB of params fits; a hostile server cannot fill memory with one message."""
MAX_SEND_BYTES = 16 * 1024 * 1024
MAX_RECONNECT_MS = 1000
"""How long the channel waits at most before it tries again to connect."""
CONNECT_MS = 5000
"""How long one attempt to connect may take. gRPC's name for it, `min_reconnect_backoff_ms`, says something else: an
attempt that fails at once is repeated after the back-off all the same."""
KEEPALIVE_MS = 10_000
"""How long a connection with an open call may be silent before the other side is asked whether it lives. The server
allows twice as many questions (`core/rpc/server.py`)."""
KEEPALIVE_ANSWER_MS = 10_000
"""How long it may take to answer; after that the connection is given up, and its calls end with UNAVAILABLE."""


def open_channel(address: ServerAddress, *, longest_call: float = 0.0) -> grpc.aio.Channel:
    """A channel to the server. It connects at the first call. `longest_call` is the longest deadline of a unary call
    that its user will set, in seconds.

    Raises InvalidArgument where a file of TLS cannot be used, Unavailable where no name in a list of servers is known,
    FailedPrecondition in a child to which gRPC's threads did not come along.
    """
    forks.check_usable()
    options = channel_options(address, longest_call)
    target = address.target if len(address.targets) == 1 else _looked_up(address)
    if address.tls:
        return grpc.aio.secure_channel(target, _credentials(address), options=options)
    return grpc.aio.insecure_channel(target, options=options)


def channel_options(address: ServerAddress, longest_call: float = 0.0) -> tuple[tuple[str, str | int], ...]:
    """gRPC's options for a channel to the server."""
    options: tuple[tuple[str, str | int], ...] = (
        ("grpc.primary_user_agent", f"trackway/{__version__}"),
        ("grpc.service_config", service_config(longest_call, balanced=_may_be_several(address))),
        ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
        ("grpc.max_send_message_length", MAX_SEND_BYTES),
        # A server that was restarted is found again quickly; gRPC's own defaults wait up to two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
        ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_MS),
        # A network that swallows everything is noticed while a call is open, and by none that is idle.
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_ANSWER_MS),
        # While a ping of gRPC's own (it measures bandwidth) is unanswered, none of these is sent: its time counts, too.
        ("grpc.http2.ping_timeout_ms", KEEPALIVE_ANSWER_MS),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.http2.max_pings_without_data", 0),
        # A new client must not inherit the back-off of another one that failed.
        ("grpc.use_local_subchannel_pool", 1),
        # A proxy for the internet must not be asked for this machine.
        ("grpc.enable_http_proxy", 0 if address.loopback else 1),
    )
    if len(address.targets) > 1:  # else a list of addresses is what calls name as their host, and certificates fail
        return (*options, ("grpc.default_authority", address.targets[0]))
    return options


def files_signature(address: ServerAddress) -> tuple[int, ...]:
    """Changes when a file that the channel's TLS was made of does."""
    return tuple(_modified(path) for path in (address.ca_file, address.client_cert, address.client_key) if path)


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116
    except OSError:
        return 0


def _credentials(address: ServerAddress) -> grpc.ChannelCredentials:
    authority, cert, key = (
        _read(path, setting)
        for path, setting in (
            (address.ca_file, "CA_FILE"),
            (address.client_cert, "CLIENT_CERT"),
            (address.client_key, "CLIENT_KEY"),
        )
    )
    return grpc.ssl_channel_credentials(authority, key, cert)


def _read(path: str | None, setting: str) -> bytes | None:
    if path is None:
        return None
    advice = f"check TRACKWAY_{setting}, or {setting.lower()} in the profile"
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read()
    except OSError as error:
        raise errors.InvalidArgument(f"{path} cannot be read: {error.strerror}; {advice}") from None
    if b"-----BEGIN " not in content:
        raise errors.InvalidArgument(f"{path} is not in PEM form (-----BEGIN …-----): {advice}")
    return content


def _may_be_several(address: ServerAddress) -> bool:
    """Whether calls should take turns: a list, or a host name, which may stand for several addresses."""
    return len(address.targets) > 1 or not (address.loopback or _is_literal(address.target.rpartition(":")[0]))


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _looked_up(address: ServerAddress) -> str:
    """gRPC's form of a list of servers, which takes addresses of one family only: IPv4 ones are mapped where needed."""
    found: dict[tuple[str, int], None] = {}
    for target in address.targets:
        host, _, port = target.rpartition(":")
        try:
            answers = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except OSError:
            continue  # the others may be known
        found.update({(str(answer[4][0]), int(answer[4][1])): None for answer in answers})
    if not found:
        raise errors.Unavailable(f"no host of {address.uri} is known: check the address (TRACKWAY_URI)")
    if not any(":" in host for host, _ in found):
        return "ipv4:" + ",".join(f"{host}:{port}" for host, port in found)
    return "ipv6:" + ",".join(f"[{host if ':' in host else f'::ffff:{host}'}]:{port}" for host, port in found)

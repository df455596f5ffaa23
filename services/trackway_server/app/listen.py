"""Sockets that are bound before anything else starts, so that a taken port is one clear line."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from trackway_server.app.options import authority
from trackway_server.core.lifecycle import StartupError


@contextmanager
def bound_socket(host: str, port: int, option: str) -> Iterator[socket.socket]:
    """A TCP socket bound to the address, not listening yet. Raises StartupError that names the option to change."""
    with _open(host, port, option) as (listener, address):
        try:
            listener.bind(address)
        except OSError as error:
            raise _cannot_listen(host, port, option, error) from error
        yield listener


@contextmanager
def _open(host: str, port: int, option: str) -> Iterator[tuple[socket.socket, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(host, port, option, error) from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield listener, address


def _cannot_listen(host: str, port: int, option: str, error: OSError) -> StartupError:
    reason = error.strerror or str(error)
    return StartupError(f"cannot listen on {authority(host, port)}: {reason}; choose another --host or {option}")

"""TLS as the options ask for it: of the listeners, and on the way to the other services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from trackway_server.app.options import ServerOptions
from trackway_server.core.rpc.peers import PeerTls

if TYPE_CHECKING:
    from trackway_server.core.tls import ServerTls


@asynccontextmanager
async def listener_tls(options: ServerOptions) -> AsyncIterator[ServerTls | None]:
    """The TLS of the listeners, following its files inside the block; None: plain text. Raises StartupError."""
    if options.tls_cert is None or options.tls_key is None:
        yield None
        return
    from trackway_server.core.tls import ServerTls, TlsFiles  # costs start-up time that plain servers need not spend

    files = TlsFiles(options.tls_cert, options.tls_key, options.tls_client_ca, options.tls_http_client_optional)
    tls = ServerTls(files)
    async with tls.following_files():
        yield tls


def peer_tls(options: ServerOptions) -> PeerTls | None:
    """How the other services are reached; None: in plain text. Shown to them is the listeners' own certificate, unless
    another is given."""
    if options.peer_ca is None:
        return None
    if options.peer_cert is not None:
        return PeerTls(options.peer_ca, options.peer_cert, options.peer_key)
    return PeerTls(options.peer_ca, options.tls_cert, options.tls_key)

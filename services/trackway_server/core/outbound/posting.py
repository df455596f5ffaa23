"""One HTTP POST to an address that a user has named: to where its name leads when it is connected to, and nowhere else.

The name is resolved once. Every address it has must be allowed, the connection is made to one of them by its number,
and its other end is looked at before anything is sent: a name that means something else a moment later changes nothing.
TLS still checks the certificate against the name. No redirect is followed, no proxy of the environment is asked, and of
the answer only the status and Retry-After are read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpcore

from trackway_server.core.outbound.addresses import is_public
from trackway_server.core.outbound.resolving import Resolver
from trackway_server.core.outbound.urls import Outbound, UrlError

_MOST_ADDRESSES = 4
"""Of a name that has many, so many are tried."""


class PostError(Exception):
    """There is no answer. Why, in a few words; `refused` where the address is one that is never connected to."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other end said."""

    status: int
    retry_after: str = ""
    """The header Retry-After, as it came."""


class Poster:
    """Sends requests. For one event loop."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._context: ssl.SSLContext | None = None
        self._resolver = Resolver()

    def close(self) -> None:
        """Begin nothing more."""
        self._resolver.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, party: str = "") -> Answer:
        """Send the body, on behalf of a `party`, whose slow names hold up no other. Raises PostError."""
        outbound = self._outbound
        try:
            outbound.check(url)
            async with asyncio.timeout(outbound.seconds):
                return await self._posted(url, headers, body, party)
        except UrlError as error:
            raise PostError(str(error), refused=True) from None
        except TimeoutError:
            raise PostError(f"no answer within {outbound.seconds:g} seconds") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, ssl.SSLError, OSError) as error:
            raise PostError(_told(error)) from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, ValueError) as error:
            raise PostError("the answer is no HTTP") from error

    async def _posted(self, url: str, headers: Mapping[str, str], body: bytes, party: str) -> Answer:
        if self._context is None:
            self._context = await asyncio.to_thread(_context, self._outbound.ca_file)
        backend = PinnedBackend(self._outbound.allow_private, self._resolver, party)
        async with (
            httpcore.AsyncConnectionPool(ssl_context=self._context, network_backend=backend, max_connections=1) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
        ):
            found = {name.lower(): value for name, value in response.headers}
            return Answer(response.status, found.get(b"retry-after", b"")[:100].decode("ascii", "replace"))


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the public addresses of a name alone, unless private ones are allowed."""

    def __init__(self, allow_private: bool, resolver: Resolver, party: str) -> None:
        self._allow_private = allow_private
        self._resolver = resolver
        self._party = party
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore. Raises PostError where an address of the host is not allowed."""
        failure: Exception = PostError("the name of the host is not known")
        for address in await self._addresses(host, port):
            try:
                stream = await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            peer = stream.get_extra_info("server_addr")
            if not self._allowed(str(peer[0])):
                await stream.aclose()
                raise _not_public()
            return stream
        raise failure

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = await self._resolver.addresses(host, port, self._party)
        except (socket.gaierror, UnicodeError):
            raise PostError("the name of the host is not known") from None
        if not all(map(self._allowed, addresses)):
            raise _not_public()
        return addresses[:_MOST_ADDRESSES]

    def _allowed(self, address: str) -> bool:
        return self._allow_private or is_public(address)


def retry_after_seconds(text: str, now_s: float) -> float | None:
    """What Retry-After asks for, in seconds from `now_s` (since 1970 UTC); None where it asks for nothing plain."""
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, TypeError, OverflowError):
        return None


def _context(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))


def _not_public() -> PostError:
    return PostError("the host has an address that is not one of the public network", refused=True)


def _told(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError) or isinstance(error.__context__, ssl.SSLError):
        return "the certificate of the host is not trusted, or it speaks no TLS"
    return "the host cannot be reached"

"""How long, and for how much, the gateway waits for a client: uvicorn itself waits for ever for the end of a header."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from trackway_server.gateway.config import GatewaySettings

HEADER_BYTES = 32 << 10
AROUND_BYTES = 96 << 10
"""Header and framing, beside the greatest body."""

_BODY_BYTES = "trackway.body_bytes"


def await_body(scope: Scope, size_bytes: int) -> None:
    """Let the body of this request be so large: whoever says so reads it piece by piece. To be called before anything
    is awaited."""
    scope[_BODY_BYTES] = size_bytes


def patient_protocol(settings: GatewaySettings) -> type[asyncio.Protocol]:
    """The protocol of one connection, with the bounds of the settings."""
    most = settings.max_body_bytes + AROUND_BYTES
    idle: dict[PatientProtocol, None] = {}
    """Connections whose request has not come, the one that has been silent longest first."""

    class PatientProtocol(H11Protocol):
        """Closes a connection whose request, or whose reading of the answer, takes too long, or that sends too much.

        Where all connections are taken, those go first whose request has not come: who opens many and says nothing
        shuts out nobody.
        """

        _received = 0
        _asking: asyncio.TimerHandle | None = None
        _stalled: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            while idle and len(self.connections) >= settings.max_connections:
                oldest = next(iter(idle))
                del idle[oldest]
                self.connections.discard(oldest)
                oldest.transport.abort()
            self._await_request()

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._asking, self._stalled):
                if timer is not None:
                    timer.cancel()
            idle.pop(self, None)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            self._received += len(data)
            if self._received > self._most():
                self.transport.close()
            if not self.transport.is_closing():
                super().data_received(data)
                self._note_request()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._await_request()
            self._note_request()  # the next one may have come already

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stalled = self._stalled or self.loop.call_later(settings.stalled_s, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._stalled is not None:
                self._stalled.cancel()
                self._stalled = None

        def _most(self) -> int:
            cycle: Any = self.cycle
            if cycle is None:
                return most
            # Also after an early refusal, which the client reads when it has sent all; `request_s` ends that.
            return int(cycle.scope.get(_BODY_BYTES, settings.max_body_bytes)) + AROUND_BYTES

        def _await_request(self) -> None:
            if self._asking is not None:
                self._asking.cancel()
            self._received = 0
            idle.pop(self, None)
            idle[self] = None
            self._asking = self.loop.call_later(settings.request_s, self._close_without_request)

        def _note_request(self) -> None:
            """Where the whole request has come, or one that is read piece by piece begins, this is none of the idle."""
            cycle: Any = self.cycle
            answering = cycle is not None and not cycle.response_complete
            if answering and (not cycle.more_body or _BODY_BYTES in cycle.scope):
                idle.pop(self, None)

        def _close_without_request(self) -> None:
            cycle: Any = self.cycle
            if cycle is None or cycle.response_complete:
                self.transport.close()

    return PatientProtocol

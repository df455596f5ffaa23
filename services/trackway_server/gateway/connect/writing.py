"""One answer on its way to one client."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Send

from trackway_server.gateway.connect.framing import Framing
from trackway_server.gateway.connect.refusals import Refused


class Writer:
    """Begins an answer with the first that is written."""

    def __init__(self, framing: Framing, send: Send) -> None:
        self._framing = framing
        self._send = send
        self._begun = False

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Write some of the answer; returns when the connection has room for more."""
        if not self._begun:
            await self._begin(200, self._framing.headers)
        if data or last:
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def refuse(self, refused: Refused) -> None:
        """Say why there is no more, or nothing at all: by the status, where that can still be said."""
        if self._begun or not self._framing.refuses_by_status:
            await self.write(self._framing.end(refused), last=True)
            return
        await self._begin(refused.status, refused.all_headers)
        await self.write(refused.as_json(), last=True)

    async def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self._begun = True
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

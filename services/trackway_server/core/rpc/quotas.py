"""The layer that gives each principal its share: calls at once, and calls a second where that is set."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trackway_server.core.errors import TryLaterError
from trackway_server.core.rpc.config import RpcSettings
from trackway_server.core.rpc.dispatch import Handler
from trackway_server.core.rpc.exchange import Exchange
from trackway_server.core.rpc.method import Method
from trackway_server.core.rpc.origin import origin_of

MOST_BUCKETS = 10_000
_RETRY_AFTER_SECONDS = 1


class RateLimit:
    """A token bucket for each name. Remembers the 10,000 names that called last: a full bucket needs no memory."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, name: str) -> float:
        """Take one token; 0 where there was one, else the seconds until there will be."""
        now = self._clock()
        tokens, at = self._buckets.pop(name, (float(self._burst), now))
        tokens = min(tokens + (now - at) * self._per_second, float(self._burst))
        taken = tokens >= 1
        self._buckets[name] = (tokens - 1 if taken else tokens, now)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._per_second


class OpenCalls:
    """How many calls each principal has under way; remembers those that have any."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, name: str) -> bool:
        """Note one more, unless there are too many."""
        count = self._open.get(name, 0)
        if count >= self._most:
            return False
        self._open[name] = count + 1
        return True

    def end(self, name: str) -> None:
        """Note one less."""
        if self._open[name] == 1:
            del self._open[name]
        else:
            self._open[name] -= 1


@dataclass(frozen=True, slots=True)
class Quotas:
    """Refuses what goes beyond a principal's share, with LIMIT_EXCEEDED and when to try again."""

    settings: RpcSettings
    open_calls: OpenCalls
    rate: RateLimit | None
    name: str = "quotas"
    after: Sequence[str] = field(default=("status", "authorization"))

    @classmethod
    def of(cls, settings: RpcSettings) -> Quotas:
        """The quotas that the settings ask for; one object for all methods of a server."""
        rate = RateLimit(settings.calls_per_second, settings.call_burst) if settings.calls_per_second else None
        return cls(settings, OpenCalls(settings.max_calls_per_principal), rate)

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""
        # What anybody may call (health) is asked by machinery on which the server's own life depends.
        rate = self.rate if method.permission is not None else None
        open_calls, path, keyless = self.open_calls, method.path, method.permission is None

        async def handle(exchange: Exchange) -> None:
            # Without a principal, each address has a share of each method: a flood of one starves no other.
            name = f"{path} {origin_of(exchange.call.peer)}" if keyless else exchange.principal_name
            if rate is not None and (wait := rate.take(name)):
                raise self._too_fast(wait)
            if not open_calls.begin(name):
                raise self._too_many()
            try:
                await proceed(exchange)
            finally:
                open_calls.end(name)

        return handle

    def _too_fast(self, wait: float) -> TryLaterError:
        most = f"{self.settings.calls_per_second:g}"
        message = f"You may begin {most} calls a second; wait, put several writes in one call, or stream with Ingest."
        return TryLaterError(message, wait, limit="calls_per_second", maximum=most)

    def _too_many(self) -> TryLaterError:
        most = self.settings.max_calls_per_principal
        message = f"You have {most} calls under way, as many as this server takes; end streams that are not needed."
        return TryLaterError(message, _RETRY_AFTER_SECONDS, limit="calls_at_once", maximum=str(most))

"""Starting and stopping: what a failed start says, when a running server should stop, and the steps of stopping."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StartupError(Exception):
    """The server cannot start. The text is one line that says what is wrong and what to do; the program prints it."""


@asynccontextmanager
async def stop_signals(signals: Sequence[signal.Signals] = STOP_SIGNALS) -> AsyncIterator[asyncio.Event]:
    """An event that is set by SIGINT or SIGTERM inside the block; a second signal ends the process at once.

    The handlers that stood before are back afterwards. Only in the main thread.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def ask(number: signal.Signals) -> None:
        asked.set()
        loop.remove_signal_handler(number)  # the default action is back: a second signal does not wait
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        loop.add_signal_handler(number, ask, number)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def stop_in_steps(
    not_ready: Callable[[], None], drain: Callable[[float], Awaitable[None]], *, wait_s: float, grace_s: float
) -> None:
    """Say not ready; wait until load balancers have seen it; then drain, which cancels what outlives the grace."""
    not_ready()
    await asyncio.sleep(wait_s)
    await drain(grace_s)

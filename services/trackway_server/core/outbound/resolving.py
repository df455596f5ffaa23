"""Names of hosts, looked up in threads: those who wait for names that nobody answers for hold up nobody else.

A look-up cannot be interrupted: the thread is lost for it until the system gives up, long after the caller has. So each
party (a workspace, say) may have a few threads at once, of many; what it asks beyond that waits for one of its own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

_THREADS = 64
_OF_A_PARTY = 8


class Resolver:
    """Looks names up. For one event loop."""

    def __init__(self, threads: int = _THREADS, of_a_party: int = _OF_A_PARTY) -> None:
        # Not one of the threads that everything else shares. They are started as they are needed.
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="resolve")
        self._of_a_party = of_a_party
        self._parties: dict[Hashable, _Party] = {}

    def close(self) -> None:
        """Begin nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def addresses(self, host: str, port: int, party: Hashable = "") -> list[str]:
        """The addresses of a host, in the order in which they are to be tried. Raises OSError, UnicodeError.

        A caller that is cancelled meanwhile leaves the thread to the look-up, and counted as its party's.
        """
        loop = asyncio.get_running_loop()
        mine = self._parties.setdefault(party, _Party(asyncio.Semaphore(self._of_a_party)))
        mine.users += 1
        try:
            await mine.threads.acquire()
        except asyncio.CancelledError:
            self._leave(party, mine)
            raise

        def ended() -> None:
            mine.threads.release()
            self._leave(party, mine)

        try:
            asked = self._executor.submit(partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
        except RuntimeError as closed:
            mine.threads.release()
            self._leave(party, mine)
            raise OSError("the server stops") from closed
        # Where the loop has gone nobody waits for a thread any more.
        asked.add_done_callback(lambda _: None if loop.is_closed() else loop.call_soon_threadsafe(ended))
        found = await asyncio.shield(asyncio.wrap_future(asked))
        return list(dict.fromkeys(str(each[4][0]) for each in found))

    def _leave(self, party: Hashable, mine: _Party) -> None:
        mine.users -= 1
        if not mine.users:
            self._parties.pop(party, None)


class _Party:
    """What one party holds: threads, and how many look-ups run or wait."""

    def __init__(self, threads: asyncio.Semaphore) -> None:
        self.threads = threads
        self.users = 0

"""The thread on which the synchronous client runs: one for the process, with an event loop of its own.

gRPC does not survive a fork while its threads run, so before a fork the thread ends and every connection is given up;
parent and child make new ones at their next call. gRPC's threads end with the last object that belongs to a channel.
Nothing that leaves the thread may therefore hold one: a caller that has not been scheduled since its call was
interrupted would keep them running through the fork, and the child's first call would wait for ever.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import functools
import gc
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, Protocol, TypeVar

from trackway.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

FORK_GRACE_SECONDS = 2.0
"""How long a fork waits for calls of other threads."""

STOP_SECONDS = 5.0
"""How long the end of the thread is waited for: a user's callback may hold it up."""


class Connected(Protocol):
    """Something with connections of the portal's loop."""

    async def disconnect(self) -> None:
        """Give the connections up; they are opened again when they are needed."""
        ...


class InterruptedByForkError(Unavailable):
    """Another thread forked the process during the call."""


class Portal:
    """Runs coroutines on its thread for callers in any other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: _LoopThread | None = None
        self._connected: weakref.WeakSet[Connected] = weakref.WeakSet()
        self._calls: set[concurrent.futures.Future[Any]] = set()
        self._guarded = False

    def attach(self, connected: Connected) -> None:
        """Have `connected` disconnected whenever the thread ends."""
        self._connected.add(connected)

    def call(self, function: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `await function(…)`. An interrupt (Ctrl-C) cancels it."""
        return self._wait(self._submit(function(*args, **kwargs)), patient=True)

    def wait_for(self, function: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `call`, for what may take for ever: a fork does not wait for it. Raises InterruptedByForkError then."""
        return self._wait(self._submit(function(*args, **kwargs)), patient=False)

    def dispose(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have something closed, without waiting: safe in a finaliser on any thread. Nothing is to do where the thread
        has ended, because its loop closed what it had."""
        with self._lock:
            if self._thread is not None:
                self._thread.submit(function())

    def stop(self) -> None:
        """End the thread, if it runs."""
        with self._lock:
            self._stop()

    def _submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        try:
            with self._lock:
                return self._running().submit(work)
        except BaseException:
            work.close()
            raise

    def _running(self) -> _LoopThread:
        if self._thread is None:
            self._guard_forks()
            self._thread = _LoopThread()
        if self._thread.is_current():
            raise RuntimeError("the synchronous client was called from its own thread (in a progress callback?)")
        return self._thread

    def _wait(self, future: concurrent.futures.Future[T], *, patient: bool) -> T:
        if patient:
            self._calls.add(future)
        try:
            return future.result()
        except BaseException:
            self._give_up(future)
            raise
        finally:
            self._calls.discard(future)

    def _give_up(self, future: concurrent.futures.Future[Any]) -> None:
        if not future.done():
            with self._lock:
                if self._thread is not None:
                    self._thread.cancel(future)

    def _stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop(list(self._connected))

    def _guard_forks(self) -> None:
        if not self._guarded:
            self._guarded = True
            atexit.register(self.stop)
            os.register_at_fork(
                before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._after_fork
            )

    def _before_fork(self) -> None:
        self._lock.acquire()
        if self._thread is None or not self._thread.is_current():  # the thread cannot wait for itself
            concurrent.futures.wait(set(self._calls), timeout=FORK_GRACE_SECONDS)
            self._stop_for_fork()

    def _stop_for_fork(self) -> None:
        if self._thread is not None:
            self._stop()
            gc.collect()  # a channel in a cycle would keep gRPC's threads alive

    def _after_fork(self) -> None:
        self._lock.release()


class _LoopThread:
    """A daemon thread that runs an event loop until it is stopped."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: dict[concurrent.futures.Future[Any], asyncio.Task[Any]] = {}
        self._thread = threading.Thread(target=self._run, name="trackway-client", daemon=True)
        self._thread.start()

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """The answer to come. It holds no task and no coroutine, unlike that of `asyncio.run_coroutine_threadsafe`."""
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._loop.call_soon_threadsafe(self._begin, work, answer)
        return answer

    def cancel(self, answer: concurrent.futures.Future[Any]) -> None:
        """Cancel the work for an answer that nobody waits for any more."""
        self._loop.call_soon_threadsafe(self._cancel, answer)

    def stop(self, connected: list[Connected]) -> None:
        """Give up connections, cancel what still runs, and end."""
        concurrent.futures.wait([self.submit(_disconnect(connected))], timeout=STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)

    def _begin(self, work: Coroutine[Any, Any, T], answer: concurrent.futures.Future[T]) -> None:
        task = self._tasks[answer] = self._loop.create_task(work)
        task.add_done_callback(functools.partial(self._settle, answer))

    def _settle(self, answer: concurrent.futures.Future[T], task: asyncio.Task[T]) -> None:
        del self._tasks[answer]
        if task.cancelled():
            answer.set_exception(InterruptedByForkError("the process forked during this call: repeat it"))
        elif (error := task.exception()) is not None:
            answer.set_exception(error)
        else:
            answer.set_result(task.result())

    def _cancel(self, answer: concurrent.futures.Future[Any]) -> None:
        if (task := self._tasks.get(answer)) is not None:
            task.cancel()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            _finish(self._loop)


async def _disconnect(connected: list[Connected]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for each in connected:
        await each.disconnect()


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


PORTAL = Portal()
"""The process's portal. Its thread starts with the first call and ends with the process, or before it forks."""

"""The uplink: one process per user and spool root on a host, which sends what training processes record.

It is started by the first of them, elected by a lock, watches every spool under the root, resumes each from the
server's cursor, closes the runs of processes that have vanished, and ends when nothing is left to do. It may be killed
at any time: the spools hold everything, and the next flush or run starts another.

    TRACKWAY_UPLINK_IDLE   seconds without a living writer or anything to send before it ends (10)
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from trackway._ingest.doorbell import socket_path


def main() -> None:
    """Run the uplink of the root named by the first argument, unless there is one already."""
    if os.fork():  # detach from the process that started us: it need not wait for us, nor we end with its session
        os._exit(0)
    os.setsid()
    root = Path(sys.argv[1])
    hello = os.environ.pop("TRACKWAY_UPLINK_HELLO", "")
    for name in ("TOKEN", "CA_FILE", "CLIENT_CERT", "CLIENT_KEY", "OIDC_TOKEN_FILE"):
        os.environ.pop(f"TRACKWAY_{name}", None)  # of the process that started us; each brings its own for its server
    path = socket_path(os.fspath(root))
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _pass_on(hello, path)
        return
    os.chdir("/")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.bind(path)
    bell.setblocking(False)
    try:
        asyncio.run(_run(root, bell, hello))
    finally:
        bell.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _pass_on(hello: str, path: str) -> None:
    """Another uplink was elected a moment ago: give it our first message."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        for _ in range(50):
            with contextlib.suppress(OSError):
                bell.sendto(hello.encode(), path)
                return
            time.sleep(0.02)


async def _run(root: Path, bell: socket.socket, hello: str) -> None:
    from trackway._ingest.watch import Watch

    watch = Watch(root)
    loop = asyncio.get_running_loop()
    loop.add_reader(bell.fileno(), _answer, bell, watch)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    watch.hear(_message(hello))
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(watch.run())
            stopper = tasks.create_task(_cancel_when(stopped, running))
            running.add_done_callback(lambda _: stopper.cancel())
    finally:
        loop.remove_reader(bell.fileno())


async def _cancel_when(stopped: asyncio.Event, running: asyncio.Task[None]) -> None:
    await stopped.wait()
    running.cancel()


def _answer(bell: socket.socket, watch: Any) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            watch.hear(_message(bell.recv(1 << 16).decode("utf-8", "replace")))


def _message(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        message = json.loads(text or "{}")
        if isinstance(message, dict):
            return message
    return {}

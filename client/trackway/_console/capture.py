"""Capture of this process's console: descriptors 1 and 2 lead through a tee (`_console/tee.py`) while a run wants it.

So what C libraries and child processes write is captured, too, and nothing of it waits for a Python thread. Where
`sys.stdout` or `sys.stderr` do not write to those descriptors (notebooks, pytest), what is written to them in Python is
copied to the tee beside. Standard output and standard error that go to one place (a terminal, `2>&1`) stay one stream.

Captures may be nested (a run within a run that asks for its own): the inner one then writes into the outer one, and
each ends without taking the other's place. A forked child goes on writing into its parent's capture, and owns none.

Training processes import this when a run captures; it imports nothing that is slow.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, start_new_thread
from time import monotonic

from trackway._ingest.text import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT_LIMIT = 32 << 20
"""Bytes of console text that one process records of a run."""
STDOUT, STDERR, BOTH = 1, 2, 3
DRAIN_SECONDS = 10.0
_ABOVE = 64
"""Descriptors of ours are numbered from here, out of the way of what the tee is given from 3 on."""
_PIPE_BYTES = 1 << 20

_active: list[Capture] = []
_lock = allocate_lock()
_inherited: dict[int, tuple[int, int]] = {}
"""In a forked child, of descriptors 1 and 2: the inode of its parent's capture, and where they led before that."""


def is_capturing() -> bool:
    """Whether a run of this process captures the console now."""
    return bool(_active)


class Capture:
    """One capture of the console, from `start` to `stop`. Nothing here raises OSError: a run goes on without it."""

    def __init__(
        self,
        run_id: str,
        *,
        uri: str,
        workspace: str,
        labels: Mapping[str, str],
        root: str,
        limit: int = DEFAULT_LIMIT,
        keep_colours: bool = False,
    ) -> None:
        self._settings: dict[str, object] = {
            "run_id": run_id,
            "uri": uri,
            "workspace": workspace,
            "token": os.environ.get("TRACKWAY_TOKEN", ""),
            "labels": {"pid": str(os.getpid()), **_rank(), **labels},
            "root": root,
            "limit": limit,
            "keep_colours": int(keep_colours),
        }
        self._owner = os.getpid()
        self._control = -1
        self._telling = -1
        self._saved: dict[int, int] = {}
        self._writing: dict[int, tuple[int, int]] = {}
        self._reading: dict[int, int] = {}
        self._copies: list[_Copy] = []
        self._stopped = False
        self._asking = allocate_lock()

    def start(self) -> bool:
        """Begin. Answers False, having said why in one line, where it cannot be done."""
        _flush_streams()
        opened: list[int] = []
        try:
            with _lock:
                self._begin(opened)
                _active.append(self)
        except OSError as error:
            for descriptor in opened:
                os.close(descriptor)
            sys.stderr.write(f"trackway: the console is not recorded: {error.strerror or error}\n")
            return False
        return True

    def flush(self, timeout: float) -> None:
        """Wait, at most `timeout` seconds, until what was written is on the server."""
        if not self._stopped and self._is_ours():
            _flush_streams()
            self._ask(b"F", b"f", timeout)

    def tell(self, text: str) -> None:
        """Record text that is not shown: it is shown by others when the run has ended."""
        if self._telling >= 0 and not self._stopped and self._is_ours():
            _flush_streams()
            try:
                os.write(self._telling, text.encode("utf-8", "replace"))
            except OSError:
                return

    def stop(self) -> None:
        """Give the descriptors back, after everything that was written has gone where it goes. Only once."""
        if self._stopped or not self._is_ours():
            return
        _flush_streams()
        for inner in reversed(_active[_active.index(self) + 1 :] if self in _active else []):
            inner._ask(b"D", b"d", DRAIN_SECONDS)  # it writes into this one
        with _lock:
            self._stopped = True
            self._end_copies()
            self._restore()
        self._ask(b"E", b"e", DRAIN_SECONDS)

    def wait(self, timeout: float) -> None:
        """After `stop`: wait, at most `timeout` seconds, until the server has all of it."""
        if self._control >= 0 and self._is_ours():
            try:
                self._answer(b"f", timeout)
            except OSError:
                return
            finally:
                os.close(self._control)
                self._control = -1

    # -- beginning ---------------------------------------------------------------------------------------------------

    def _begin(self, opened: list[int]) -> None:
        import _socket

        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._control = _moved(ours.detach(), opened)
        control = _moved(theirs.detach(), opened)
        channels = self._channels(opened)
        actions, settings = _handed_over(control, channels)
        executable = sys.executable or "python3"
        package_parent = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        code = f"import sys; sys.path.insert(0, {package_parent!r}); from trackway._console.tee import main; main()"
        environment = {**os.environ, "TRACKWAY_CONSOLE_HELLO": to_json({**self._settings, "channels": settings})}
        arguments = [executable, "-I", "-S", "-c", code]
        child = os.posix_spawn(executable, arguments, environment, file_actions=actions, setsid=True)
        for descriptor, (write_end, _) in self._writing.items():
            os.dup2(write_end, descriptor)
        for copy in self._copies:
            copy.begin()
        for write_end in {write_end for write_end, _ in self._writing.values()}:
            opened.remove(write_end)
            os.close(write_end)
        os.close(control)
        start_new_thread(self._guard, (child,))

    def _channels(self, opened: list[int]) -> list[tuple[int, int, int, int]]:
        """(what the tee reads, where it passes on to, stream, whether that is a terminal), made and noted."""
        channels: list[tuple[int, int, int, int]] = []
        places: dict[tuple[int, ...], int] = {}
        for descriptor in (1, 2):
            place = _place(descriptor)
            if place is None:
                continue
            saved = self._saved[descriptor] = _moved(os.dup(descriptor), opened)
            if place in places:
                first = places[place]
                self._writing[descriptor] = self._writing[first]
                channels[0] = (*channels[0][:2], BOTH, channels[0][3])
                continue
            places[place] = descriptor
            inode, before = _inherited.get(descriptor, (0, saved))
            target = before if inode == _inode(descriptor) else saved
            tty = os.isatty(target)
            read_end, write_end = (_moved(each, opened) for each in (_terminal_pair(target) if tty else _pipe()))
            self._writing[descriptor] = (write_end, _inode(write_end))
            self._reading[read_end] = saved
            channels.append((read_end, target, descriptor, int(tty)))
        for name, stream in (("stdout", STDOUT), ("stderr", STDERR)):
            if copied := _not_backed(name, stream):
                read_end, write_end = (_moved(each, opened) for each in _pipe())
                self._copies.append(_Copy(copied, write_end))
                channels.append((read_end, -1, stream, 0))
        read_end, self._telling = (_moved(each, opened) for each in _pipe())
        channels.append((read_end, -1, STDERR if len(self._reading) == 2 else BOTH, 0))
        return channels

    # -- ending ------------------------------------------------------------------------------------------------------

    def _end_copies(self) -> None:
        for copy in self._copies:
            copy.end()
        if self._telling >= 0:
            os.close(self._telling)
            self._telling = -1

    def _restore(self) -> None:
        """Let 1 and 2 lead where they led before, unless somebody else has changed them since: then they are let be,
        and whoever restores them later leaves this capture out."""
        for descriptor, (_, inode) in self._writing.items():
            if _inode(descriptor) == inode:
                os.dup2(self._beyond(descriptor), descriptor)
        if self in _active:
            self._unlink()

    def _beyond(self, descriptor: int) -> int:
        """Where a descriptor led before this capture; captures that have ended meanwhile are left out."""
        target = self._saved[descriptor]
        for other in reversed(_ended):
            saved = other._saved.get(descriptor)
            if saved is not None and _inode(target) == other._writing[descriptor][1]:
                target = saved
        return target

    def _unlink(self) -> None:
        """Be active no more. What captures that were begun later may need is kept until they have ended."""
        _active.remove(self)
        _ended.append(self)
        if not _active:
            for capture in _ended:
                capture._close_saved()
            _ended.clear()

    def _close_saved(self) -> None:
        for descriptor in (*self._saved.values(), *self._reading):
            os.close(descriptor)
        self._saved, self._reading = {}, {}

    # -- the tee -----------------------------------------------------------------------------------------------------

    def _ask(self, letter: bytes, answer: bytes, timeout: float) -> None:
        waited = self._asking.acquire(timeout=timeout)
        try:
            os.write(self._control, letter)
            self._answer(answer, timeout)
        except OSError:
            return
        finally:
            if waited:
                self._asking.release()

    def _answer(self, letter: bytes, timeout: float) -> None:
        """Wait for an answer. Others that come before it are passed over."""
        import select

        deadline = monotonic() + timeout
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        while poll.poll(max(deadline - monotonic(), 0.0) * 1000):
            if os.read(self._control, 1) in (letter, b""):
                return

    def _guard(self, child: int) -> None:
        """Wait for the tee's end. One that was killed is replaced: the output goes on, though unrecorded."""
        _wait_for(child)
        with _lock:
            if self._stopped:
                return
            pumps = [(os.dup(source), os.dup(target)) for source, target in self._reading.items()]
        for source, target in pumps:
            _pump(source, target, _PIPE_BYTES)  # what is there already, before what will go there directly
        with _lock:
            stopped, self._stopped = self._stopped, True
            if not stopped:
                self._end_copies()
                self._restore()
        if not stopped:
            sys.stderr.write("trackway: the console is no longer recorded: the process that did it has ended\n")
        for pump in pumps:
            start_new_thread(_pump, pump)  # for who is still writing, and for children

    def _is_ours(self) -> bool:
        return self._owner == os.getpid()


_ended: list[Capture] = []


class _Copy:
    """What is written to a Python stream that does not lead to descriptor 1 or 2, copied to the tee."""

    def __init__(self, stream: Any, target: int) -> None:
        self._stream = stream
        self._target = target
        self._write = stream.write
        self._hook = self._copying

    def begin(self) -> None:
        """Have `write` copy. The stream stays the same object: loggers hold on to it."""
        self._stream.write = self._hook

    def end(self) -> None:
        """Have `write` be as it was, or, where somebody else has wrapped it since, copy nothing more."""
        target, self._target = self._target, -1
        if vars(self._stream).get("write") is self._hook:
            del self._stream.write
            if self._stream.write != self._write:
                self._stream.write = self._write  # it was an attribute of the object before
        os.close(target)

    def _copying(self, text: Any) -> Any:
        written = self._write(text)
        target = self._target
        if target >= 0:
            try:
                data = text.encode("utf-8", "replace") if isinstance(text, str) else bytes(text)
                while data:
                    data = data[os.write(target, data) :]
            except (OSError, TypeError):
                self._target = -1
        return written


def _wait_for(child: int) -> None:
    try:
        os.waitpid(child, 0)
    except ChildProcessError:
        return  # somebody in this process has waited for every child


def _pump(source: int, target: int, most: int = 0) -> None:
    """Pass on what is written into a capture whose tee has ended: to its end, or only `most` bytes that are there."""
    import select

    poll = select.poll()
    poll.register(source, select.POLLIN)
    passed = 0
    try:
        while (not most or passed < most) and poll.poll(0 if most else None) and (data := os.read(source, 65536)):
            passed += len(data)
            while data:
                data = data[os.write(target, data) :]
    except OSError:
        return


def _handed_over(
    control: int, channels: list[tuple[int, int, int, int]]
) -> tuple[list[tuple[Any, ...]], list[list[object]]]:
    """The file actions that give the tee its descriptors, and their numbers there."""
    actions: list[tuple[Any, ...]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, control, 3),
    ]
    settings: list[list[object]] = []
    number = 4
    for read_end, target, stream, tty in channels:
        actions.append((os.POSIX_SPAWN_DUP2, read_end, number))
        if target >= 0:
            actions.append((os.POSIX_SPAWN_DUP2, target, number + 1))
        settings.append([number, number + 1 if target >= 0 else -1, stream, bool(tty)])
        number += 2
    return actions, settings


def _moved(descriptor: int, opened: list[int]) -> int:
    """The descriptor under a greater number, closed at exec, and noted in `opened`."""
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
    os.close(descriptor)
    opened.append(moved)
    return moved


def _pipe() -> tuple[int, int]:
    import fcntl

    read_end, write_end = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # room for bursts
        except OSError:
            return read_end, write_end  # the user has many pipes already
    return read_end, write_end


def _terminal_pair(terminal: int) -> tuple[int, int]:
    """A pseudo terminal of the size of `terminal`, which passes every byte on unchanged."""
    import fcntl
    import termios

    read_end, write_end = os.openpty()
    attributes = termios.tcgetattr(write_end)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    termios.tcsetattr(write_end, termios.TCSANOW, attributes)
    size = fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(write_end, termios.TIOCSWINSZ, size)
    return read_end, write_end


def _place(descriptor: int) -> tuple[int, ...] | None:
    """What a descriptor leads to; None where it is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_rdev


def _inode(descriptor: int) -> int:
    """The inode of what a descriptor leads to: pipes and terminals of ours differ by it."""
    place = _place(descriptor)
    return hash(place) if place else -1


def _not_backed(name: str, descriptor: int) -> Any:
    """`sys.stdout` or `sys.stderr`, where it does not write to its descriptor, and can be made to copy."""
    stream = getattr(sys, name, None)
    if stream is None or not hasattr(stream, "__dict__") or not hasattr(stream, "write"):
        return None
    try:
        backed = stream.fileno() == descriptor
    except (OSError, AttributeError, ValueError):
        backed = False
    return None if backed else stream


def _flush_streams() -> None:
    """Push out what Python's and C's own buffers hold, so that it goes where it was written to."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
    if _active or "ctypes" in sys.modules:
        try:
            import ctypes

            ctypes.CDLL(None).fflush(None)
        except (ImportError, OSError, AttributeError):
            return


def _rank() -> dict[str, str]:
    rank = next(
        (os.environ[name] for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK") if os.environ.get(name)), ""
    )
    return {"rank": rank} if rank else {}


def _forget() -> None:
    """In a forked child: the captures are its parent's. Its own would pass on to where the parent's does."""
    global _lock  # noqa: PLW0603 - another thread may have held it
    _lock = allocate_lock()
    for capture in _active:
        for descriptor, saved in capture._saved.items():
            before = _inherited.get(descriptor, (0, saved))[1]
            _inherited[descriptor] = (capture._writing[descriptor][1], before)
        if capture._control >= 0:
            os.close(capture._control)
            capture._control = -1
    _active.clear()
    _ended.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""The process between a training process and its terminal: it passes everything on, and records it.

One for each capture, so that the training process runs no thread and waits for nobody: it writes into a pipe (or, where
it wrote to a terminal, into a pseudo terminal). What it has written is passed on and recorded also when it is killed in
the middle of a line, and by whichever C library or child process it was written. This process is in a session of its
own: a Ctrl-C in the terminal is none of its business. It ends when nobody can write any more.

Its settings come in the variable TRACKWAY_CONSOLE_HELLO, as JSON; its files as descriptors: 3 is the control socket,
the rest are named in `channels`. On the control socket it is sent

    D   pass on what is there, answered by `d`
    F   record what is there and wait until the server has it, answered by `f`
    E   the run has ended: pass on what is there (answered by `e`), record it and wait until the server has it (`f`);
        what comes later is passed on only

This process records into a spool of its own, as one more writer of the run.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys
import termios
import time
from _thread import start_new_thread
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trackway._console.recording import Budget, StreamRecorder
from trackway._ingest.writer import Writer

HELLO = "TRACKWAY_CONSOLE_HELLO"
CONTROL = 3
TICK_SECONDS = 0.25
FLUSH_SECONDS = 60.0
_CHUNK = 1 << 18


@dataclass(slots=True)
class Channel:
    """What the training process writes into, and where it goes on to (-1: nowhere, it has been shown already)."""

    source: int
    target: int
    recorder: StreamRecorder
    terminal: bool
    window: bytes = b""

    def pass_on(self, data: bytes) -> None:
        """Write to where the process's output went before. A target that is gone takes nothing more."""
        view = memoryview(data)
        while view and self.target >= 0:
            try:
                view = view[os.write(self.target, view) :]
            except BlockingIOError:
                select.select([], [self.target], [], 1.0)
            except OSError:
                self.target = -1

    def follow_window(self) -> None:
        """Give the pseudo terminal the size of the terminal."""
        if self.terminal and self.target >= 0:
            try:
                size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(8))
                if size != self.window:
                    fcntl.ioctl(self.source, termios.TIOCSWINSZ, size)
                    self.window = size
            except OSError:
                self.terminal = False


class Tee:
    """Passes on and records until nobody can write any more."""

    def __init__(self, settings: dict[str, object], writer: Writer) -> None:
        self._writer = writer
        self._budget = Budget(int(str(settings["limit"])))
        self._recording = True
        self._controlled = True
        keep = bool(settings["keep_colours"])
        self._recorders: dict[int, StreamRecorder] = {}
        self._channels: list[Channel] = []
        for source, target, stream, tty in settings["channels"]:  # type: ignore[attr-defined]
            if stream not in self._recorders:  # what is copied from Python joins what is written to the descriptor
                self._recorders[stream] = StreamRecorder(writer.log_console, stream, self._budget, keep_colours=keep)
            self._channels.append(Channel(source, target, self._recorders[stream], tty))

    def run(self) -> None:
        """Work until the end of all channels."""
        poll = select.poll()
        by_source = {channel.source: channel for channel in self._channels}
        for descriptor in (CONTROL, *by_source):
            poll.register(descriptor, select.POLLIN)
        due = 0.0
        while by_source:
            for descriptor, _ in poll.poll(int(TICK_SECONDS * 1000)):
                if descriptor == CONTROL:
                    if not self._obey():
                        poll.unregister(CONTROL)
                elif not self._take(by_source[descriptor]):
                    poll.unregister(descriptor)
                    del by_source[descriptor]
            if time.monotonic() >= due:
                due = time.monotonic() + TICK_SECONDS
                self._record()
        self._end()

    def finish(self) -> None:
        """Let go of everything, and answer as long as the training process asks: it hangs up when it knows enough."""
        self._end()
        self._let_go()
        while self._controlled and self._obey():
            continue

    def _take(self, channel: Channel) -> bool:
        """Read once from a channel. False at its end."""
        try:
            data = os.read(channel.source, _CHUNK)
        except OSError:  # EIO: the last process has closed the pseudo terminal
            data = b""
        if not data:
            return False
        channel.pass_on(data)
        if self._recording:
            with self._guarded():
                channel.recorder.feed(data, time.time())
        return True

    def _record(self, *, at_once: bool = False) -> None:
        now = time.time()
        for channel in self._channels:
            channel.follow_window()
        for recorder in self._recorders.values() if self._recording else ():
            with self._guarded():
                recorder.record(now, at_once=at_once)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """A defect of ours ends the recording, not the training's output."""
        try:
            yield
        except Exception as defect:
            self._recording = False
            sys.stderr.write(f"trackway: the console is no longer recorded: {type(defect).__name__}: {defect}\n")

    def _drain(self) -> None:
        """Take all that has been written by now."""
        for channel in self._channels:
            while select.select([channel.source], [], [], 0)[0] and self._take(channel):
                continue

    def _obey(self) -> bool:
        """Do what the training process asks. False when it asks nothing any more."""
        try:
            asked = os.read(CONTROL, 64)
        except OSError:
            asked = b""
        for letter in asked:
            self._drain()
            if letter == ord("D"):
                self._answer(b"d")
                continue
            if letter == ord("E"):
                self._answer(b"e")
                self._end()
            else:
                self._record(at_once=True)
            start_new_thread(self._flush, ())
        self._controlled = bool(asked)
        return self._controlled

    def _flush(self) -> None:
        nobody_sends = os.environ.get("TRACKWAY_UPLINK") == "off"
        self._writer.flush(0.0 if nobody_sends else FLUSH_SECONDS)
        self._answer(b"f")

    def _answer(self, letter: bytes) -> None:
        try:
            os.write(CONTROL, letter)
        except OSError:
            self._controlled = False

    def _end(self) -> None:
        """Record the rest, once."""
        if self._recording:
            now = time.time()
            for recorder in self._recorders.values():
                with self._guarded():
                    recorder.finish(now)
            self._recording = False
            self._writer.close()

    def _let_go(self) -> None:
        """Close what others may wait for the end of."""
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 2)
        for channel in self._channels:
            for descriptor in {channel.source, channel.target} - {-1}:
                os.dup2(nothing, descriptor)
            channel.target = -1


def main() -> None:
    """Entry point of the process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTTOU):
        signal.signal(number, _go_on)
    settings = json.loads(os.environ.pop(HELLO))
    for descriptor in {CONTROL, *(each for channel in settings["channels"] for each in channel[:2])} - {-1}:
        os.set_inheritable(descriptor, False)
    writer = Writer.open(
        settings["run_id"],
        uri=settings["uri"],
        workspace=settings["workspace"],
        token=settings["token"],
        labels=settings["labels"],
        spool_root=settings["root"],
        owns_run=False,
    )
    tee = Tee(settings, writer)
    tee.run()
    tee.finish()
    sys.stdout = sys.stderr = None  # nothing is left to be flushed
    os._exit(0)


def _go_on(_number: int, _frame: object) -> None:
    """A handler, since a signal that is ignored would be ignored by the uplink, too, should this process start it."""

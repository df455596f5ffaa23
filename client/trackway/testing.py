"""A real server for tests: `trackway server` in a process of its own, on free ports, with data that goes away.

    from trackway.testing import LocalServer

    with LocalServer() as server:
        client = trackway.Client(server.uri, token=server.token)

It needs the extra `trackway[server]`. Nothing of yours is touched: its profile lies beside its data.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from trackway.errors import FailedPrecondition, Unavailable

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.01
_PORTS = range(10_240, 32_000)
"""Below the ports that systems give to outgoing connections: a restarted server finds its ports as it left them."""
_SHOWN_LOG_BYTES = 4000


class LocalServer:
    """A server that runs from `start` (or the beginning of a `with` block) to `stop` (or the block's end).

    With a `data_dir` the data is kept there; without one it lies in a temporary folder that `stop` deletes. `arguments`
    are further flags of `trackway server`, `environment` further variables. Not for several threads at once.
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str] | None = None,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._given_data_dir = None if data_dir is None else Path(data_dir)
        self._arguments = tuple(arguments)
        self._environment = dict(environment or {})
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._grpc_port = 0
        self._http_port = 0

    def start(self) -> LocalServer:
        """Start the server and wait until it serves. Raises Unavailable with the end of its log where it does not."""
        if self._process is not None and self._process.poll() is None:
            raise FailedPrecondition("this server runs already: stop it first")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="trackway-server-"))
            self._grpc_port, self._http_port = _unused_port(), _unused_port()
        self._launch()
        return self

    def restart(self) -> None:
        """Start again, on the same ports and data, ending the process first where it runs."""
        self.terminate()
        self._launch()

    def terminate(self) -> None:
        """Have the server drain and end, by force where it takes longer than 30 seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End the server, and delete its data where it chose the place itself."""
        self.terminate()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def uri(self) -> str:
        """Its address for clients."""
        return f"trackway://127.0.0.1:{self._grpc_port}"

    @property
    def http_url(self) -> str:
        """Its address for browsers."""
        return f"http://127.0.0.1:{self._http_port}"

    @property
    def token(self) -> str:
        """Its admin key."""
        return (self.data_dir / "admin.key").read_text().strip()

    @property
    def data_dir(self) -> Path:
        """Where its data lies."""
        return self._given_data_dir or self._own_folder / "data"

    @property
    def profile(self) -> Path:
        """The profile in which it noted its key; give it to other processes as `TRACKWAY_PROFILE`."""
        return self._own_folder / "profile.toml"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process."""
        if self._process is None:
            raise FailedPrecondition("this server has not been started: call start()")
        return self._process

    @property
    def log(self) -> str:
        """What it has logged since the first start."""
        return (self._own_folder / "server.log").read_text(errors="replace")

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _own_folder(self) -> Path:
        if self._folder is None:
            raise FailedPrecondition("this server has not been started: call start()")
        return self._folder

    def _launch(self) -> None:
        ready = self._own_folder / "ready.json"
        ready.unlink(missing_ok=True)
        with (self._own_folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of the caller
                self._command(), env=self._variables(ready), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._await_ready(ready)
        except BaseException:
            self.kill()
            raise

    def _command(self) -> list[str]:
        ports = ["--grpc-port", str(self._grpc_port), "--http-port", str(self._http_port)]
        options = ["--target", "all", "--data-dir", str(self.data_dir), *ports, *self._arguments]
        return [sys.executable, "-m", "trackway_server", *options]

    def _variables(self, ready: Path) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
        own = {"TRACKWAY_READY_FILE": str(ready), "TRACKWAY_PROFILE": str(self.profile)}
        return {**kept, **own, **self._environment}

    def _await_ready(self, ready: Path) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not ready.exists():
            if self.process.poll() is not None:
                raise Unavailable(f"the server ended before it served: {self._end_of_log()}")
            if time.monotonic() > deadline:
                raise Unavailable(f"the server did not serve within {READY_SECONDS:g} seconds: {self._end_of_log()}")
            time.sleep(_POLL_SECONDS)

    def _end_of_log(self) -> str:
        return self.log[-_SHOWN_LOG_BYTES:].strip() or "it logged nothing"


def _unused_port() -> int:
    """A port of this machine that nobody listens on now."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - spread, not secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port

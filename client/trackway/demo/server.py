"""A server for the demo: the one that is configured, the one that runs at the default address, or one of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trackway import config
from trackway.demo.failure import DemoFailure

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.05
_CONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """What the demo was asked for."""

    data_dir: Path
    grpc_port: int
    """Port of a server that the demo starts; 0: any free one, and then always a server of its own."""
    http_port: int
    keep: bool
    """Leave the server running that the demo started."""


@dataclass(frozen=True, slots=True)
class DemoServer:
    """The server that the demo talks to."""

    uri: str
    url: str | None
    """Its address for browsers; None where the demo did not start it."""
    data_dir: Path | None
    log: Path | None


@contextmanager
def demo_server(choice: ServerChoice) -> Iterator[DemoServer]:
    """A server that answers. One that was started here is stopped at the end, unless it is to be kept.

    Raises DemoFailure with one line where there is none.
    """
    if choice.grpc_port and _is_configured():
        yield _configured()
        return
    default = config.parse_uri(f"trackway://127.0.0.1:{choice.grpc_port or config.DEFAULT_PORT}")
    if choice.grpc_port and _answers(default.target):
        yield DemoServer(default.uri, None, None, None)
        return
    with _started(choice) as server:
        yield server


def _is_configured() -> bool:
    return bool(os.environ.get("TRACKWAY_URI") or config.read_profile().get("uri"))


def _configured() -> DemoServer:
    address = config.resolve()
    if not _answers(address.target):
        raise DemoFailure(
            f"no server answers at {address.uri}, which TRACKWAY_URI or the profile names: start it, or unset that"
        )
    return DemoServer(address.uri, None, None, None)


def _answers(target: str) -> bool:
    host, _, port = target.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False


@contextmanager
def _started(choice: ServerChoice) -> Iterator[DemoServer]:
    choice.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = choice.data_dir / "server.log"
    with tempfile.TemporaryDirectory(prefix="trackway-demo-") as scratch, log.open("ab") as output:
        ready = Path(scratch) / "ready.json"
        process = _spawn(choice, ready, output.fileno())
        try:
            ports = _ports(process, ready, log)
            yield DemoServer(
                uri=f"trackway://127.0.0.1:{ports['grpc_port']}",
                url=f"http://127.0.0.1:{ports['http_port']}",
                data_dir=choice.data_dir,
                log=log,
            )
        except BaseException:
            _stop(process)
            raise
        if not choice.keep:
            _stop(process)


def _spawn(choice: ServerChoice, ready: Path, output: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "trackway_server",
        f"--data-dir={choice.data_dir}",
        f"--grpc-port={choice.grpc_port}",
        f"--http-port={choice.http_port}",
    ]
    # A session of its own: Ctrl-C reaches the demo alone, which then stops its server in good order.
    return subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, "TRACKWAY_READY_FILE": str(ready)},
        start_new_session=True,
    )


def _ports(process: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, int]:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if ready.exists():
            ports: dict[str, int] = json.loads(ready.read_text())
            return ports
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
            raise DemoFailure(f"the server did not start: {_last_line(log)}")
    raise DemoFailure(f"the server was not ready within {_START_SECONDS:.0f} s; its log: {log}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it said nothing (log: {log})"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""A real MLflow server, and ours, each with fresh data."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx

from conformance.mlflow.differential.language import Story
from conformance.mlflow.differential.playing import Answer, Server, play
from trackway.testing import LocalServer

ROOT = Path(__file__).resolve().parents[4]
MLFLOW = ROOT / ".venv-peer" / "bin" / "mlflow"
READY_SECONDS = 180.0
_POLL_SECONDS = 0.05
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "https,http",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0",
}
_OURS = {
    "TRACKWAY_REGISTRY_WEBHOOK_ALLOW_HTTP": "true",
    "TRACKWAY_REGISTRY_WEBHOOK_ALLOW_PRIVATE_HOSTS": "true",
}


@contextmanager
def mlflow_server(folder: Path) -> Iterator[Server]:
    """MLflow's own server over SQLite. Raises RuntimeError with its log where it does not start."""
    port = _unused_port()
    database, files = folder / "mlflow.db", folder / "mlartifacts"
    command = [str(MLFLOW), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(files)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHON"))}
    log = folder / "mlflow.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *stores],
            cwd=folder,
            env={**kept, **_QUIET, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await_answer(f"http://127.0.0.1:{port}/health", process, log)
        yield Server(f"http://127.0.0.1:{port}", {})
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def our_server() -> Iterator[Server]:
    """Ours, as its administrator."""
    with LocalServer(environment=_OURS) as server:
        yield Server(server.http_url, {"authorization": f"Bearer {server.token}"})


def answers_of_both(folder: Path, stories: list[Story]) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """What MLflow's server and ours answer, both asked at the same time, once both are there."""
    with (
        webhook_receiver() as url,
        our_server() as ours,
        mlflow_server(folder) as theirs,
        ThreadPoolExecutor(2) as pool,
    ):
        asked = [pool.submit(play, server, stories, {"receiver": url}) for server in (theirs, ours)]
        return asked[0].result(), asked[1].result()


class _Received(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_request(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def webhook_receiver() -> Iterator[str]:
    """The address of one that takes webhooks: 500 is the answer where its path is /broken, else 200."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Received)
    thread = Thread(target=server.serve_forever, args=(_POLL_SECONDS,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _await_answer(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        time.sleep(_POLL_SECONDS)
    raise RuntimeError(f"MLflow's server does not answer: {log.read_text(errors='replace')[-2000:]}")


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def present() -> bool:
    """Whether MLflow is there to be compared with, see `make bench`."""
    return MLFLOW.exists() and sys.platform != "win32"

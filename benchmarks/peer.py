"""The peers, in an environment of their own: MLflow with its server and scripts, and local writers without one."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.ports import free_port
from benchmarks.processes import ROOT, BenchmarkError, ServerProcess, clean_environment, run_script, wait_until_quiet

LOCK = ROOT / "requirements" / "peer.lock"
HOME = ROOT / ".venv-peer"
PYTHON = HOME / "bin" / "python"
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}


def ensure_environment(say: Callable[[str], None]) -> None:
    """Make `.venv-peer` with exactly what requirements/peer.lock names, unless it is there already."""
    wanted, stamp = f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {sys.version}", HOME / ".ready"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("making the peers' environment (once, about 900 MB)")
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(HOME))
    # Compiled at once, so that its first import is not charged for it.
    _uv("pip", "sync", "--quiet", "--compile-bytecode", "--python", str(PYTHON), "--require-hashes", str(LOCK))
    stamp.write_text(wanted)


def _uv(*arguments: str) -> None:
    command = [str(Path(sys.executable).parent / "uv"), *arguments]
    environment = clean_environment({"UV_PYTHON_DOWNLOADS": "never"})
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise BenchmarkError(f"the peers' environment could not be made: {done.stderr.strip()}")


@dataclass(slots=True)
class Peer:
    """MLflow with one server that all figures share, started at first use and left to settle."""

    work: Path
    say: Callable[[str], None]
    _server: ServerProcess | None = field(default=None, init=False)
    _uri: str = field(default="", init=False)

    def ensure_server(self) -> None:
        """Start the shared server unless it runs, and let it settle: its job runners load for some 20 s."""
        if self._server is None:
            self.say("starting MLflow's server and waiting until it is idle")
            self._uri, self._server = mlflow_server(self.work / "mlflow")
            self._server.start()
            wait_until_quiet(self._server)

    @property
    def uri(self) -> str:
        """Where the shared server is, once it is idle."""
        self.ensure_server()
        return self._uri

    @property
    def processes(self) -> list[psutil.Process]:
        """Those of the shared server, once it is idle."""
        self.ensure_server()
        return self._server.tree if self._server else []

    @property
    def environment(self) -> dict[str, str]:
        """For scripts that only import MLflow."""
        return clean_environment(QUIET)

    def run(self, script: str, *arguments: object) -> dict[str, Any]:
        """Run benchmarks/peer_scripts/`script`.py against the shared server."""
        self.ensure_server()
        environment = {**self.environment, "MLFLOW_TRACKING_URI": self._uri}
        return run_script(PYTHON, f"benchmarks.peer_scripts.{script}", [*map(str, arguments)], environment, self.work)

    def run_local(self, script: str, *arguments: object) -> dict[str, Any]:
        """Run a script of a peer that has no server; what it writes is kept in the work folder."""
        environment = {**self.environment, "TRACKIO_DIR": str(self.work / "trackio")}
        return run_script(PYTHON, f"benchmarks.peer_scripts.{script}", [*map(str, arguments)], environment, self.work)

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()


def mlflow_server(directory: Path, workers: int = 1) -> tuple[str, ServerProcess]:
    """Address and process (not started) of a server that keeps its data in `directory`.

    One worker is the kindest choice: with the default of four it takes twice as long to start and more memory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    store = ["--backend-store-uri", f"sqlite:///{directory}/mlflow.db", "--artifacts-destination", f"{directory}/files"]
    command = [
        str(HOME / "bin" / "mlflow"),
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        *store,
        "--workers",
        str(workers),
    ]
    return uri, ServerProcess(command, clean_environment(QUIET), directory, lambda: _healthy(f"{uri}/health"))


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    ensure_environment(print)

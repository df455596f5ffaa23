"""Trackway: its server, and its scripts, each a training process of its own."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.ports import free_port
from benchmarks.processes import (
    BenchmarkError,
    ServerProcess,
    clean_environment,
    processes_on,
    run_script,
    wall_seconds,
)

PYTHON = Path(sys.executable)
DATABASE_URL = "TRACKWAY_DATABASE_URL"
SERVER = (str(PYTHON.parent / "trackway"), "server")


@dataclass(slots=True)
class Ours:
    """Trackway with a server that all figures share, started at first use.

    Where its `settings` name a PostgreSQL, `replicas` servers may share it.
    """

    work: Path
    say: Callable[[str], None]
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables of the server's own."""
    replicas: int = 1
    _servers: list[ServerProcess] = field(default_factory=list, init=False)
    _ports: list[int] = field(default_factory=list, init=False)
    _http_ports: list[int] = field(default_factory=list, init=False)
    _spools: Iterator[int] = field(default_factory=itertools.count, init=False)

    def ensure_server(self) -> None:
        """Start the shared server, or its replicas, unless they run."""
        while len(self._servers) < self.replicas:
            self.say("starting Trackway's server")
            folder = self._folder(len(self._servers))
            if self._servers:
                # Replicas have one admin key.
                folder.mkdir()
                shutil.copy2(self._key, folder)
            elif DATABASE_URL in self.settings:
                wall_seconds([*SERVER, "migrate"], _environment(self.work, self.settings), self.work)
            http = free_port()
            port, server = trackway_server(folder, self.work, self.settings, http)
            server.start()
            self._ports.append(port)
            self._http_ports.append(http)
            self._servers.append(server)

    def _folder(self, replica: int) -> Path:
        return self.work / f"trackway-{replica}"

    @property
    def data(self) -> Path:
        """The data directory of the shared server, of its first replica."""
        return self._folder(0)

    @property
    def _key(self) -> Path:
        return self.data / "admin.key"

    @property
    def uri(self) -> str:
        """Where the server is, or its replicas."""
        return "trackway://" + ",".join(f"127.0.0.1:{port}" for port in self._ports)

    @property
    def http_uri(self) -> str:
        """Where the shared server's gateway is, of its first replica."""
        return f"http://127.0.0.1:{self._http_ports[0]}"

    def processor_seconds(self) -> float:
        """What the shared servers have used of processors."""
        return sum(sum(process.cpu_times()[:2]) for server in self._servers for process in server.tree)

    def fresh_spool(self) -> Path:
        """A spool directory nobody has used: the uplink of a process that writes there starts cold, and is alone."""
        self.end_uplinks()
        return self.work / f"spool-{next(self._spools)}"

    def environment(self, spool: Path) -> dict[str, str]:
        """Of a training process beside the shared server."""
        self.ensure_server()
        token = self._key.read_text().strip()
        settings = {"TRACKWAY_URI": self.uri, "TRACKWAY_TOKEN": token, "TRACKWAY_SPOOL_DIR": str(spool)}
        return clean_environment({**settings, "TRACKWAY_PROFILE": str(self.work / "profile.toml")})

    def run(self, script: str, *arguments: object, spool: Path | None = None) -> dict[str, Any]:
        """Run benchmarks/trackway_scripts/`script`.py against the shared server; a fresh spool unless one is given."""
        environment = self.environment(spool or self.fresh_spool())
        module = f"benchmarks.trackway_scripts.{script}"
        return run_script(PYTHON, module, [*map(str, arguments)], environment, self.work)

    def start(self, script: str, *arguments: object, spool: Path) -> subprocess.Popen[str]:
        """The same, without waiting for its end."""
        command = [str(PYTHON), "-m", f"benchmarks.trackway_scripts.{script}", *map(str, arguments)]
        return subprocess.Popen(command, env=self.environment(spool), cwd=self.work, stdout=-1, stderr=-1, text=True)

    @property
    def server_pids(self) -> list[int]:
        """The processes of the shared server."""
        self.ensure_server()
        return [int(server.tree[0].pid) for server in self._servers]

    def verify_points(self, run_ids: str | Sequence[str], expected: int) -> None:
        """Ask the server, through the client, how many points the runs have; BenchmarkError unless `expected`."""
        asked = [run_ids] if isinstance(run_ids, str) else run_ids
        counted = self.run("count_points", *asked)["points"]
        if counted != expected:
            raise BenchmarkError(f"{counted:,} points on the server, {expected:,} were logged")

    def end_uplinks(self) -> None:
        """End the uplinks of finished processes, which stay a while in case there is more to send."""
        uplinks = processes_on(self.work)
        for uplink in uplinks:
            uplink.terminate()
        psutil.wait_procs(uplinks, timeout=10)

    def close(self) -> None:
        self.end_uplinks()
        while self._servers:
            self._servers.pop().stop()
        self._ports.clear()
        self._http_ports.clear()


def trackway_server(
    data: Path, work: Path, settings: Mapping[str, str] | None = None, http: int | None = None
) -> tuple[int, ServerProcess]:
    """Port and process (not started) of `trackway server` with its data in `data`, and `settings` of its own. `http`
    is the gateway's port where it matters."""
    data.mkdir(parents=True, exist_ok=True)
    rpc, http = free_port(), http or free_port()
    ports = ["--grpc-port", str(rpc), "--http-port", str(http)]
    command = [*SERVER, *ports, "--data-dir", str(data)]
    return rpc, ServerProcess(command, _environment(work, settings or {}), data, lambda: _serving(rpc))


def _environment(work: Path, settings: Mapping[str, str]) -> dict[str, str]:
    return clean_environment({"TRACKWAY_PROFILE": str(work / "profile.toml"), **settings})


def _serving(port: int) -> bool:
    """Whether the health service answers SERVING. A new channel each time: an old one backs off for a second."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

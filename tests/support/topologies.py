"""Trackway in every arrangement that it promises: in one process, and as the services of compose.yaml, started here as
processes from that file's own commands and variables, with other hosts, ports and folders.

A further arrangement is one more entry of TOPOLOGIES: replicas, storage, and how clients come in.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.compose import ROOT, Service, envoy, services
from trackway.testing import LocalServer, _unused_port

READY_SECONDS = 60.0
SERVICES = ("tracking", "artifacts", "registry")
# Settings that belong to a storage; those of the others are left out.
STORAGE = re.compile(r"TRACKWAY_(DATABASE|BLOB)_URL(_FILE)?|AWS_.*")
_base_ids = itertools.count(os.getpid() % 30_000 + 1)


@dataclass(frozen=True)
class Topology:
    """An arrangement."""

    name: str
    split: bool = False
    replicas: int = 1
    """Of each service; more than one needs a storage that they share."""
    storage: str = "sqlite"


TOPOLOGIES = (Topology("all-sqlite"), Topology("split-sqlite", split=True))


@dataclass
class Place:
    """A running arrangement, as clients see it."""

    uri: str
    http_url: str
    token: str
    processes: dict[str, list[Process]] = field(default_factory=dict)

    def environment(self, root: Path) -> dict[str, str]:
        """Variables of a process that logs here, its spools below `root`."""
        return {**os.environ, "TRACKWAY_URI": self.uri, "TRACKWAY_TOKEN": self.token, "TRACKWAY_SPOOL_DIR": str(root)}


@contextmanager
def running(topology: Topology) -> Iterator[Place]:
    """The arrangement, serving inside the block; its data goes away afterwards."""
    if not topology.split:
        with LocalServer() as server:
            yield Place(server.uri, server.http_url, server.token)
        return
    assert topology.storage == "sqlite", f"{topology.storage}: start it, and give its addresses to variables_of"
    assert topology.replicas == 1, "a SQLite file has one server"
    folder = Path(tempfile.mkdtemp(prefix="trackway-split-"))
    try:
        with _split(topology, folder) as place:
            yield place
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _split(topology: Topology, folder: Path) -> Iterator[Place]:
    declared = services()
    ports = {name: [_unused_port() for _ in range(topology.replicas)] for name in (*SERVICES, "gateway")}
    place = Place("", f"http://127.0.0.1:{ports['gateway'][0]}", "")
    with ExitStack() as stack:
        # The registry before those it calls, as may happen anywhere; the gateway in between.
        for name in ("registry", "gateway", "tracking", "artifacts"):
            place.processes[name] = [
                stack.enter_context(Process.of(declared[name], port, ports, folder, replica))
                for replica, port in enumerate(ports[name])
            ]
        place.uri = f"trackway://127.0.0.1:{stack.enter_context(_proxy(ports, folder))}"
        for started in (process for replicas in place.processes.values() for process in replicas):
            started.await_healthy()
        place.token = (folder / "data" / "admin.key").read_text().strip()
        yield place


def variables_of(service: Service, ports: dict[str, list[int]]) -> dict[str, str]:
    """The variables that compose.yaml gives to a service, with the addresses of those that run here."""
    variables = {}
    for name, value in service.environment.items():
        host, _, port = value.partition(":")
        if STORAGE.fullmatch(name):
            continue
        if name.endswith("_ADDRESS") and port:
            if host not in ports:
                continue  # a service that this arrangement is without
            value = ",".join(f"127.0.0.1:{own}" for own in ports[host])
        variables[name] = value
    return variables


def arguments_of(service: Service, port: int) -> list[str]:
    """The arguments that compose.yaml gives to a service, on loopback and on this port."""
    given = ["127.0.0.1" if argument == "0.0.0.0" else argument for argument in service.arguments]
    return [*given, "--http-port" if service.name == "gateway" else "--grpc-port", str(port)]


def check_of(service: Service, port: int) -> list[str]:
    """The health check that compose.yaml gives to a service, on this port."""
    kind, program, *arguments = service.raw["healthcheck"]["test"]
    assert kind == "CMD"
    moved = [re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", argument) for argument in arguments]
    if program == "python":
        return [sys.executable, *moved]
    assert [program, moved[0]] == ["trackway", "server"]
    return [sys.executable, "-m", "trackway_server", *moved[1:]]


@dataclass
class Process:
    """A replica of a service as a process of its own."""

    name: str
    arguments: list[str]
    variables: dict[str, str]
    check: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def of(
        cls, service: Service, port: int, ports: dict[str, list[int]], folder: Path, replica: int
    ) -> Iterator[Process]:
        """The replica, started; ended with the block."""
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")},
            **variables_of(service, ports),
            "TRACKWAY_DATA_DIR": str(folder / "data"),
            "TRACKWAY_PROFILE": str(folder / "profile.toml"),
        }
        log = folder / f"{service.name}.{replica}.log"
        own = cls(service.name, arguments_of(service, port), variables, check_of(service, port), log)
        own.start()
        try:
            yield own
        finally:
            own.end(signal.SIGTERM)

    def start(self) -> None:
        """Start it, on the same port each time."""
        command = [sys.executable, "-m", "trackway_server", *self.arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.log.parent
            )

    def end(self, number: signal.Signals) -> None:
        """End it; by force where SIGTERM takes too long."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def await_healthy(self) -> None:
        """Return when the health check of compose.yaml says so."""
        deadline = time.monotonic() + READY_SECONDS
        while subprocess.run(self.check, env=self.variables, capture_output=True, check=False).returncode != 0:
            assert self.process is not None
            assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"{self.name} is not healthy: {self.log.read_text()[-3000:]}"


@contextmanager
def _proxy(ports: dict[str, list[int]], folder: Path) -> Iterator[int]:
    port = _unused_port()
    file = folder / "envoy.yaml"
    file.write_text(yaml.safe_dump(moved_proxy(envoy(), port, ports)))
    program = Path(sys.executable).with_name("envoy")
    command = [program, "-c", file, "--concurrency", "1", "--base-id", str(next(_base_ids)), "--log-level", "warning"]
    with (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
    try:
        yield port
        assert process.poll() is None, (folder / "envoy.log").read_text()[-3000:]
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def moved_proxy(config: dict[str, Any], port: int, ports: dict[str, list[int]]) -> dict[str, Any]:
    """The proxy's configuration with the addresses of the replicas that run here."""
    moved = copy.deepcopy(config)
    resources = moved["static_resources"]
    listener = resources["listeners"][0]
    listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
    hosts = listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    for host in hosts:
        host["routes"] = [route for route in host["routes"] if route["route"]["cluster"] in ports]
    resources["clusters"] = [cluster for cluster in resources["clusters"] if cluster["name"] in ports]
    for cluster in resources["clusters"]:
        endpoints = [
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": own}}}}
            for own in ports[cluster["name"]]
        ]
        cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
    return moved

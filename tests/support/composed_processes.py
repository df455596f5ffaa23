"""The services of compose.yaml and its proxy as processes of this machine: its commands, variables, secrets and health
checks, on loopback and on free ports."""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.compose import ROOT, Service, envoy, services
from support.composed_storage import Storage, in_secrets
from trackway.testing import _unused_port

READY_SECONDS = 240.0
# Settings that belong to PostgreSQL and S3; where there is neither, they are left out.
STORAGE = re.compile(r"TRACKWAY_(DATABASE|BLOB)_URL(_FILE)?|AWS_.*")
_base_ids = itertools.count(os.getpid() % 30_000 * 64 + 1)


def variables_of(
    service: Service, ports: dict[str, list[int]], secrets: Path, storage: Storage | None
) -> dict[str, str]:
    """The variables that compose.yaml gives to a service, with the addresses of those that run here."""
    variables = {}
    for name, value in service.environment.items():
        host, _, port = value.partition(":")
        if storage is None and STORAGE.fullmatch(name):
            continue
        if name.endswith("_ADDRESS"):
            assert port
            value = ",".join(f"127.0.0.1:{own}" for own in ports[host])
        value = in_secrets(value, secrets)
        variables[name] = value if storage is None else storage.moved(value)
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
    port: int
    arguments: list[str]
    variables: dict[str, str]
    check: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def of(
        cls,
        service: Service,
        port: int,
        ports: dict[str, list[int]],
        folder: Path,
        replica: int,
        secrets: Path,
        storage: Storage | None,
    ) -> Iterator[Process]:
        """The replica, started; ended with the block."""
        name = f"{service.name}.{replica}"
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")},
            **variables_of(service, ports, secrets, storage),
            "TRACKWAY_DATA_DIR": str(folder / f"data.{name}"),
            "TRACKWAY_PROFILE": str(folder / f"profile.{name}.toml"),
        }
        check = check_of(service, port)
        own = cls(service.name, port, arguments_of(service, port), variables, check, folder / f"{name}.log")
        own.start()
        try:
            yield own
        finally:
            own.end(signal.SIGKILL)

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

    def restart(self, number: signal.Signals) -> None:
        """End it and start it again; healthy on return."""
        self.end(number)
        self.start()
        self.await_healthy()

    def await_healthy(self) -> None:
        """Return when the health check of compose.yaml says so."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._listens() or subprocess.run(self.check, env=self.variables, capture_output=True).returncode:
            assert self.process is not None
            assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"{self.name} is not healthy: {self.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def _listens(self) -> bool:
        """Whether the check, which costs a Python's start, is worth while."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@contextmanager
def proxy(ports: dict[str, list[int]], folder: Path) -> Iterator[int]:
    """The proxy of compose.yaml, before the replicas that listen at these ports; its own port."""
    port = _unused_port()
    file = folder / f"envoy.{port}.yaml"
    file.write_text(yaml.safe_dump(moved_proxy(envoy(), port, ports)))
    name, flag, _ = services()["proxy"].raw["command"]
    program = Path(sys.executable).with_name(name)
    here = ["--concurrency", "1", "--base-id", str(next(_base_ids)), "--log-level", "warning"]
    with file.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [program, flag, file, *here], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT
        )
    try:
        yield port
        assert process.poll() is None, file.with_suffix(".log").read_text()[-3000:]
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
    resources["listeners"][0]["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
    for cluster in resources["clusters"]:
        endpoints = [
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": own}}}}
            for own in ports[cluster["name"]]
        ]
        cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
    return moved

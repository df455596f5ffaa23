"""Trackway in every arrangement that it promises: in one process, in two that share their data, and as the services of
compose.yaml, started here as processes from that file's own commands, variables and secrets, with other hosts, ports
and folders.

A further arrangement is one more entry of TOPOLOGIES: replicas, storage, and how clients come in.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from support.compose import services
from support.composed_processes import Process, proxy
from support.composed_storage import Storage, made_secrets, running_storage
from trackway.api.auth.v1 import auth_service_pb2
from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from trackway.testing import LocalServer, _unused_port

SERVICES = ("auth", "tracking", "artifacts", "registry")


@dataclass(frozen=True)
class Topology:
    """An arrangement."""

    name: str
    split: bool = False
    replicas: int = 1
    """Of each service; more than one needs a storage that they share."""
    shared: bool = False
    """Whether data is in PostgreSQL and S3, else in SQLite and on disk."""
    balanced_by_client: bool = False
    """Whether the client goes round the replicas itself; else Envoy does, or there is nothing to go round."""


TOPOLOGIES = (
    Topology("all-sqlite"),
    Topology("all-postgres-round-robin", replicas=2, shared=True, balanced_by_client=True),
    Topology("split-sqlite", split=True),
    Topology("split-postgres-envoy", split=True, replicas=2, shared=True),
    Topology("split-postgres-round-robin", split=True, replicas=2, shared=True, balanced_by_client=True),
)


@dataclass
class Place:
    """A running arrangement, as clients see it."""

    uri: str
    http_url: str
    token: str
    """The administrator's key."""
    processes: dict[str, list[Process]] = field(default_factory=dict)
    """The services' replicas, where each service has processes of its own."""
    servers: list[LocalServer] = field(default_factory=list)
    """Those that run all services, where several share their data."""
    storage: Storage | None = None

    def environment(self, root: Path) -> dict[str, str]:
        """Variables of a process that logs here, its spools below `root`."""
        return {**os.environ, "TRACKWAY_URI": self.uri, "TRACKWAY_TOKEN": self.token, "TRACKWAY_SPOOL_DIR": str(root)}

    def password(self) -> str:
        """What a browser presents: the key where the gateway's services know it, else a token for it."""
        if not self.processes:
            return self.token
        with grpc.insecure_channel(self.uri.removeprefix("trackway://").partition(",")[0]) as channel:
            exchange = AuthServiceStub(channel).ExchangeKey  # type: ignore[no-untyped-call]
            return str(exchange(auth_service_pb2.ExchangeKeyRequest(key=self.token), timeout=30).token)


@contextmanager
def running(topology: Topology) -> Iterator[Place]:
    """The arrangement, serving inside the block; its data goes away afterwards."""
    assert topology.shared or topology.replicas == 1, "a SQLite file has one server"
    if not topology.split and not topology.shared:
        with LocalServer() as server:
            yield Place(server.uri, server.http_url, server.token)
        return
    folder = Path(tempfile.mkdtemp(prefix="trackway-split-"))
    try:
        with ExitStack() as stack:
            secrets = made_secrets(folder / "secrets")
            storage = stack.enter_context(running_storage(folder, secrets)) if topology.shared else None
            if storage is not None:
                storage.migrate(together=not topology.split)
            arranged = _split if topology.split else _all
            yield stack.enter_context(arranged(topology, folder, secrets, storage))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _all(topology: Topology, folder: Path, secrets: Path, storage: Storage | None) -> Iterator[Place]:
    """Every service in each of several processes, which share PostgreSQL and S3: clients know them all."""
    assert storage is not None
    variables = storage.variables_together()
    with ExitStack() as stack:
        servers = [
            stack.enter_context(LocalServer(folder / f"data.{replica}", environment=variables))
            for replica in range(topology.replicas)
        ]
        uri = ",".join(server.uri.removeprefix("trackway://") for server in servers)
        key = (secrets / "admin_key").read_text()
        yield Place(f"trackway://{uri}", servers[0].http_url, key, servers=servers, storage=storage)


@contextmanager
def _split(topology: Topology, folder: Path, secrets: Path, storage: Storage | None) -> Iterator[Place]:
    declared = services()
    ports = {name: [_unused_port() for _ in range(topology.replicas)] for name in SERVICES}
    ports["gateway"] = [_unused_port()]
    key = (secrets / "admin_key").read_text()
    place = Place("", f"http://127.0.0.1:{ports['gateway'][0]}", key, storage=storage)
    with ExitStack() as stack:
        # Those that wait for others first, as may happen anywhere; the gateway in between.
        for name in ("registry", "gateway", "tracking", "artifacts", "auth"):
            place.processes[name] = [
                stack.enter_context(Process.of(declared[name], port, ports, folder, replica, secrets, storage))
                for replica, port in enumerate(ports[name])
            ]
        fronts = [stack.enter_context(proxy(front, folder)) for front in _fronts(topology, ports)]
        place.uri = "trackway://" + ",".join(f"127.0.0.1:{port}" for port in fronts)
        for name in (*SERVICES, "gateway"):
            for started in place.processes[name]:
                started.await_healthy()
        yield place


def _fronts(topology: Topology, ports: dict[str, list[int]]) -> list[dict[str, list[int]]]:
    """What each proxy leads to: one to all replicas, or one a replica, which then has nothing to choose from."""
    if not topology.balanced_by_client:
        return [ports]
    return [{name: [ports[name][replica]] for name in SERVICES} for replica in range(topology.replicas)]

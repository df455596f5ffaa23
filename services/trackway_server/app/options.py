"""What an operator may ask of the program, and what of it is refused before anything starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from trackway_server.core.lifecycle import StartupError

DEFAULT_HTTP_PORT = 7700
DEFAULT_GRPC_PORT = 7701
DEFAULT_DATA_DIR = Path("trackway-data")
DEFAULT_PEER_ADDRESS = f"127.0.0.1:{DEFAULT_GRPC_PORT}"


class Target(Enum):
    """Which part of Trackway a process runs."""

    ALL = "all"
    TRACKING = "tracking"
    ARTIFACTS = "artifacts"
    REGISTRY = "registry"
    AUTH = "auth"
    GATEWAY = "gateway"

    @property
    def services(self) -> tuple[str, ...]:
        """The gRPC services that the target runs."""
        match self:
            case Target.ALL:
                return ("tracking", "artifacts", "registry", "auth")
            case Target.GATEWAY:
                return ()
            case _:
                return (self.value,)

    @property
    def has_gateway(self) -> bool:
        """Whether the target answers HTTP."""
        return self in (Target.ALL, Target.GATEWAY)


_DEFAULT_GRPC_PORTS = {Target.TRACKING: 7711, Target.ARTIFACTS: 7712, Target.REGISTRY: 7713, Target.AUTH: 7714}


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The program's options; `check` says whether they make sense together."""

    target: Target = Target.ALL
    host: str = "127.0.0.1"
    http_port: int = DEFAULT_HTTP_PORT
    """0: any free one."""
    grpc_port: int | None = None
    """0: any free one. None: the target's own, 7701 for `all`."""
    data_dir: Path = DEFAULT_DATA_DIR
    no_auth: bool = False
    """Take every caller for the administrator."""
    peer_address: str = DEFAULT_PEER_ADDRESS
    """`HOST:PORT` at which a single-service target reaches the other services."""
    ready_file: Path | None = None
    """Where to write ports and process id once the server serves."""

    @property
    def chosen_grpc_port(self) -> int:
        """The gRPC port asked for, the target's own where none was."""
        return _DEFAULT_GRPC_PORTS.get(self.target, DEFAULT_GRPC_PORT) if self.grpc_port is None else self.grpc_port

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check(self) -> None:
        """Raise StartupError with what to do where the options contradict each other."""
        for name, port in (("--http-port", self.http_port), ("--grpc-port", self.chosen_grpc_port)):
            if not 0 <= port <= 65535:
                raise StartupError(f"{name} {port} is no port: choose 1 to 65535, or 0 for any free one")
        if self.no_auth and not self.loopback:
            raise StartupError(
                f"--insecure-no-auth is refused with --host {self.host}: everyone who reaches it would be"
                " administrator; leave one of the two out"
            )
        if self.target is Target.ALL and self.http_port == self.chosen_grpc_port != 0:
            raise StartupError(f"--http-port and --grpc-port are both {self.http_port}: choose two ports")


def authority(host: str, port: int) -> str:
    """`HOST:PORT`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def client_host(host: str) -> str:
    """The host by which a client on this machine reaches a server bound to `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)  # noqa: S104

"""What an operator may ask of the program, and what of it is refused before anything starts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from trackway_server.core.lifecycle import StartupError

DEFAULT_HTTP_PORT = 7700
DEFAULT_GRPC_PORT = 7701
DEFAULT_DATA_DIR = Path("trackway-data")

# The form of an API key: clients exchange what looks like one for tokens, so that the auth service alone ever sees it.
_ADMIN_KEY = re.compile(r"twk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", re.ASCII)
DATABASE_SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://")


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
    def has_auth(self) -> bool:
        """Whether the auth service is one of them."""
        return self in (Target.ALL, Target.AUTH)

    @property
    def has_gateway(self) -> bool:
        """Whether the target answers HTTP."""
        return self in (Target.ALL, Target.GATEWAY)


SERVICE_PORTS = {"tracking": 7711, "artifacts": 7712, "registry": 7713, "auth": 7714}
"""Where a service listens that has a process of its own, and where the others look for it."""


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
    blob_url: str = ""
    """Where the artifact store keeps bytes, `s3://…`. Empty: in the data directory."""
    no_auth: bool = False
    """Take every caller for the administrator."""
    peer_address: str | None = None
    """`HOST:PORT` at which a single-service target reaches those services that have no address of their own."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """By service: `HOST:PORT`, several with commas between."""
    database_url: str | None = field(default=None, repr=False)
    """PostgreSQL, for what else lies in SQLite files in `data_dir`. It may hold a password."""
    admin_key: str | None = field(default=None, repr=False)
    """The first administrator's key, the same for every replica of the auth service; None: one that is made and kept
    in `data_dir`. Targets without an auth service pass over it."""
    tls_cert: Path | None = None
    """Certificate of the listeners; with it every one of them speaks TLS only."""
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """Clients must show a certificate of this authority."""
    tls_http_client_optional: bool = False
    """HTTP clients may come without one."""
    peer_ca: Path | None = None
    """The authority of the other services' certificates; with it they are reached by TLS only."""
    peer_cert: Path | None = None
    """What is shown to the other services; None: `tls_cert`."""
    peer_key: Path | None = None
    metrics_port: int | None = None
    """Where a target without a gateway answers /metrics; 0: any free one. None: nowhere."""
    metrics_host: str = "127.0.0.1"
    ready_file: Path | None = None
    """Where to write ports and process id once the server serves."""

    @property
    def chosen_grpc_port(self) -> int:
        """The gRPC port asked for, the target's own where none was."""
        return SERVICE_PORTS.get(self.target.value, DEFAULT_GRPC_PORT) if self.grpc_port is None else self.grpc_port

    def address_of(self, service: str) -> str:
        """Where a service is called: at its own address, else the common one, else its own port on this machine."""
        default = f"127.0.0.1:{SERVICE_PORTS[service]}"
        return self.addresses.get(service) or self.peer_address or default

    @property
    def relies_on_auth(self) -> bool:
        """Whether callers are known by the tokens of an auth service elsewhere alone: one has been named. A service
        that is told of none makes a key that opens it, as `all` does."""
        elsewhere = bool(self.target.services) and not self.target.has_auth
        return elsewhere and not self.no_auth and bool(self.addresses.get(Target.AUTH.value) or self.peer_address)

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        return is_loopback(self.host)

    def check(self) -> None:
        """Raise StartupError with what to do where the options contradict each other."""
        ports = (("--http-port", self.http_port), ("--grpc-port", self.chosen_grpc_port))
        for name, port in (*ports, ("--metrics-port", self.metrics_port or 0)):
            if not 0 <= port <= 65535:
                raise StartupError(f"{name} {port} is no port: choose 1 to 65535, or 0 for any free one")
        for addresses in (self.peer_address, *self.addresses.values()):
            dial_target(addresses or "")
        if self.database_url and not self.database_url.startswith(DATABASE_SCHEMES):
            raise StartupError(
                "the database URL is not understood: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
                " in TRACKWAY_DATABASE_URL or --database-url"
            )
        if self.no_auth and not self.loopback:
            raise StartupError(
                f"--insecure-no-auth is refused with --host {self.host}: everyone who reaches it would be"
                " administrator; leave one of the two out"
            )
        self._check_admin_key()
        self._check_tls()
        self._check_metrics()
        if self.target is Target.ALL and self.http_port == self.chosen_grpc_port != 0:
            raise StartupError(f"--http-port and --grpc-port are both {self.http_port}: choose two ports")
        if self.blob_url and Target.ARTIFACTS.value in self.target.services:
            from trackway_server.artifacts.store.s3_location import parse_blob_url

            parse_blob_url(self.blob_url)

    def _check_admin_key(self) -> None:
        if self.admin_key is not None and not _ADMIN_KEY.fullmatch(self.admin_key):
            raise StartupError(
                "TRACKWAY_AUTH_ADMIN_KEY is no key: write twk_, 12 random hexadecimal digits, _ and 43 random letters"
                " or digits (deploy/make-secrets.sh makes one), or unset it to have one made in the data directory"
            )

    def _check_metrics(self) -> None:
        if self.metrics_port is not None and self.target.has_gateway:
            raise StartupError(
                f"--metrics-port is not for --target {self.target.value}: its gateway answers /metrics on --http-port;"
                " leave it out"
            )
        if self.no_auth and not is_loopback(self.metrics_host):
            raise StartupError(
                f"--insecure-no-auth is refused with --metrics-host {self.metrics_host}: leave one of the two out"
            )

    def _check_tls(self) -> None:
        for cert, key in (("tls_cert", "tls_key"), ("peer_cert", "peer_key")):
            given = {name for name in (cert, key) if getattr(self, name) is not None}
            if len(given) == 1:
                there, missing = _flag(*given), _flag(*({cert, key} - given))
                raise StartupError(f"{there} is given without {missing}: a certificate and its key go together")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise StartupError(
                "--tls-client-ca needs --tls-cert and --tls-key: without TLS clients show no certificate"
            )
        if self.tls_http_client_optional and self.tls_client_ca is None:
            raise StartupError(
                "--tls-http-client-auth optional needs --tls-client-ca, which says whose clients are let in"
            )
        if self.peer_cert is not None and self.peer_ca is None:
            raise StartupError("--peer-cert needs --peer-ca: certificates are shown over TLS only")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def authority(host: str, port: int) -> str:
    """`HOST:PORT`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def client_host(host: str) -> str:
    """The host by which a client on this machine reaches a server bound to `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)  # noqa: S104


def dial_target(addresses: str) -> str:
    """What gRPC takes for `HOST:PORT`, or for several of them with commas between.

    A name is looked up again and again, and all the addresses it has are used. Raises StartupError for several of
    which one is a name: gRPC takes either one name or a list of addresses.
    """
    listed = [address.strip() for address in addresses.split(",")]
    if len(listed) == 1:
        return listed[0]
    versions = {_ip_version(address) for address in listed}
    if len(versions) != 1 or None in versions:
        raise StartupError(
            f"the addresses {addresses} are no list of IPv4 (or of IPv6) addresses, each with its port: list those, or"
            " give one name that all replicas answer to"
        )
    return f"ipv{versions.pop()}:{','.join(listed)}"


def _ip_version(address: str) -> int | None:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return None
    try:
        return ipaddress.ip_address(host.strip("[]")).version
    except ValueError:
        return None

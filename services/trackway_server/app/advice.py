"""What is to be said of a configuration before a server is started with it: data, for people and for scripts."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pydantic import ValidationError

from trackway_server.app.listen import bound_socket
from trackway_server.app.modules import MODULES
from trackway_server.app.options import ServerOptions, Target, authority, is_loopback
from trackway_server.app.variables import settings_classes, unknown_variables
from trackway_server.core.lifecycle import StartupError

_NETWORK_FILE_SYSTEMS = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "ceph", "beegfs", "panfs", "afs", "9p", "glusterfs"]
)
_LITTLE_SPACE_BYTES = 1 << 30
# 2026-01-01: before this version was written.
_EARLIEST_S = 1_767_225_600
_EXTRAS = {"server": ("grpc_health", "grpc_reflection", "sqlalchemy", "alembic", "zstandard", "starlette", "uvicorn")}


class Severity(Enum):
    """How much a piece of advice weighs."""

    ERROR = "error"
    """The server does not start, or does harm."""
    WARNING = "warning"
    """It runs, and somebody should decide whether that is meant."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding: what is so, and what to do."""

    severity: Severity
    name: str
    """Names the check, for scripts."""
    what: str
    todo: str


def advice_on(options: ServerOptions, environ: Mapping[str, str]) -> list[Advice]:
    """All there is to say, errors first. Looks only: starts nothing, writes nothing."""
    found = [
        *_contradictions(options),
        *_wrong_settings(),
        *_missing_parts(),
        *_reachability(options),
        *_keys(options),
        *_certificates(options),
        *_data(options),
        *_ports(options),
        *_peers(options),
        *_clock(options),
        *_identities(options, environ),
        *_unknown(environ),
    ]
    return sorted(found, key=lambda advice: advice.severity is not Severity.ERROR)


def refused(error: StartupError, name: str = "options") -> Advice:
    """A refusal of the program as advice; its text says what to do after the colon."""
    what, _, todo = str(error).partition(": ")
    return Advice(Severity.ERROR, name, what, todo or what)


def _contradictions(options: ServerOptions) -> Iterator[Advice]:
    try:
        options.check()
    except StartupError as error:
        yield refused(error)


def _wrong_settings() -> Iterator[Advice]:
    for settings in settings_classes():
        try:
            settings()
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                if problem["type"] == "missing":
                    continue  # given by the program, not by the environment
                name = str(settings.model_config.get("env_prefix", "")) + "_".join(map(str, problem["loc"])).upper()
                yield Advice(Severity.ERROR, "setting", f"{name} is wrong", f"{problem['msg']}; change or unset it")


def _missing_parts() -> Iterator[Advice]:
    for extra, modules in _EXTRAS.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing:
            todo = f"pip install 'trackway[{extra}]'"
            yield Advice(Severity.ERROR, "extra", f"{', '.join(missing)} cannot be imported", todo)


def _reachability(options: ServerOptions) -> Iterator[Advice]:
    if not options.loopback and options.tls_cert is None:
        what = f"--host {options.host} is reachable from other machines and traffic is not encrypted"
        todo = "give it --tls-cert and --tls-key, put it behind a TLS proxy, or keep it inside a network of its own"
        yield Advice(Severity.WARNING, "plaintext", what, todo)
    if options.metrics_port is not None and not is_loopback(options.metrics_host):
        what = f"--metrics-host {options.metrics_host} is reachable from other machines and /metrics is never encrypted"
        todo = "keep it inside a network of its own, and give the scraper TRACKWAY_METRICS_TOKEN instead of a key"
        yield Advice(Severity.WARNING, "plaintext", what, todo)
    if options.no_auth:
        what = "--insecure-no-auth takes every caller for the administrator, every user of this machine included"
        yield Advice(Severity.WARNING, "no_auth", what, "leave it out; clients on this machine find the key themselves")


def _keys(options: ServerOptions) -> Iterator[Advice]:
    if options.no_auth or not options.target.services:
        return
    if options.target.has_auth:
        if options.target is Target.AUTH and options.database_url and options.admin_key is None:
            what = "every replica on this database makes an admin key of its own, which the others do not know"
            todo = "give all of them one: TRACKWAY_AUTH_ADMIN_KEY, or a file that TRACKWAY_AUTH_ADMIN_KEY_FILE names"
            yield Advice(Severity.WARNING, "admin_key", what, todo)
    elif not options.relies_on_auth and not options.loopback:
        what = f"no auth service is named, so {options.target.value} makes a key of its own, which opens nothing else"
        yield Advice(Severity.WARNING, "auth", what, "name it: --auth-address (or --peer-address)")


def _certificates(options: ServerOptions) -> Iterator[Advice]:
    if options.tls_cert is not None and options.tls_key is not None:
        from trackway_server.core.tls import TlsFiles, read_material

        try:
            read_material(TlsFiles(options.tls_cert, options.tls_key, options.tls_client_ca))
        except StartupError as error:
            yield refused(error, "tls")
    if options.tls_cert is not None and options.peer_ca is None and options.target is not Target.ALL:
        what = "the other services are called in plain text, although this one speaks TLS"
        yield Advice(Severity.WARNING, "peer_plaintext", what, "name the authority of their certificates: --peer-ca")


def _data(options: ServerOptions) -> Iterator[Advice]:
    if not options.target.services:
        return
    folder = options.data_dir.expanduser().absolute()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        what, todo = f"the data directory {folder} cannot be written", "change its owner, or name another --data-dir"
        yield Advice(Severity.ERROR, "data_dir", what, todo)
    kind = file_system_of(existing)
    on_network = kind in _NETWORK_FILE_SYSTEMS or kind.startswith("fuse.")
    if on_network and not options.database_url:
        what = f"the data directory {folder} lies on a network file system ({kind}), where SQLite's locks do not hold"
        yield Advice(Severity.ERROR, "network_file_system", what, "name a --data-dir on a local disk")
    with suppress(OSError):
        free = shutil.disk_usage(existing).free
        if free < _LITTLE_SPACE_BYTES:
            what = f"the disk of the data directory {folder} has {free >> 20} MiB left"
            yield Advice(Severity.WARNING, "disk_space", what, "make room, or name a --data-dir on another disk")
    yield from _replicas(options)


def _replicas(options: ServerOptions) -> Iterator[Advice]:
    own = [name for name in options.target.services if "," in options.addresses.get(name, "")]
    if own and not options.database_url:
        what = f"{', '.join(own)} has several addresses, and a database in a data directory serves one process only"
        todo = "run one replica, or give all of them one PostgreSQL (--database-url)"
        yield Advice(Severity.ERROR, "replicas", what, todo)
    elif Target.ARTIFACTS.value in own and not options.blob_url:
        what = "artifacts has several addresses, and each keeps the bytes of files in a data directory of its own"
        yield Advice(Severity.ERROR, "replicas", what, "give all of them one bucket (--blob-url)")


def _ports(options: ServerOptions) -> Iterator[Advice]:
    wanted = [("--host", options.host, "--grpc-port", options.chosen_grpc_port)] if options.target.services else []
    if options.target.has_gateway:
        wanted.append(("--host", options.host, "--http-port", options.http_port))
    elif options.metrics_port is not None:
        wanted.append(("--metrics-host", options.metrics_host, "--metrics-port", options.metrics_port))
    for host_option, host, option, port in wanted:
        try:
            with bound_socket(host, port, option):
                pass
        except (StartupError, OverflowError):
            what = f"nothing can listen on {authority(host, port)}: it is taken, or no address of this machine"
            todo = f"end the other program (another server?), or choose another {host_option} or {option}"
            yield Advice(Severity.ERROR, "port", what, todo)


def _peers(options: ServerOptions) -> Iterator[Advice]:
    if options.target is Target.ALL:
        return
    called = ("tracking", "artifacts", "registry") if options.target is Target.GATEWAY else _called(options.target)
    for name in called:
        for address in options.address_of(name).split(","):
            host = address.strip().rpartition(":")[0].strip("[]")
            try:
                socket.getaddrinfo(host, None)
            except OSError:
                what, todo = f"the name {host}, at which {name} is called, is not known here", f"set --{name}-address"
                yield Advice(Severity.WARNING, "address", what, todo)


def _called(target: Target) -> tuple[str, ...]:
    """The services that the target calls; every one asks the auth service for the keys of tokens."""
    called = tuple(name for service in target.services for name in MODULES[service].calls)
    return called if target is Target.AUTH else (*called, Target.AUTH.value)


def _clock(options: ServerOptions) -> Iterator[Advice]:
    todo = "set the clock (NTP): times of runs and the lives of keys follow it"
    now = time.time()
    if now < _EARLIEST_S:
        yield Advice(Severity.ERROR, "clock", "the clock of this machine is years behind", todo)
    with suppress(OSError):
        newest = max((file.stat().st_mtime for file in options.data_dir.glob("*.db")), default=0.0)
        if newest > now + 60:
            what = "the clock of this machine is behind that which the data was written with"
            yield Advice(Severity.WARNING, "clock", what, todo)


def _identities(options: ServerOptions, environ: Mapping[str, str]) -> Iterator[Advice]:
    file = environ.get("TRACKWAY_AUTH_IDENTITIES_FILE")
    if not file or Target.AUTH.value not in options.target.services:
        return
    from trackway_server.auth.identities import read_identities

    try:
        found = read_identities(Path(file))
    except StartupError as error:
        yield Advice(Severity.ERROR, "identities", str(error), "mend the file: README, Users and keys, shows one")
    else:
        if found.certificates and options.tls_client_ca is None:
            what = f"{file} maps client certificates, and the server asks for none"
            yield Advice(Severity.WARNING, "identities", what, "give it --tls-client-ca, or leave them out")


def _unknown(environ: Mapping[str, str]) -> Iterator[Advice]:
    for name in unknown_variables(environ):
        yield Advice(Severity.WARNING, "variable", f"{name} is read by nothing", "check its spelling, or unset it")


def file_system_of(folder: Path) -> str:
    """The kind of the file system that holds an existing folder, as the kernel names it; empty where unknown."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                fields = line.split()
                if len(fields) > 2 and fields[2] == wanted:
                    return fields[fields.index("-") + 1]
    except OSError:
        return ""
    return ""

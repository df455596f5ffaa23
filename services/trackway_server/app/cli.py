"""The command line of `trackway server`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from trackway_server.app.arguments import add_database_url, from_file_or_environment
from trackway_server.app.options import DEFAULT_DATA_DIR, DEFAULT_HTTP_PORT, SERVICE_PORTS, ServerOptions, Target
from trackway_server.core.lifecycle import StartupError

_USAGE_ERROR = 2
_SETTINGS = ("log_level", "log_format")

_DESCRIPTION = """Run a Trackway server. Without options: everything in one process, on this machine only,
with its data in ./trackway-data.
`trackway server check-config` says what is doubtful in options and environment; `trackway server probe HOST:PORT` asks
a server whether it serves."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until it is told to stop; the exit code: 0 after a stop, 2 where it could not start.

    The first argument may name what to do instead (`_COMMANDS`).
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given and given[0] in _COMMANDS:
        return _COMMANDS[given[0]](given[1:])
    try:
        parsed = _parser().parse_args(given)
        options = _options(parsed)
        options.check()
        _prepare_process()
        from trackway_server.app.server import run

        run(options, {name: getattr(parsed, name) for name in _SETTINGS if getattr(parsed, name)})
    except StartupError as error:
        return _refused(str(error))
    except ModuleNotFoundError as error:
        return _missing(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _refused(f"{where}{error.strerror or error}")
    return 0


def _check_config(arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    options: ServerOptions | StartupError
    try:
        parser = _parser()
        parser.prog = "trackway server check-config"
        parser.description = "Say what is wrong or doubtful with these options, this environment and this machine."
        parser.add_argument("--json", action="store_true", help="for scripts")
        options = _options(parser.parse_args(arguments))
    except StartupError as error:
        options = error
    try:
        from trackway_server.app.checks import check_config
    except ModuleNotFoundError as error:
        return _missing(error)
    return check_config(options, as_json=as_json)


def _probe(arguments: Sequence[str]) -> int:
    try:
        from trackway_server.app.checks import probe
    except ModuleNotFoundError as error:
        return _missing(error)
    return probe(arguments)


def _migrate(arguments: Sequence[str]) -> int:
    from trackway_server.app.migrating import main as migrate

    return migrate(arguments)


def _collect(arguments: Sequence[str]) -> int:
    from trackway_server.app.collecting import main as collect

    return collect(arguments)


_COMMANDS = {"check-config": _check_config, "gc": _collect, "migrate": _migrate, "probe": _probe}


def _prepare_process() -> None:
    # What the server writes is its owner's alone.
    os.umask(0o077)
    # What gRPC's core has to say goes past the log, in a form of its own.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    _load_structlog_without_rich()


def _load_structlog_without_rich() -> None:
    """structlog loads rich, where it is installed, for a form of traceback that our log does not use; that is a sixth
    of the server's start."""
    if "rich" in sys.modules or "structlog" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]


def _missing(error: ModuleNotFoundError) -> int:
    return _refused(f"{error.name} is missing: install the server with: pip install 'trackway[server]'")


def _refused(message: str) -> int:
    print(f"trackway server: {message}", file=sys.stderr)  # noqa: T201 - this is the program's output
    return _USAGE_ERROR


def _options(parsed: argparse.Namespace) -> ServerOptions:
    _check_target(parsed.target)
    ready_file = os.environ.get("TRACKWAY_READY_FILE")
    return ServerOptions(
        target=Target(parsed.target),
        host=parsed.host,
        http_port=parsed.http_port,
        grpc_port=parsed.grpc_port,
        data_dir=parsed.data_dir,
        blob_url=parsed.blob_url,
        no_auth=parsed.insecure_no_auth,
        peer_address=parsed.peer_address,
        addresses={name: given for name in SERVICE_PORTS if (given := getattr(parsed, f"{name}_address"))},
        database_url=parsed.database_url or None,
        admin_key=from_file_or_environment("TRACKWAY_AUTH_ADMIN_KEY") or None,
        tls_cert=parsed.tls_cert,
        tls_key=parsed.tls_key,
        tls_client_ca=parsed.tls_client_ca,
        tls_http_client_optional=parsed.tls_http_client_auth == "optional",
        peer_ca=parsed.peer_ca,
        peer_cert=parsed.peer_cert,
        peer_key=parsed.peer_key,
        metrics_port=_metrics_port(parsed.metrics_port),
        metrics_host=parsed.metrics_host,
        ready_file=Path(ready_file) if ready_file else None,
    )


def _metrics_port(given: str | None) -> int | None:
    if not given:
        return None
    try:
        return int(given)
    except ValueError:
        raise StartupError(f"--metrics-port {given} is no port: choose 1 to 65535, or 0 for any free one") from None


def _check_target(target: str) -> None:
    known = [known.value for known in Target]
    if target not in known:
        raise StartupError(f"--target {target} is unknown: choose one of {', '.join(known)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trackway server", description=_DESCRIPTION, allow_abbrev=False)
    environ = os.environ.get
    parser.add_argument("--target", default="all", help="all (default), tracking, artifacts, registry, auth or gateway")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--http-port",
        type=int,
        default=DEFAULT_HTTP_PORT,
        metavar="PORT",
        help="gateway (default: 7700; 0: any free one)",
    )
    parser.add_argument("--grpc-port", type=int, metavar="PORT", help="services (default: 7701; 0: any free one)")
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(environ("TRACKWAY_DATA_DIR") or DEFAULT_DATA_DIR),
        metavar="DIR",
        help="databases, artifacts and the admin key, unless $TRACKWAY_AUTH_ADMIN_KEY or the file"
        " $TRACKWAY_AUTH_ADMIN_KEY_FILE gives one (default: $TRACKWAY_DATA_DIR or ./trackway-data)",
    )
    add_database_url(parser)
    parser.add_argument(
        "--blob-url",
        default=environ("TRACKWAY_BLOB_URL") or "",
        metavar="URL",
        help="where artifacts' bytes are kept, as s3://BUCKET/PREFIX?endpoint=URL&region=NAME; the keys come from"
        " $TRACKWAY_S3_ACCESS_KEY_ID and $TRACKWAY_S3_SECRET_ACCESS_KEY or the AWS chain"
        " (default: $TRACKWAY_BLOB_URL or the data directory)",
    )
    parser.add_argument(
        "--peer-address",
        default=environ("TRACKWAY_PEER_ADDRESS"),
        metavar="HOST:PORT",
        help="where a target reaches services that none of the next options names"
        " (default: each at its own port on this machine)",
    )
    for name in SERVICE_PORTS:
        parser.add_argument(
            f"--{name}-address",
            default=environ(f"TRACKWAY_{name.upper()}_ADDRESS"),
            metavar="HOST:PORT",
            help=f"where {name} is called; several with commas between, then calls go round them",
        )
    parser.add_argument(
        "--insecure-no-auth", action="store_true", help="take every caller for the administrator; loopback only"
    )
    _add_tls(parser)
    parser.add_argument(
        "--metrics-port",
        default=environ("TRACKWAY_METRICS_PORT"),
        metavar="PORT",
        help="Prometheus metrics of a target without a gateway (default: off; 0: any free one)",
    )
    parser.add_argument(
        "--metrics-host",
        default=environ("TRACKWAY_METRICS_HOST") or "127.0.0.1",
        metavar="HOST",
        help="address for them (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), help="default: $TRACKWAY_LOG_LEVEL or info"
    )
    parser.add_argument(
        "--log-format",
        choices=("auto", "console", "json"),
        help="default: $TRACKWAY_LOG_FORMAT or auto: console on a terminal, JSON otherwise",
    )
    return parser


_FILES = (
    ("--tls-cert", "certificate chain in PEM; with it gRPC and HTTP speak TLS only"),
    ("--tls-key", "its private key in PEM"),
    ("--tls-client-ca", "clients must show a certificate of this authority (mTLS)"),
    ("--peer-ca", "authority of the other services' certificates; they are then reached by TLS"),
    ("--peer-cert", "certificate shown to the other services (default: that of --tls-cert)"),
    ("--peer-key", "its private key"),
)


def _add_tls(parser: argparse.ArgumentParser) -> None:
    tls = parser.add_argument_group("TLS", "Files that change are read again; connections that are open go on.")
    for flag, meaning in _FILES:
        variable = "TRACKWAY_" + flag.removeprefix("--").replace("-", "_").upper()
        default = Path(os.environ[variable]) if os.environ.get(variable) else None
        tls.add_argument(flag, type=Path, default=default, metavar="FILE", help=f"{meaning} (${variable})")
    tls.add_argument(
        "--tls-http-client-auth",
        choices=("required", "optional"),
        default=os.environ.get("TRACKWAY_TLS_HTTP_CLIENT_AUTH") or "required",
        help="whether HTTP clients may come without a certificate where --tls-client-ca is given"
        " ($TRACKWAY_TLS_HTTP_CLIENT_AUTH, default: required; gRPC always requires it)",
    )

"""The command line of `trackway server`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from trackway_server.app.options import DEFAULT_DATA_DIR, DEFAULT_HTTP_PORT, DEFAULT_PEER_ADDRESS, ServerOptions, Target
from trackway_server.core.lifecycle import StartupError

_USAGE_ERROR = 2
_SETTINGS = ("log_level", "log_format")

_DESCRIPTION = """Run a Trackway server. Without options: everything in one process, on this machine only,
with its data in ./trackway-data."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until it is told to stop; the exit code: 0 after a stop, 2 where it could not start."""
    parsed = _parser().parse_args(arguments)
    try:
        options = _options(parsed)
        options.check()
        _prepare_process()
        from trackway_server.app.server import run

        run(options, {name: getattr(parsed, name) for name in _SETTINGS if getattr(parsed, name)})
    except StartupError as error:
        return _refused(str(error))
    except ModuleNotFoundError as error:
        return _refused(f"{error.name} is missing: install the server with: pip install 'trackway[server]'")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _refused(f"{where}{error.strerror or error}")
    return 0


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


def _refused(message: str) -> int:
    print(f"trackway server: {message}", file=sys.stderr)  # noqa: T201 - this is the program's output
    return _USAGE_ERROR


def _options(parsed: argparse.Namespace) -> ServerOptions:
    _check_target(parsed.target)
    _check_embedded(parsed)
    ready_file = os.environ.get("TRACKWAY_READY_FILE")
    return ServerOptions(
        target=Target(parsed.target),
        host=parsed.host,
        http_port=parsed.http_port,
        grpc_port=parsed.grpc_port,
        data_dir=parsed.data_dir,
        no_auth=parsed.insecure_no_auth,
        peer_address=parsed.peer_address,
        ready_file=Path(ready_file) if ready_file else None,
    )


def _check_target(target: str) -> None:
    known = [known.value for known in Target]
    if target not in known:
        raise StartupError(f"--target {target} is unknown: choose one of {', '.join(known)}")


def _check_embedded(parsed: argparse.Namespace) -> None:
    for option, value in (("--database-url", parsed.database_url), ("--blob-url", parsed.blob_url)):
        if value:
            raise StartupError(
                f"{option} is not supported yet: this version keeps SQLite files and blobs in --data-dir; leave it out"
            )


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
        help="databases, artifacts and the admin key (default: $TRACKWAY_DATA_DIR or ./trackway-data)",
    )
    parser.add_argument(
        "--database-url", default=environ("TRACKWAY_DATABASE_URL"), metavar="URL", help="not supported yet"
    )
    parser.add_argument("--blob-url", default=environ("TRACKWAY_BLOB_URL"), metavar="URL", help="not supported yet")
    parser.add_argument(
        "--peer-address",
        default=environ("TRACKWAY_PEER_ADDRESS") or DEFAULT_PEER_ADDRESS,
        metavar="HOST:PORT",
        help="where the registry and gateway targets reach the other services (default: 127.0.0.1:7701)",
    )
    parser.add_argument(
        "--insecure-no-auth", action="store_true", help="take every caller for the administrator; loopback only"
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

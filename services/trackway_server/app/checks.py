"""`trackway server check-config` and `trackway server probe`: look at a configuration, or at a running server."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from trackway_server.app.advice import Advice, Severity, advice_on, refused
from trackway_server.app.options import ServerOptions
from trackway_server.core.lifecycle import StartupError

if TYPE_CHECKING:
    import grpc

_PROBE_TIMEOUT_S = 3.0


def check_config(options: ServerOptions | StartupError, *, as_json: bool) -> int:
    """Print the advice on the options (or on why there are none); the exit code: 1 where there is an error."""
    found = [refused(options)] if isinstance(options, StartupError) else advice_on(options, os.environ)
    if as_json:
        print(json.dumps([{**asdict(advice), "severity": advice.severity.value} for advice in found], indent=2))  # noqa: T201
    else:
        print(*(_lines(found) or ["Nothing to say: the configuration is fine."]), sep="\n")  # noqa: T201
    return int(any(advice.severity is Severity.ERROR for advice in found))


def probe(arguments: Sequence[str]) -> int:
    """Exit code 0 where a gRPC server answers SERVING at HOST:PORT, else 1 and a line that says what it answered."""
    try:
        parsed = _probe_parser().parse_args(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
    from grpc_health.v1.health_pb2_grpc import HealthStub

    try:
        channel = _probe_channel(parsed)
    except OSError as error:
        print(f"trackway server probe: {error.filename}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 2
    with channel:
        try:
            status = HealthStub(channel).Check(HealthCheckRequest(), timeout=_PROBE_TIMEOUT_S).status
        except grpc.RpcError as error:
            said = error.code().name
        else:
            said = HealthCheckResponse.ServingStatus.Name(status)
    if said == "SERVING":
        return 0
    print(f"trackway server probe: {parsed.address} answers {said}", file=sys.stderr)  # noqa: T201
    return 1


def _probe_parser() -> argparse.ArgumentParser:
    description = "Ask a server whether it serves: exit code 0, or 1 and what it answers. With --ca by TLS."
    parser = argparse.ArgumentParser(prog="trackway server probe", description=description, allow_abbrev=False)
    environ = os.environ.get
    cert, key = environ("TRACKWAY_TLS_CERT"), environ("TRACKWAY_TLS_KEY")
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument(
        "--ca", metavar="FILE", default=environ("TRACKWAY_PEER_CA"), help="its authority ($TRACKWAY_PEER_CA)"
    )
    parser.add_argument(
        "--cert",
        metavar="FILE",
        default=environ("TRACKWAY_PEER_CERT") or cert,
        help="what is shown to it ($TRACKWAY_PEER_CERT, $TRACKWAY_TLS_CERT)",
    )
    parser.add_argument(
        "--key",
        metavar="FILE",
        default=environ("TRACKWAY_PEER_KEY") or key,
        help="its key ($TRACKWAY_PEER_KEY, $TRACKWAY_TLS_KEY)",
    )
    parser.add_argument("--name", metavar="NAME", help="whom its certificate names, where that is not HOST")
    return parser


def _probe_channel(parsed: argparse.Namespace) -> grpc.Channel:
    """Raises OSError where a file cannot be read."""
    import grpc

    options: list[tuple[str, str | int]] = [("grpc.enable_http_proxy", 0)]
    if not parsed.ca:
        return grpc.insecure_channel(parsed.address, options=options)
    if parsed.name:
        options.append(("grpc.ssl_target_name_override", parsed.name))
    pair = [Path(file).read_bytes() for file in (parsed.key, parsed.cert) if file and parsed.cert and parsed.key]
    credentials = grpc.ssl_channel_credentials(Path(parsed.ca).read_bytes(), *pair)
    return grpc.secure_channel(parsed.address, credentials, options=options)


def _lines(found: Sequence[Advice]) -> list[str]:
    return [line for advice in found for line in (f"{advice.severity.value}: {advice.what}", f"  → {advice.todo}")]

"""`trackway server check-config` and `trackway server probe`: look at a configuration, or at a running server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from trackway_server.app.advice import Advice, Severity, advice_on, refused
from trackway_server.app.options import ServerOptions
from trackway_server.core.lifecycle import StartupError

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
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: trackway server probe HOST:PORT", file=sys.stderr)  # noqa: T201
        return 2
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
    from grpc_health.v1.health_pb2_grpc import HealthStub

    with grpc.insecure_channel(arguments[0], options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            status = HealthStub(channel).Check(HealthCheckRequest(), timeout=_PROBE_TIMEOUT_S).status
        except grpc.RpcError as error:
            said = error.code().name
        else:
            said = HealthCheckResponse.ServingStatus.Name(status)
    if said == "SERVING":
        return 0
    print(f"trackway server probe: {arguments[0]} answers {said}", file=sys.stderr)  # noqa: T201
    return 1


def _lines(found: Sequence[Advice]) -> list[str]:
    return [line for advice in found for line in (f"{advice.severity.value}: {advice.what}", f"  → {advice.todo}")]

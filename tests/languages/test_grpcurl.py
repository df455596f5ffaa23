"""grpcurl, which knows of Trackway what reflection tells it: it lists, describes and calls, with a key."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackway.testing import LocalServer

GRPCURL = Path(sysconfig.get_path("scripts")) / "grpcurl"
TRACKING = "trackway.api.tracking.v1.TrackingService"
REGISTRY = "trackway.api.registry.v1.ModelRegistryService"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def grpcurl(
    server: LocalServer, *words: str, data: str = "", key: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it as the README shows; the key travels in the environment, where `ps` does not show it."""
    flags = ["-plaintext", "-max-time", "20", "-expand-headers", "-H", "authorization: Bearer ${TRACKWAY_TOKEN}"]
    given = ["-d", data] if data else []
    return subprocess.run(
        [str(GRPCURL), *flags, *given, server.uri.removeprefix("trackway://"), *words],
        env={**os.environ, "TRACKWAY_TOKEN": server.token if key is None else key},
        capture_output=True,
        text=True,
        timeout=60,
    )


def answer(server: LocalServer, method: str, **request: object) -> dict[str, object]:
    """What a method answers. With data, since grpcurl would otherwise send nothing for an empty request."""
    result = grpcurl(server, method, data=json.dumps(request))
    assert result.returncode == 0, result.stderr
    parsed: dict[str, object] = json.loads(result.stdout)
    return parsed


def test_it_lists_services_and_methods(server: LocalServer) -> None:
    services = grpcurl(server, "list").stdout.split()
    assert {
        TRACKING,
        REGISTRY,
        "trackway.api.artifacts.v1.ArtifactStoreService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    } <= set(services)
    assert f"{TRACKING}.Ingest" in grpcurl(server, "list", TRACKING).stdout.split()


def test_it_describes_methods_messages_and_our_own_options(server: LocalServer) -> None:
    ingest = grpcurl(server, "describe", f"{TRACKING}.Ingest").stdout
    assert "rpc Ingest ( stream .trackway.api.metrics.v1.IngestRequest )" in ingest
    message = grpcurl(server, "describe", "trackway.api.tracking.v1.CreateExperimentRequest").stdout
    assert "string name = 1" in message
    assert "trackway.api.common.v1.limits" in message


def test_it_calls(server: LocalServer) -> None:
    made = answer(server, f"{TRACKING}/CreateExperiment", name="from grpcurl", tags={"tool": "grpcurl"})
    found = answer(server, f"{TRACKING}/GetExperiment", name="from grpcurl")
    assert made == found
    assert found["experiment"]["tags"] == {"tool": "grpcurl"}  # type: ignore[index]
    health = answer(server, "grpc.health.v1.Health/Check")
    assert health == {"status": "SERVING"}


def test_it_streams_records(server: LocalServer) -> None:
    run, writer = "0190aaaabbbb7cccadddeeeeffff9999", "ab" * 16
    messages = (
        {"open": {"subject_id": run, "writer_id": writer, "epoch": 1}},
        {
            "append": {
                "record_count": 2,
                "records": [
                    {"run_start": {"start_time_us": 1}},
                    {"sequence_offset": 1, "params": {"params": {"lr": "0.1"}}},
                ],
            }
        },
    )
    result = grpcurl(server, f"{TRACKING}/Ingest", data="\n".join(map(json.dumps, messages)))
    assert result.returncode == 0, result.stderr
    run_found = answer(server, f"{TRACKING}/GetRun", run_id=run)["run"]
    assert run_found["params"] == {"lr": "0.1"}  # type: ignore[index]


def test_a_refusal_shows_its_details(server: LocalServer) -> None:
    result = grpcurl(server, f"{TRACKING}/GetExperiment", data='{"name": "nowhere"}')
    assert result.returncode != 0
    assert "Code: NotFound" in result.stderr
    assert '"reason":"EXPERIMENT_NOT_FOUND"' in result.stderr.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize("key", ["", "tw_wrong"])
@pytest.mark.parametrize("words", [["list"], ["describe", TRACKING]])
def test_reflection_needs_the_key(server: LocalServer, words: list[str], key: str) -> None:
    result = grpcurl(server, *words, key=key)
    assert result.returncode != 0
    assert "rpc" not in result.stdout
    assert "rpc error: code = Unauthenticated" in result.stderr, result.stderr

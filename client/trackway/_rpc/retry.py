"""What gRPC itself does with calls, as a service config, and how long to wait between attempts of our own.

Repeated are reads, and writes that name what they make (run id, request id, content): a second try of those does
nothing. Everything else is sent once; whether it was done is then for the caller to look up. Of several servers, calls
take turns among those that say they serve. Every unary call has a deadline, also one whose caller sets none.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping

IDEMPOTENT: Mapping[str, tuple[str, ...]] = {
    "trackway.api.tracking.v1.TrackingService": (
        "GetExperiment",
        "SearchExperiments",
        "CreateRun",
        "GetRun",
        "SearchRuns",
        "ListRefusedRecords",
        "ListWriters",
        "ListSeries",
        "ReadSeries",
        "GetRunAccess",
        "GrantExperimentRole",
        "ListExperimentRoles",
        "ReadConsole",
        "ReadBuckets",
        "ReadAggregates",
        "ReadValues",
        "Follow",
        "CompareRuns",
        "SearchDatasets",
        "CreateLoggedModel",
        "GetLoggedModel",
        "SearchLoggedModels",
        "GetLoggedModelAccess",
    ),
    "trackway.api.artifacts.v1.ArtifactStoreService": (
        "DownloadArtifact",
        "ListArtifacts",
        "CreateManifest",
        "GetManifest",
    ),
    "trackway.api.registry.v1.ModelRegistryService": (
        "GetModel",
        "SearchModels",
        "CreateVersion",
        "GetVersion",
        "SearchVersions",
        "Resolve",
        "ListEvents",
        "GetManifestAccess",
        "GrantModelRole",
        "ListModelRoles",
        "ListVersionWriters",
        "ListVersionSeries",
        "ReadVersionSeries",
        "GetWebhook",
        "ListWebhooks",
        "UpdateWebhook",
    ),
    "trackway.api.auth.v1.AuthService": (
        "ExchangeKey",
        "ListSigningKeys",
        "GetSelf",
        "ListWorkspaces",
        "ListPrincipals",
        "ListRoles",
        "ListKeys",
    ),
}

STREAMS: Mapping[str, tuple[str, ...]] = {
    "trackway.api.tracking.v1.TrackingService": (
        "Ingest",
        "ReadSeries",
        "ReadBuckets",
        "ReadAggregates",
        "ReadValues",
        "Follow",
        "ReadConsole",
    ),
    "trackway.api.artifacts.v1.ArtifactStoreService": ("UploadArtifact", "DownloadArtifact"),
    "trackway.api.registry.v1.ModelRegistryService": ("Watch", "Ingest", "ReadVersionSeries"),
    "trackway.api.auth.v1.AuthService": (),
}
"""What has no deadline: it goes on as long as there is something to send."""

BACKSTOP_SECONDS = 600.0
"""The deadline of unary calls that set none."""

_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    # CANCELLED, too: gRPC answers so, without our doing, what arrives just when a server stops.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}


def service_config(longest_call: float = 0.0, *, balanced: bool = False) -> str:
    """The gRPC service config, as JSON: deadlines of at least `longest_call` seconds; with `balanced`, calls take turns
    among the healthy ones of several servers."""
    deadline = {"timeout": f"{max(longest_call, BACKSTOP_SECONDS):g}s"}
    retried, streams = _names(IDEMPOTENT), _names(STREAMS)
    methods = [
        {"name": [name for name in retried if name not in streams], "retryPolicy": _POLICY, **deadline},
        {"name": [name for name in retried if name in streams], "retryPolicy": _POLICY},
        {"name": [name for name in streams if name not in retried]},
        {"name": [{"service": service} for service in IDEMPOTENT], **deadline},
    ]
    config: dict[str, object] = {"methodConfig": methods}
    if balanced:
        config |= {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}
    return json.dumps(config)


def _names(table: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    return [{"service": service, "method": method} for service, methods in table.items() for method in methods]


class Backoff:
    """Waits between attempts: doubling from 0.1 to 5 seconds, each shortened at random by up to a half."""

    def __init__(self, first: float = 0.1, greatest: float = 5.0) -> None:
        self._first = first
        self._greatest = greatest
        self._next = first

    async def wait(self) -> None:
        """Wait for the next attempt."""
        seconds = self._next
        self._next = min(2 * seconds, self._greatest)
        await asyncio.sleep(seconds * random.uniform(0.5, 1))  # noqa: S311 spreads clients, guards nothing

    def reset(self) -> None:
        """Begin anew: something succeeded."""
        self._next = self._first

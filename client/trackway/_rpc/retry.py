"""Which calls gRPC itself may repeat, as a service config, and how long to wait between attempts of our own.

Repeated are reads, and writes that name what they make (run id, request id, content): a second try of those does
nothing. Everything else is sent once; whether it was done is then for the caller to look up.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping

IDEMPOTENT: Mapping[str, tuple[str, ...]] = {
    "trackway.api.tracking.v1.TrackingService": (
        "GetExperiment",
        "ListExperiments",
        "CreateRun",
        "GetRun",
        "ListRuns",
        "ListRefusedRecords",
        "ListWriters",
        "ListSeries",
        "ReadSeries",
    ),
    "trackway.api.artifacts.v1.ArtifactStoreService": (
        "DownloadArtifact",
        "ListArtifacts",
        "CreateManifest",
        "GetManifest",
    ),
    "trackway.api.registry.v1.ModelRegistryService": (
        "GetModel",
        "ListModels",
        "CreateVersion",
        "GetVersion",
        "ListVersions",
        "Resolve",
        "ListEvents",
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

_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def service_config() -> str:
    """The gRPC service config, as JSON."""
    names = [{"service": service, "method": method} for service, methods in IDEMPOTENT.items() for method in methods]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": _POLICY}]})


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

"""Logging points: what a run and a model in production have in common."""

from __future__ import annotations

import os

from trackway._fluent import checks
from trackway._ingest.coercion import microseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trackway._ingest.writer import Writer


class MetricLog:
    """Logs points through a writer, each with `context` besides its own."""

    __slots__ = ("_context", "_writer")

    def __init__(self, writer: Writer, context: Mapping[str, str] | None) -> None:
        self._writer = writer
        self._context = {str(name): str(value) for name, value in context.items()} if context else None

    @property
    def named(self) -> str:
        """What it logs to, for people."""
        return self._writer.named

    @property
    def spool(self) -> str:
        """The folder that holds what was logged until the server has it; empty where none could be made."""
        return self._writer.directory

    @property
    def server_uri(self) -> str:
        """The server that it goes to."""
        return self._writer.uri

    def log_metric(
        self,
        key: str,
        value: float,
        step: int | None = None,
        timestamp: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """Log one point. Without `step`, the series counts its own from 0; `timestamp` is in milliseconds since 1970,
        by default now; `context` tells apart series of one key (rank, subset, …).

        Raises ValueError for a key that no server takes, TypeError for a value that is no number.
        """
        if timestamp is None and context is None and self._context is None:
            self._writer.log_metric(key, value, step)
        else:
            self._writer.log_metric(key, value, step, _microseconds(timestamp), self._merged(context))

    def log_metrics(
        self,
        metrics: Mapping[str, float],
        step: int | None = None,
        timestamp: int | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """Log one point each of several metrics at one step, together or not at all. Otherwise as `log_metric`."""
        checks.mapping("metrics", metrics)
        self._writer.log_metrics(metrics, step, _microseconds(timestamp), self._merged(context))

    def log_series(
        self,
        key: str,
        steps: Any,
        values: Any,
        times: Any = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """Log many points of one metric at once: lists, arrays of numpy or tensors on the CPU, of one dimension and
        equal length. Arrays are copied as memory, never number by number.

        `steps` are integers in any order, repeated and negative ones too; None goes on with the series' own count.
        `times` are milliseconds since 1970 (fractions are kept to the microsecond) or numpy's `datetime64`; None is now
        for all. Raises TypeError or ValueError for what does not fit, and then logs nothing.
        """
        times_us = None if times is None else microseconds(times)
        self._writer.log_series(key, steps, values, times_us, self._merged(context))

    def _merged(self, context: Mapping[str, Any] | None) -> Mapping[str, str] | None:
        if context is None:
            return self._context
        return {**(self._context or {}), **{str(name): str(value) for name, value in context.items()}}


def patience(timeout: float) -> float:
    """Nobody sends where the uplink is off: waiting would have no end."""
    return 0.0 if os.environ.get("TRACKWAY_UPLINK") == "off" else timeout


def _microseconds(timestamp: int | None) -> int | None:
    return None if timestamp is None else int(timestamp) * 1000

"""What a run tells the person at its end, on stderr: one line for each kind of thing that did not go as planned."""

from __future__ import annotations

import os
import sys

from trackway.errors import TrackwayError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trackway._fluent.metrics import MetricLog
    from trackway._ingest.writer import SyncState

_told: set[str] = set()


def report(run: MetricLog, state: SyncState, *, may_raise: bool) -> None:
    """Say what of a run is not on the server. With TRACKWAY_STRICT=true, raise it where that is possible.

    That no server answers is said once a process, at the end of the first run that finds out.
    """
    lines = [*_refusals(run, state), *_losses(run, state)]
    if not state.durable and not state.dropped:
        lines += _waiting(run, state)
    if lines and may_raise and os.environ.get("TRACKWAY_STRICT", "").lower() in ("1", "true", "yes", "on"):
        raise TrackwayError("; ".join(lines))
    for line in lines:
        sys.stderr.write(f"trackway: {line}\n")


def _refusals(run: MetricLog, state: SyncState) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for refusal in state.refused:
        by_reason.setdefault(refusal.reason, []).append(refusal.message)
    return [_refusal(run, reason, messages) for reason, messages in by_reason.items()]


def _refusal(run: MetricLog, reason: str, messages: list[str]) -> str:
    count = "one record" if len(messages) == 1 else f"{len(messages)} records"
    first = messages[0] if len(messages) == 1 else f"the first: {messages[0]}"
    return f"the server refused {count} of {run.named} ({reason}): {first}"


def _losses(run: MetricLog, state: SyncState) -> list[str]:
    if not state.dropped:
        return []
    return [f"{state.dropped} records of {run.named} were lost: there was no room for the spool"]


def _waiting(run: MetricLog, state: SyncState) -> list[str]:
    where = f"{run.named} is recorded in {run.spool}"
    if state.connected:
        return [
            f"{where}; {state.pending} records of it are still being sent, which goes on in the background "
            "(`trackway sync` does it now)"
        ]
    if "offline" in _told:
        return []
    _told.add("offline")
    problem = (state.problem or f"it has not been sent to {run.server_uri}").rstrip(".")
    return [f"{where}, and on no server yet: {problem}; `trackway sync` then brings in all that is recorded"]

"""Fields that break a limit, as a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trackway_server.core.errors import DomainError, Reason


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field and what is wrong with it. `reason` is more exact than INVALID_FIELD where the format has its own."""

    field: str
    """Path in the request: `start.tags["lr"]`, `experiment_ids[3]`."""
    description: str
    """What must be, without the field's name: "must be at most 500 characters long"."""
    reason: Reason = Reason.INVALID_FIELD


class InvalidFieldsError(DomainError):
    """A refusal of one or more fields; the first gives reason and message."""

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        first = violations[0]
        key = "path" if first.reason is Reason.ARTIFACT_PATH_INVALID else "field"
        super().__init__(first.reason, f"{first.field}: {first.description}.", **{key: first.field})
        self.violations = tuple(violations)

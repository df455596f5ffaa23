"""Logged models that were deleted go for good when they have been so for long enough, or their experiment has.

A deleted model takes no changes and does not come back, so its update time is when it was deleted. What is gone stays
known by its id, so that its files are known for garbage and no late request makes it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trackway_server.core.errors import DomainError, Reason


class ModelDeletions(Protocol):
    """Which logged models go and have gone, within one transaction."""

    def due(self, before_us: int, after: str, limit: int) -> list[str]:
        """Up to `limit` models by id after `after` that were deleted before then, or whose experiment was."""
        ...

    def doomed(self, model_ids: Sequence[str], before_us: int | None) -> set[str]:
        """Those of some models that are gone; with `before_us` also those that are due then."""
        ...

    def drop(self, model_ids: Sequence[str], before_us: int) -> list[str]:
        """Remove those of some models that are still due, with their params and tags, and note that they are gone."""
        ...


class ModelPurgingUnit(Protocol):
    """What purging models needs, within one transaction."""

    @property
    def model_deletions(self) -> ModelDeletions:
        """Which logged models go and have gone."""
        ...


def check_not_gone(unit: ModelPurgingUnit, model_id: str) -> None:
    """Raise LOGGED_MODEL_DELETED where a model was deleted for good."""
    if unit.model_deletions.doomed([model_id], None):
        message = f"The logged model {model_id} was deleted for good; make another one."
        raise DomainError(Reason.LOGGED_MODEL_DELETED, message, model_id=model_id)

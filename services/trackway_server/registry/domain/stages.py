"""The stages of a version's life, as in MLflow."""

from __future__ import annotations

from enum import Enum

from trackway_server.core.errors import DomainError, Reason


class Stage(Enum):
    """Where a version stands. The values are the names that callers see."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


LIVE_STAGES = (Stage.STAGING, Stage.PRODUCTION)
"""Stages that somebody may be serving from: their versions cannot be deleted, and only they can displace others."""

LATEST = "latest"
"""What stands for a stage where the version with the greatest number is meant, in whatever stage it is."""

_BY_NAME = {stage.value.lower(): stage for stage in Stage}


def parse_stage(name: str) -> Stage:
    """The stage of this name, in any case of letters. Raises DomainError(STAGE_INVALID)."""
    stage = _BY_NAME.get(name.lower())
    if stage is None:
        known = ", ".join(stage.value for stage in Stage)
        raise DomainError(Reason.STAGE_INVALID, f"There is no stage {name!r}; the stages are {known}.", stage=name)
    return stage


def check_displacing(stage: Stage) -> None:
    """Refuse `archive_existing_versions` for a stage that is not live. Raises DomainError(STAGE_INVALID)."""
    if stage not in LIVE_STAGES:
        raise DomainError(
            Reason.STAGE_INVALID,
            f"archive_existing_versions applies to Staging and Production only, not to {stage.value}; leave it out.",
            stage=stage.value,
        )

"""All stories, by area. A new area is a module of stories and a line here."""

from __future__ import annotations

from conformance.mlflow.differential import accepted, accepted_around, accepted_beyond_tracking
from conformance.mlflow.differential.accepting import Accepted
from conformance.mlflow.differential.corpus import (
    artifacts,
    experiments,
    limits,
    lineage,
    metrics,
    registry,
    rules,
    runs,
    searching,
    surroundings,
    values,
    webhooks,
)
from conformance.mlflow.differential.language import Story

AREAS: dict[str, tuple[list[Story], tuple[Accepted, ...]]] = {
    "tracking": (
        [
            *experiments.STORIES,
            *runs.STORIES,
            *values.STORIES,
            *metrics.STORIES,
            *searching.STORIES,
            *rules.STORIES,
        ],
        accepted.TRACKING,
    ),
    "registry": (registry.STORIES, accepted_beyond_tracking.REGISTRY),
    "data": ([lineage.DATASETS], accepted_beyond_tracking.DATA),
    "logged-models": ([lineage.LOGGED_MODELS], accepted_beyond_tracking.LOGGED_MODELS),
    "files": (artifacts.STORIES, accepted_beyond_tracking.FILES),
    "limits": (limits.STORIES, accepted_around.LIMITS),
    "surroundings": (surroundings.STORIES, accepted_around.SURROUNDINGS),
    "webhooks": (webhooks.STORIES, accepted_beyond_tracking.WEBHOOKS),
}

"""All stories. A new area is a module with `STORIES` and a line here."""

from __future__ import annotations

from conformance.mlflow.differential.corpus import experiments, metrics, rules, runs, searching, values
from conformance.mlflow.differential.language import Story

STORIES: list[Story] = [
    *experiments.STORIES,
    *runs.STORIES,
    *values.STORIES,
    *metrics.STORIES,
    *searching.STORIES,
    *rules.STORIES,
]

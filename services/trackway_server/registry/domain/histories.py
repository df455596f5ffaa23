"""Which events are a model's: those that happened to it, under all its names, and none of another that had one of them.

A model has no other identity than where it came under its name: by its creation, or by a renaming to it. The log tells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from trackway_server.registry.domain.events import EventFilter, EventKind, Span
from trackway_server.registry.domain.model import ModelKey
from trackway_server.registry.domain.ports import RegistryTransaction

_MOST_NAMES = 100
"""Of a model that had more names, those before are left out."""


def of_models(tx: RegistryTransaction, chosen: EventFilter) -> EventFilter:
    """The filter, by what its names mean now. A name that no model has means the last one that had it."""
    if chosen.model_name:
        return replace(chosen, spans=_spans(tx, ModelKey(chosen.workspace, chosen.model_name)))
    if chosen.models is not None:
        return replace(chosen, since=_since(tx, chosen.workspace, chosen.models))
    return chosen


def _spans(tx: RegistryTransaction, model: ModelKey) -> tuple[Span, ...]:
    spans: list[Span] = []
    until: int | None = None
    while len(spans) < _MOST_NAMES:
        begun = tx.events.beginning(model, until)
        spans.append(Span(model.name, 0 if begun is None else begun.position.sequence, until))
        if begun is None or begun.kind is not EventKind.MODEL_RENAMED:
            break
        model, until = replace(model, name=begun.details["from_name"]), begun.position.sequence
    return tuple(spans)


def _since(tx: RegistryTransaction, workspace: str, names: Collection[str]) -> Mapping[str, int]:
    return tx.events.beginnings(workspace, names) if names else {}

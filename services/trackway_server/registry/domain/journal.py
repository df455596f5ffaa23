"""Writing events down while something is changed."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_server.registry.domain.events import EventKind
from trackway_server.registry.domain.model import Change, ModelKey
from trackway_server.registry.domain.ports import RegistryTransaction


class Journal:
    """The events of one change of one model, in the transaction that makes it."""

    def __init__(self, tx: RegistryTransaction, model: ModelKey, change: Change) -> None:
        self._tx = tx
        self._model = model
        self._change = change

    def model(self, kind: EventKind, **details: str) -> int:
        """Write an event about the model; answers the revision it makes."""
        return self.version(0, kind, **details)

    def version(self, number: int, kind: EventKind, **details: str) -> int:
        """Write an event about a version; answers the revision it makes."""
        return self._tx.events.append(kind, self._model, number, details, self._change)

    def tags(self, number: int, to_set: Mapping[str, str], to_delete: list[str]) -> int:
        """Write an event for each changed tag, of the model where `number` is 0; at least one is changed."""
        kind_set, kind_deleted = (
            (EventKind.VERSION_TAG_SET, EventKind.VERSION_TAG_DELETED)
            if number
            else (EventKind.MODEL_TAG_SET, EventKind.MODEL_TAG_DELETED)
        )
        revisions = [self.version(number, kind_set, key=key, value=to_set[key]) for key in sorted(to_set)]
        revisions += [self.version(number, kind_deleted, key=key) for key in to_delete]
        return revisions[-1]

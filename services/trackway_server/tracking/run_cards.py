"""Runs as they are listed, kept as serialised messages: a page that was shown before needs no more than its ids.

A card is of a run that has ended, and true as of the horizon of all cards: whoever reads drops those of the runs that
changed since, and moves the horizon on. A card made meanwhile of older reading is not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from trackway_server.tracking.domain.change_log import ChangedRuns
from trackway_server.tracking.domain.ports import TrackingUnit

MOST_BYTES = 64 << 20
_LARGEST = 1 << 20
_MOST_CHANGED = 2_000


@dataclass(frozen=True, slots=True)
class Card:
    """A serialised tracking.v1.Run, and how much text of the run counts for a page."""

    message: bytes
    text_size: int


@dataclass(frozen=True, slots=True)
class Look:
    """What one reader finds: cards as of a horizon, or later."""

    horizon: int
    changed: ChangedRuns | None
    cards: RunCards

    def of(self, run_ids: Collection[str]) -> dict[str, Card]:
        """The cards of these runs, as many as there are."""
        if self.changed is None or self.changed.all_runs:
            return {}
        found = {run_id: self.cards.get(run_id) for run_id in run_ids if run_id not in self.changed.run_ids}
        return {run_id: card for run_id, card in found.items() if card is not None}


class RunCards:
    """The cards of one process. `look` and `get` may be called from any thread, the rest from the event loop."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._cards: OrderedDict[str, Card] = OrderedDict()
        self._bytes = 0
        self._most_bytes = most_bytes
        self._horizon = 0

    def get(self, run_id: str) -> Card | None:
        """The card of a run."""
        return self._cards.get(run_id)

    def look(self, unit: TrackingUnit) -> Look:
        """Look before anything else is read in a transaction."""
        known = self._horizon
        return Look(unit.changes.horizon(), unit.changes.since(known, _MOST_CHANGED), self)

    def keep(self, look: Look, made: Mapping[str, Card], used: Collection[str]) -> None:
        """Drop what a look found changed, and keep cards made of what was read after it. `used` were of use."""
        if look.changed is None or look.changed.all_runs:
            self._cards.clear()
            self._bytes = 0
        else:
            for run_id in look.changed.run_ids:
                self._drop(run_id)
        self._horizon = max(self._horizon, look.horizon)
        if look.horizon == self._horizon:
            for run_id, card in made.items():
                if len(card.message) <= _LARGEST:
                    self._drop(run_id)
                    self._cards[run_id] = card
                    self._bytes += len(card.message)
        for run_id in used:
            if run_id in self._cards:
                self._cards.move_to_end(run_id)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._cards.popitem(last=False)[1].message)

    def _drop(self, run_id: str) -> None:
        card = self._cards.pop(run_id, None)
        self._bytes -= 0 if card is None else len(card.message)

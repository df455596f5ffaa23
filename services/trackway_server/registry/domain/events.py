"""Events: one immutable, totally ordered record of every change."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from trackway_server.registry.domain import weight
from trackway_server.registry.domain.model import Change, ModelKey

_TOKEN = struct.Struct(">Q16s")
_NO_EVENT = "0" * 32


class EventKind(IntEnum):
    """What happened; names and numbers are those of registry/v1/resources.proto."""

    MODEL_CREATED = 1
    MODEL_UPDATED = 2
    MODEL_DELETED = 3
    MODEL_TAG_SET = 4
    MODEL_TAG_DELETED = 5
    VERSION_CREATED = 6
    VERSION_UPDATED = 7
    VERSION_DELETED = 8
    VERSION_TAG_SET = 9
    VERSION_TAG_DELETED = 10
    STAGE_CHANGED = 11
    ALIAS_SET = 12
    ALIAS_DELETED = 13
    MODEL_RENAMED = 14


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of events: after the event of this sequence and id. Sequences count from 1 without gaps.

    The id tells this history from another: of another server, or of this one before a backup was restored.
    """

    sequence: int
    event_id: str

    @property
    def token(self) -> str:
        """The opaque form, 32 characters."""
        return base64.urlsafe_b64encode(_TOKEN.pack(self.sequence, bytes.fromhex(self.event_id))).decode()


START = Position(0, _NO_EVENT)
"""Before the first event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change."""

    position: Position
    kind: EventKind
    model: ModelKey
    version: int
    """The version's number; 0 where the event is about the model."""
    details: Mapping[str, str]
    change: Change

    @property
    def weight(self) -> int:
        """About how many bytes it takes, for bounds on buffers and pages."""
        return 256 + weight.texts((self.change.reason, self.model.name)) + weight.mapping(self.details)


@dataclass(frozen=True, slots=True)
class Span:
    """The events under a name from the sequence `since` on, and before `until` where that is given."""

    name: str
    since: int = 0
    until: int | None = None

    def holds(self, event: Event) -> bool:
        """Whether the event is one of them."""
        sequence = event.position.sequence
        return event.model.name == self.name and self.since <= sequence and (not self.until or sequence < self.until)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: those of a workspace, or of one model in it, and of `models` alone where these are given.

    `histories.of_models` finds out which events of these names are theirs, as `spans` and `since`; without it, all are.
    """

    workspace: str
    model_name: str = ""
    models: frozenset[str] | None = None
    spans: tuple[Span, ...] = ()
    """Where the events of the model of that name stand."""
    since: Mapping[str, int] = field(default_factory=dict)
    """The first event of each of `models` under its name."""

    def admits(self, event: Event) -> bool:
        """Whether the event is one of them."""
        name = event.model.name
        if event.model.workspace != self.workspace:
            return False
        if self.model_name:
            return any(span.holds(event) for span in self.spans or (Span(self.model_name),))
        return self.models is None or (name in self.models and event.position.sequence >= self.since.get(name, 0))


def parse_token(token: str) -> Position | None:
    """The position of a token, or None where it is no token."""
    try:
        sequence, event_id = _TOKEN.unpack(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, struct.error, ValueError):
        return None
    return Position(sequence, event_id.hex()) if sequence < 1 << 63 else None

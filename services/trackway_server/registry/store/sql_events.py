"""The log of changes in SQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from trackway_server.core.ids import new_id
from trackway_server.registry.domain.events import START, Event, EventFilter, EventKind, Position, Span
from trackway_server.registry.domain.model import Change, ModelKey
from trackway_server.registry.store.sql_load import model_parameters, of_model
from trackway_server.registry.store.tables import EVENTS, HEAD_ID, LOG_HEAD, OF_BEGINNINGS

_HEAD = select(LOG_HEAD).where(LOG_HEAD.c.id == HEAD_ID)
_LAST = select(EVENTS).where(of_model(EVENTS)).order_by(EVENTS.c.sequence.desc()).limit(1)
_END = 2**63 - 1
_BEGUN = (
    select(EVENTS)
    .where(of_model(EVENTS), OF_BEGINNINGS, EVENTS.c.sequence < bindparam("before"))
    .order_by(EVENTS.c.sequence.desc())
    .limit(2)
)
_BEGINNINGS = (
    select(EVENTS.c.name, func.max(EVENTS.c.sequence).label("begun"))
    .where(EVENTS.c.workspace == bindparam("in_workspace"), EVENTS.c.name.in_(bindparam("of_names", expanding=True)))
    .where(OF_BEGINNINGS)
    .group_by(EVENTS.c.name)
)
_LATER = EVENTS.alias("later")
_of_a_model_before = (
    select(_LATER.c.sequence)
    .where(_LATER.c.workspace == EVENTS.c.workspace, _LATER.c.name == EVENTS.c.name)
    .where(_LATER.c.sequence > EVENTS.c.sequence, _LATER.c.kind.in_([literal_column("1"), literal_column("14")]))
    .correlate(EVENTS)
    .exists()
)
"""Of names that models have: whether another came under the name since."""
_ID_AT = select(EVENTS.c.event_id).where(EVENTS.c.sequence == bindparam("at"))


class SqlEvents:
    """See Events. A writer calls `lock` first and `flush` last."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = START
        self._new: list[dict[str, Any]] = []

    def lock(self) -> None:
        """Keep other writers out until this transaction ends, and note where the log ends.

        The order in which sequences are taken is thereby the order in which they are committed. SQLite has one writer
        as it is and ignores FOR UPDATE; on PostgreSQL the row is what makes it so.
        """
        self._last = self._head(_HEAD.with_for_update())

    def flush(self) -> None:
        """Write the events that were appended."""
        if self._new:
            self._connection.execute(insert(EVENTS), self._new)
            values = {"sequence": self._last.sequence, "event_id": self._last.event_id}
            self._connection.execute(update(LOG_HEAD).where(LOG_HEAD.c.id == HEAD_ID).values(values))

    def append(self, kind: EventKind, model: ModelKey, version: int, details: Mapping[str, str], change: Change) -> int:
        self._last = Position(self._last.sequence + 1, new_id())
        self._new.append(_values(Event(self._last, kind, model, version, details, change)))
        return self._last.sequence

    def head(self) -> Position:
        return self._head(_HEAD)

    def has(self, position: Position) -> bool:
        if position.sequence == 0:
            return position == START
        found = self._connection.execute(_ID_AT, {"at": position.sequence}).scalar()
        return found == position.event_id

    def last_of(self, model: ModelKey) -> Event | None:
        row = self._connection.execute(_LAST, model_parameters(model)).first()
        return None if row is None else event_of(row)

    def beginning(self, model: ModelKey, before: int | None) -> Event | None:
        parameters = model_parameters(model) | {"before": _END if before is None else before}
        # Of two, since a renaming is written under the former name, too; and between two of these there is another.
        found = map(event_of, self._connection.execute(_BEGUN, parameters))
        return next((event for event in found if event.details.get("from_name") != model.name), None)

    def beginnings(self, workspace: str, names: Collection[str]) -> Mapping[str, int]:
        rows = self._connection.execute(_BEGINNINGS, {"in_workspace": workspace, "of_names": sorted(names)})
        return {row.name: row.begun for row in rows}

    def page(self, chosen: EventFilter | None, after: int, limit: int, max_weight: int) -> Sequence[Event]:
        parameters: dict[str, Any] = {"after": after, "at_most": limit}
        if chosen is not None:
            parameters |= {"in_workspace": chosen.workspace}
        spans = chosen.spans or (Span(chosen.model_name),) if chosen is not None and chosen.model_name else ()
        for number, span in enumerate(spans):
            until = _END if span.until is None else span.until
            parameters |= {f"name{number}": span.name, f"since{number}": span.since, f"until{number}": until}
        if chosen is not None and chosen.models is not None:
            parameters |= {"of_names": sorted(chosen.models)}
        query = _page("in_workspace" in parameters, len(spans), "of_names" in parameters)
        with self._connection.execute(query, parameters) as rows:
            return list(_until_heavy(map(event_of, rows), max_weight))

    def _head(self, query: Select[Any]) -> Position:
        row = self._connection.execute(query).one()
        return Position(row.sequence, row.event_id)


@cache
def _page(of_workspace: bool, spans: int, of_models: bool) -> Select[Any]:
    """A page of events, with the parameters `in_workspace`, `name0`, `since0`, `until0` … and `of_names` where they are
    asked for."""
    query = select(EVENTS).where(EVENTS.c.sequence > bindparam("after"))
    query = query.where(EVENTS.c.workspace == bindparam("in_workspace")) if of_workspace else query
    query = query.where(or_(*map(_in_span, range(spans)))) if spans else query
    if of_models:
        query = query.where(EVENTS.c.name.in_(bindparam("of_names", expanding=True)), ~_of_a_model_before)
    return query.order_by(EVENTS.c.sequence).limit(bindparam("at_most"))


def _in_span(number: int) -> ColumnElement[bool]:
    sequence = EVENTS.c.sequence
    return and_(
        EVENTS.c.name == bindparam(f"name{number}"),
        sequence >= bindparam(f"since{number}"),
        sequence < bindparam(f"until{number}"),
    )


def _until_heavy(events: Iterator[Event], max_weight: int) -> Iterator[Event]:
    """The rows come one by one, so that what is too much is not even read."""
    weight = 0
    for event in events:
        yield event
        weight += event.weight
        if weight > max_weight:
            return


def _values(event: Event) -> dict[str, Any]:
    return {
        "sequence": event.position.sequence,
        "event_id": event.position.event_id,
        "kind": event.kind.value,
        "workspace": event.model.workspace,
        "name": event.model.name,
        "version": event.version,
        "time_us": event.change.time_us,
        "actor": event.change.actor,
        "reason": event.change.reason,
        "details": json.dumps(dict(event.details), ensure_ascii=False, separators=(",", ":")),
    }


def event_of(row: Row[Any]) -> Event:
    """The event of a row of EVENTS."""
    return Event(
        position=Position(row.sequence, row.event_id),
        kind=EventKind(row.kind),
        model=ModelKey(row.workspace, row.name),
        version=row.version,
        details=json.loads(row.details),
        change=Change(row.actor, row.reason, row.time_us),
    )

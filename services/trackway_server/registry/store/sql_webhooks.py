"""Webhooks in SQL. Their transactions read the log of events and do not lock it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from trackway_server.core.db.database import Database
from trackway_server.core.db.locking import lock_name
from trackway_server.registry.domain.events import Event, EventKind
from trackway_server.registry.domain.webhook_ports import Due, WebhookUnit
from trackway_server.registry.domain.webhooks import Deliveries, PayloadForm, Webhook, WebhookStatus
from trackway_server.registry.store.sql import SqlTransaction
from trackway_server.registry.store.sql_events import event_of
from trackway_server.registry.store.tables import EVENTS, HEAD_ID, LOG_HEAD, WEBHOOKS

T = TypeVar("T")

_ACTIVE = WEBHOOKS.c.status == WebhookStatus.ACTIVE.value
_TOLD_OF = WEBHOOKS.c.kinds.bitwise_and(literal(1, Integer).bitwise_lshift(EVENTS.c.kind)) != 0
_TO_TELL = (
    select(EVENTS.c.sequence)
    .where(EVENTS.c.workspace == WEBHOOKS.c.workspace, EVENTS.c.sequence > WEBHOOKS.c.position, _TOLD_OF)
    .correlate(WEBHOOKS)
    .exists()
)
_HEAD = select(LOG_HEAD.c.sequence).where(LOG_HEAD.c.id == HEAD_ID).scalar_subquery()


class SqlWebhookStore:
    """WebhookStore over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, work: Callable[[WebhookUnit], T]) -> T:
        """See WebhookStore."""
        return await self._database.read(_in_unit, work)

    async def write(self, work: Callable[[WebhookUnit], T]) -> T:
        """See WebhookStore."""
        return await self._database.write(_in_unit, work)


def _in_unit(connection: Connection, work: Callable[[WebhookUnit], T]) -> T:
    return work(SqlWebhookUnit(connection))


class SqlWebhookUnit:
    """See WebhookUnit."""

    def __init__(self, connection: Connection) -> None:
        self.webhooks = SqlWebhooks(connection)
        self.registry = SqlTransaction(connection)


class SqlWebhooks:
    """See Webhooks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, webhook_id: str) -> Webhook | None:
        """See Webhooks."""
        row = self._connection.execute(select(WEBHOOKS).where(_named(webhook_id))).first()
        return None if row is None else _webhook(row)

    def page(self, workspace: str, form: PayloadForm | None, before: str, limit: int) -> Sequence[Webhook]:
        """See Webhooks."""
        query = select(WEBHOOKS).where(WEBHOOKS.c.workspace == workspace)
        query = query if form is None else query.where(WEBHOOKS.c.form == form.value)
        query = query.where(WEBHOOKS.c.webhook_id < before) if before else query
        return list(map(_webhook, self._connection.execute(query.order_by(WEBHOOKS.c.webhook_id.desc()).limit(limit))))

    def count(self, workspace: str) -> int:
        """See Webhooks."""
        lock_name(self._connection, f"webhooks/{workspace}")
        query = select(func.count()).where(WEBHOOKS.c.workspace == workspace)
        return self._connection.execute(query).scalar_one()

    def insert(self, webhook: Webhook) -> None:
        """See Webhooks."""
        row = {
            "webhook_id": webhook.webhook_id,
            "workspace": webhook.workspace,
            "form": webhook.form.value,
            "create_time_us": webhook.create_time_us,
            "lease_holder": "",
            "lease_until_us": 0,
            **_set_by_people(webhook),
            **_fare(webhook.deliveries),
        }
        self._connection.execute(insert(WEBHOOKS).values(row))

    def put(self, webhook: Webhook) -> None:
        """See Webhooks."""
        deliveries = webhook.deliveries
        values = {
            **_set_by_people(webhook),
            "attempts": deliveries.attempts,
            "failing_since_us": deliveries.failing_since_us,
            "next_attempt_us": deliveries.next_attempt_us,
        }
        # What was told meanwhile stays told.
        values["position"] = case((WEBHOOKS.c.position > webhook.position, WEBHOOKS.c.position), else_=webhook.position)
        self._connection.execute(update(WEBHOOKS).where(_named(webhook.webhook_id)).values(values))

    def delete(self, webhook_id: str) -> None:
        """See Webhooks."""
        self._connection.execute(delete(WEBHOOKS).where(_named(webhook_id)))

    def due(self, now_us: int, holder: str, limit: int) -> Sequence[Due]:
        """See Webhooks."""
        free = (WEBHOOKS.c.lease_until_us <= now_us) | (WEBHOOKS.c.lease_holder == holder)
        tried = (WEBHOOKS.c.last_attempt_us, WEBHOOKS.c.webhook_id)
        turn = func.row_number().over(partition_by=WEBHOOKS.c.workspace, order_by=tried)
        query = select(WEBHOOKS.c.webhook_id, WEBHOOKS.c.workspace, WEBHOOKS.c.failing_since_us > 0)
        query = query.where(_ACTIVE, WEBHOOKS.c.next_attempt_us <= now_us, free, _TO_TELL)
        rows = self._connection.execute(query.order_by(turn, *tried).limit(limit))
        return [Due(webhook_id, workspace, bool(failing)) for webhook_id, workspace, failing in rows]

    def next_time_us(self, now_us: int) -> int | None:
        """See Webhooks."""
        times = []
        for column in (WEBHOOKS.c.next_attempt_us, WEBHOOKS.c.lease_until_us):
            times.append(self._connection.execute(select(func.min(column)).where(_ACTIVE, column > now_us)).scalar())
        return min((time for time in times if time is not None), default=None)

    def lease(self, webhook_id: str, holder: str, now_us: int, until_us: int) -> bool:
        """See Webhooks."""
        free = (WEBHOOKS.c.lease_until_us <= now_us) | (WEBHOOKS.c.lease_holder == holder)
        query = update(WEBHOOKS).where(_named(webhook_id), free)
        taken = self._connection.execute(query.values(lease_holder=holder, lease_until_us=until_us))
        return bool(taken.rowcount)

    def next_event(self, webhook: Webhook) -> Event | None:
        """See Webhooks."""
        query = select(EVENTS).where(
            EVENTS.c.workspace == webhook.workspace,
            EVENTS.c.sequence > webhook.position,
            EVENTS.c.kind.in_([kind.value for kind in sorted(webhook.events)]),
        )
        row = self._connection.execute(query.order_by(EVENTS.c.sequence).limit(1)).first()
        return None if row is None else event_of(row)

    def record(self, webhook: Webhook, holder: str, position: int, deliveries: Deliveries) -> bool:
        """See Webhooks."""
        held = and_(WEBHOOKS.c.lease_holder == holder, WEBHOOKS.c.position == webhook.position)
        query = update(WEBHOOKS).where(_named(webhook.webhook_id), held)
        noted = self._connection.execute(query.values(position=position, **_fare(deliveries)))
        return bool(noted.rowcount)

    def skip_quiet(self, now_us: int, behind: int) -> int:
        """See Webhooks."""
        head = self._connection.execute(select(_HEAD)).scalar_one()
        idle = and_(_ACTIVE, WEBHOOKS.c.lease_until_us <= now_us, WEBHOOKS.c.position < head - behind)
        until = EVENTS.c.sequence <= head
        told = (
            select(EVENTS.c.sequence)
            .where(EVENTS.c.workspace == WEBHOOKS.c.workspace, EVENTS.c.sequence > WEBHOOKS.c.position, _TOLD_OF, until)
            .correlate(WEBHOOKS)
            .exists()
        )
        if self._connection.execute(select(WEBHOOKS.c.webhook_id).where(idle, ~told).limit(1)).first() is None:
            return 0
        return self._connection.execute(update(WEBHOOKS).where(idle, ~told).values(position=head)).rowcount

    def failing(self) -> int:
        """See Webhooks."""
        query = select(func.count()).where(_ACTIVE, WEBHOOKS.c.failing_since_us > 0)
        return self._connection.execute(query).scalar_one()


def _named(webhook_id: str) -> ColumnElement[bool]:
    return WEBHOOKS.c.webhook_id == webhook_id


def _set_by_people(webhook: Webhook) -> dict[str, Any]:
    return {
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "kinds": _mask(webhook.events),
        "status": webhook.status.value,
        "secret": webhook.sealed_secret,
        "update_time_us": webhook.update_time_us,
        "position": webhook.position,
    }


def _fare(deliveries: Deliveries) -> dict[str, Any]:
    return {
        "delivered": deliveries.delivered,
        "refused": deliveries.refused,
        "last_attempt_us": deliveries.last_attempt_us,
        "last_event_id": deliveries.last_event_id,
        "last_http_status": deliveries.last_http_status,
        "last_error": deliveries.last_error,
        "attempts": deliveries.attempts,
        "failing_since_us": deliveries.failing_since_us,
        "next_attempt_us": deliveries.next_attempt_us,
    }


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        webhook_id=row.webhook_id,
        workspace=row.workspace,
        name=row.name,
        description=row.description,
        url=row.url,
        events=frozenset(kind for kind in EventKind if row.kinds >> kind.value & 1),
        form=PayloadForm(row.form),
        status=WebhookStatus(row.status),
        sealed_secret=bytes(row.secret),
        create_time_us=row.create_time_us,
        update_time_us=row.update_time_us,
        position=row.position,
        deliveries=Deliveries(
            row.delivered,
            row.refused,
            row.last_attempt_us,
            row.last_event_id,
            row.last_http_status,
            row.last_error,
            row.attempts,
            row.failing_since_us,
            row.next_attempt_us,
        ),
    )


def _mask(kinds: Collection[EventKind]) -> int:
    return sum(1 << kind.value for kind in kinds)

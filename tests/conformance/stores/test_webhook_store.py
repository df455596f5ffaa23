"""Webhooks on every database: what is due, who holds it, how far it is; and two servers that share one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from support.postgres import opened_postgres, postgres_database
from support.registry_serving import Upstream, serve_registry, serve_upstream
from support.webhook_receiver import receiver
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway_server.core.db.database import Database
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain import models
from trackway_server.registry.domain.events import EventKind
from trackway_server.registry.domain.model import Change, ModelDraft, ModelKey
from trackway_server.registry.domain.webhook_book import WebhookBook
from trackway_server.registry.domain.webhook_ports import WebhookUnit
from trackway_server.registry.domain.webhooks import (
    Backoff,
    Deliveries,
    PayloadForm,
    Webhook,
    WebhookChange,
    WebhookStatus,
    after_attempt,
    outcome_of,
)
from trackway_server.registry.module import MIGRATIONS
from trackway_server.registry.store.sql import SqlRegistryStore
from trackway_server.registry.store.sql_webhooks import SqlWebhookStore

ME, OTHER = "a" * 32, "b" * 32


@asynccontextmanager
async def database_of(kind: str, folder: Path) -> AsyncIterator[Database]:
    if kind == "postgres":
        async with opened_postgres("registry") as postgres:
            yield postgres
        return
    upgrade(folder / "registry.db", MIGRATIONS)
    database = open_sqlite(folder / "registry.db")
    try:
        yield database
    finally:
        await database.close()


class World:
    """A store with webhooks, and what happens in its registry."""

    def __init__(self, database: Database) -> None:
        self.store = SqlWebhookStore(database)
        self.book = WebhookBook(self.store)
        self._registry = SqlRegistryStore(database)
        self._made = 0

    async def tried(self, webhook: Webhook, at_us: int, *, failing: bool = False) -> None:
        """Note an attempt, after which it is due at once."""
        fare = replace(webhook.deliveries, last_attempt_us=at_us, failing_since_us=at_us if failing else 0)
        await self.lease(webhook, ME, 1, 2)
        assert await self.store.write(lambda unit: unit.webhooks.record(webhook, ME, 0, fare))

    async def webhook(self, *kinds: EventKind, workspace: str = "default") -> Webhook:
        self._made += 1
        draft = Webhook(
            webhook_id=f"{self._made:032x}",
            workspace=workspace,
            name="n",
            description="",
            url="https://receiver.invalid/",
            events=frozenset(kinds or EventKind),
            form=PayloadForm.CLOUD_EVENTS,
            status=WebhookStatus.ACTIVE,
            sealed_secret=b"\x00sealed",
            create_time_us=1,
            update_time_us=1,
            position=0,
        )
        return await self.book.create(draft)

    async def happen(self, count: int = 1, workspace: str = "default") -> None:
        for _ in range(count):
            self._made += 1
            draft = ModelDraft(ModelKey(workspace, f"m{self._made}"), "", {})
            await self._registry.write(models.create_model, draft, Change("ann", "", 5))

    async def due(self, now_us: int = 100, holder: str = ME) -> list[str]:
        return [each.webhook_id for each in await self.store.read(lambda unit: unit.webhooks.due(now_us, holder, 10))]

    async def lease(self, webhook: Webhook, holder: str, now_us: int, until_us: int) -> bool:
        return await self.store.write(lambda unit: unit.webhooks.lease(webhook.webhook_id, holder, now_us, until_us))


@pytest.fixture(params=["sqlite", "postgres"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with database_of(request.param, tmp_path) as database:
        yield World(database)


async def test_what_is_kept_is_what_was_given(world: World) -> None:
    made = await world.webhook(EventKind.ALIAS_DELETED, EventKind.MODEL_CREATED)
    assert await world.book.get("default", made.webhook_id) == made
    with pytest.raises(DomainError) as refused:
        await world.book.get("other", made.webhook_id)
    assert refused.value.reason is Reason.WEBHOOK_NOT_FOUND


async def test_due_is_what_has_an_event_to_tell(world: World) -> None:
    created = await world.webhook(EventKind.MODEL_CREATED)
    await world.webhook(EventKind.STAGE_CHANGED, EventKind.ALIAS_DELETED)
    await world.webhook(EventKind.MODEL_CREATED, workspace="other")
    disabled = await world.webhook(EventKind.MODEL_CREATED)
    off = WebhookChange(status=WebhookStatus.DISABLED)
    await world.book.change("default", disabled.webhook_id, off, 7)
    assert await world.due() == []
    await world.happen()
    assert await world.due() == [created.webhook_id]
    on = WebhookChange(status=WebhookStatus.ACTIVE)
    await world.book.change("default", disabled.webhook_id, on, 8)
    assert await world.due() == [created.webhook_id]


async def test_workspaces_take_turns(world: World) -> None:
    many = [await world.webhook(workspace="many") for _ in range(12)]
    few = [await world.webhook(workspace="few") for _ in range(2)]
    for workspace in ("many", "few"):
        await world.happen(workspace=workspace)
    for number, each in enumerate(many):
        await world.tried(each, 10 + number, failing=number == 0)
    for number, each in enumerate(few):
        await world.tried(each, 50 - number)
    due = await world.store.read(lambda unit: unit.webhooks.due(100, ME, 10))
    named = [each.webhook_id for each in (many[0], few[1], many[1], few[0], *many[2:8])]
    assert [each.webhook_id for each in due] == named
    assert [(each.workspace, each.failing) for each in due[:3]] == [("many", True), ("few", False), ("many", False)]


async def test_one_holder_at_a_time(world: World) -> None:
    webhook = await world.webhook()
    await world.happen()
    assert await world.lease(webhook, ME, 100, 200)
    assert await world.lease(webhook, ME, 150, 250)
    assert not await world.lease(webhook, OTHER, 249, 300)
    assert await world.due(249, OTHER) == []
    assert await world.due(249, ME) == [webhook.webhook_id]
    assert await world.store.read(lambda unit: unit.webhooks.next_time_us(100)) == 250
    assert await world.due(250, OTHER) == [webhook.webhook_id]
    assert await world.lease(webhook, OTHER, 250, 300)
    fare = replace(webhook.deliveries, delivered=1)
    assert not await world.store.write(lambda unit: unit.webhooks.record(webhook, ME, 1, fare))
    assert (await world.book.get("default", webhook.webhook_id)).deliveries == Deliveries()
    assert await world.store.write(lambda unit: unit.webhooks.record(webhook, OTHER, 1, fare))
    assert await world.lease(webhook, OTHER, 260, 0)
    assert await world.due() == []


async def test_what_failed_waits_and_begins_where_it_was(world: World) -> None:
    webhook = await world.webhook()
    await world.happen(2)
    await world.lease(webhook, ME, 100, 200)
    event = await world.store.read(lambda unit: unit.webhooks.next_event(webhook))
    assert event is not None
    fare = after_attempt(Deliveries(), event.position.event_id, outcome_of(500), 100, Backoff(1, 8), 1.0)
    assert (fare.attempts, fare.failing_since_us, fare.next_attempt_us) == (1, 100, 1_000_100)
    assert await world.store.write(lambda unit: unit.webhooks.record(webhook, ME, webhook.position, fare))
    assert await world.due(1_000_099) == []
    assert await world.due(1_000_100) == [webhook.webhook_id]
    assert await world.store.read(lambda unit: unit.webhooks.failing()) == 1
    found = await world.book.get("default", webhook.webhook_id)
    again = await world.store.read(lambda unit: unit.webhooks.next_event(found))
    assert again == event
    await world.book.change("default", webhook.webhook_id, WebhookChange(name="now"), 9)
    assert await world.due(101) == [webhook.webhook_id]


async def test_webhooks_with_nothing_to_tell_are_moved_to_the_end(world: World) -> None:
    quiet, busy = await world.webhook(EventKind.ALIAS_SET), await world.webhook(EventKind.MODEL_CREATED)
    await world.happen(5)

    def skip(unit: WebhookUnit) -> int:
        return unit.webhooks.skip_quiet(100, 4)

    assert await world.store.write(skip) == 1
    assert (await world.book.get("default", quiet.webhook_id)).position == 5
    assert (await world.book.get("default", busy.webhook_id)).position == 0
    assert await world.store.write(skip) == 0


@pytest.mark.parametrize(("attempts", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (5, 8, 16), (100, 30, 60)])
def test_pauses_grow_and_are_by_chance(attempts: int, least: float, most: float) -> None:
    backoff = Backoff(1.0, 60.0)
    assert (backoff.after(attempts, None, 0.0), backoff.after(attempts, None, 1.0)) == (least, most)
    assert backoff.after(attempts, 90.0, 0.0) == 90
    assert backoff.after(attempts, 1e9, 0.0) == backoff.most_asked_s


async def test_two_servers_of_one_database_deliver_each_event_once(tmp_path: Path) -> None:
    """Nobody is killed here, so that none comes twice."""
    key_file = tmp_path / "keys"
    key_file.write_text("A" * 43 + "=")
    async with AsyncExitStack() as stack:
        settings = {
            "database_url": SecretStr(stack.enter_context(postgres_database())),
            "webhook_allow_http": True,
            "webhook_allow_private_hosts": True,
            "watch_poll_s": 0.02,
            "webhook_timeout_s": 60,
            "webhook_key_file": key_file,
        }
        hook = await stack.enter_async_context(receiver())
        address = await stack.enter_async_context(serve_upstream(Upstream()))
        servers = [
            await stack.enter_async_context(serve_registry(tmp_path / name, address, **settings)) for name in "ab"
        ]
        request = pb.CreateWebhookRequest(name="ci", url=hook.url(), events=[1], secret="shared")
        await servers[0].stub.CreateWebhook(request)
        names = [f"m{number}" for number in range(20)]
        for number, name in enumerate(names):
            await servers[number % 2].stub.CreateModel(pb.CreateModelRequest(name=name))
        told = await hook.wait(len(names))
        webhooks = (await servers[1].stub.ListWebhooks(pb.ListWebhooksRequest())).webhooks
        async with asyncio.timeout(60):
            while webhooks[0].deliveries.delivered_count < len(names):
                webhooks = (await servers[1].stub.ListWebhooks(pb.ListWebhooksRequest())).webhooks
        assert [each.value["data"]["model_name"] for each in told] == names
        assert all(each.signature(b"shared") for each in told)
        assert len(hook.deliveries) == len(names)

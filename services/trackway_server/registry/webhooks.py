"""The RPCs of the ModelRegistryService that are about webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1 import resources_pb2
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.ids import new_id
from trackway_server.core.outbound.urls import Outbound, UrlError
from trackway_server.core.rpc.call import Call
from trackway_server.registry import convert
from trackway_server.registry.domain.events import EventKind
from trackway_server.registry.domain.webhook_book import WebhookBook
from trackway_server.registry.domain.webhook_payloads import EXAMPLE, example_of
from trackway_server.registry.domain.webhooks import (
    PayloadForm,
    Verdict,
    Webhook,
    WebhookChange,
    WebhookStatus,
    check_events,
)
from trackway_server.registry.webhook_secrets import SecretBox
from trackway_server.registry.webhook_sending import WebhookSender


@dataclass(frozen=True, slots=True)
class WebhookAccess:
    """What the RPCs work with."""

    book: WebhookBook
    secrets: SecretBox
    sender: WebhookSender
    outbound: Outbound
    wake: Callable[[], None]
    """Says that there may be something to deliver."""
    testing: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 8))
    """So many tests run at once; the others wait."""

    def check(self, url: str) -> str:
        """The address, as far as its text tells that something may be sent to it. Raises WEBHOOK_URL_REFUSED."""
        try:
            self.outbound.check(url)
        except UrlError as error:
            raise DomainError(Reason.WEBHOOK_URL_REFUSED, f"Nothing is sent to this url: {error}.") from None
        return url


class WebhookRpcs:
    """Mixed into ModelRegistryServicer."""

    _webhooks: WebhookAccess
    _clock: Clock

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, call: Call) -> pb.CreateWebhookResponse:
        workspace, now_us = convert.workspace_of(request.workspace, call), self._clock.now_us()
        url, events, form = self._webhooks.check(request.url), _kinds(request.events), _form(request.payload)
        check_events(events, form or PayloadForm.CLOUD_EVENTS)
        webhook = Webhook(
            webhook_id=new_id(),
            workspace=workspace,
            name=request.name,
            description=request.description,
            url=url,
            events=events,
            form=form or PayloadForm.CLOUD_EVENTS,
            status=_status(request.status) or WebhookStatus.ACTIVE,
            sealed_secret=await self._webhooks.secrets.seal(request.secret),
            create_time_us=now_us,
            update_time_us=now_us,
            position=0,
        )
        return pb.CreateWebhookResponse(webhook=_message(await self._webhooks.book.create(webhook)))

    async def GetWebhook(self, request: pb.GetWebhookRequest, call: Call) -> pb.GetWebhookResponse:
        workspace = convert.workspace_of(request.workspace, call)
        return pb.GetWebhookResponse(webhook=_message(await self._webhooks.book.get(workspace, request.webhook_id)))

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, call: Call) -> pb.ListWebhooksResponse:
        workspace, size = convert.workspace_of(request.workspace, call), convert.page_size(request.page_size)
        page = await self._webhooks.book.page(workspace, _form(request.payload), size, request.page_token)
        return pb.ListWebhooksResponse(webhooks=map(_message, page.items), next_page_token=page.next_token)

    async def UpdateWebhook(self, request: pb.UpdateWebhookRequest, call: Call) -> pb.UpdateWebhookResponse:
        workspace = convert.workspace_of(request.workspace, call)
        given = partial(_given, request)
        for name in ("name", "url"):
            if given(name) == "":
                raise DomainError(Reason.INVALID_FIELD, f"{name} must not be empty.", field=name)
        url, secret = given("url"), given("secret")
        change = WebhookChange(
            name=given("name"),
            description=given("description"),
            url=None if url is None else self._webhooks.check(url),
            events=_kinds(request.events) if request.events else None,
            sealed_secret=None if secret is None else await self._webhooks.secrets.seal(secret),
            status=_status(request.status),
        )
        changed = await self._webhooks.book.change(workspace, request.webhook_id, change, self._clock.now_us())
        self._webhooks.wake()
        return pb.UpdateWebhookResponse(webhook=_message(changed))

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, call: Call) -> pb.DeleteWebhookResponse:
        workspace = convert.workspace_of(request.workspace, call)
        await self._webhooks.book.delete(workspace, request.webhook_id)
        return pb.DeleteWebhookResponse()

    async def TestWebhook(self, request: pb.TestWebhookRequest, call: Call) -> pb.TestWebhookResponse:
        workspace = convert.workspace_of(request.workspace, call)
        webhook = await self._webhooks.book.get(workspace, request.webhook_id)
        kind = EventKind(request.event) if request.event else min(webhook.events)
        check_events((kind,), webhook.form)
        event = example_of(kind, workspace, self._clock.now_us(), new_id())
        async with self._webhooks.testing:
            outcome = await self._webhooks.sender.send(webhook, event, EXAMPLE)
        delivered = outcome.verdict is Verdict.DELIVERED
        return pb.TestWebhookResponse(delivered=delivered, http_status=outcome.http_status, error=outcome.error)


def _given(request: pb.UpdateWebhookRequest, name: str) -> str | None:
    return str(getattr(request, name)) if request.HasField(name) else None


def _kinds(events: Iterable[int]) -> frozenset[EventKind]:
    found = frozenset(events)
    if 0 in found:
        raise DomainError(Reason.INVALID_FIELD, "events must not hold EVENT_KIND_UNSPECIFIED.", field="events")
    return frozenset(map(EventKind, found))


def _form(payload: int) -> PayloadForm | None:
    return PayloadForm(payload) if payload else None


def _status(status: int) -> WebhookStatus | None:
    return WebhookStatus(status) if status else None


def _message(webhook: Webhook) -> resources_pb2.Webhook:
    deliveries = webhook.deliveries
    return resources_pb2.Webhook(
        webhook_id=webhook.webhook_id,
        name=webhook.name,
        workspace=webhook.workspace,
        description=webhook.description,
        url=webhook.url,
        events=[resources_pb2.EventKind.Name(kind.value) for kind in sorted(webhook.events)],
        payload=resources_pb2.WebhookPayload.Name(webhook.form.value),
        status=resources_pb2.WebhookStatus.Name(webhook.status.value),
        has_secret=bool(webhook.sealed_secret),
        create_time_us=webhook.create_time_us,
        update_time_us=webhook.update_time_us,
        deliveries=resources_pb2.WebhookDeliveries(
            delivered_count=deliveries.delivered,
            refused_count=deliveries.refused,
            last_attempt_time_us=deliveries.last_attempt_us,
            last_event_id=deliveries.last_event_id,
            last_http_status=deliveries.last_http_status,
            last_error=deliveries.last_error,
            attempts=deliveries.attempts,
            failing_since_time_us=deliveries.failing_since_us,
            next_attempt_time_us=deliveries.next_attempt_us,
        ),
    )

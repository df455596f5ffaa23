"""Webhooks of the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from trackway import types
from trackway._rpc import convert
from trackway._rpc.arguments import names
from trackway._rpc.paging import Pages
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1 import resources_pb2
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.errors import InvalidArgument

if TYPE_CHECKING:
    from trackway._rpc.connection import Connection


class AsyncWebhooks:
    """Webhooks. They are for administrators of the workspace."""

    if TYPE_CHECKING:
        _connection: Connection

    async def create_webhook(
        self,
        name: str,
        url: str,
        events: Iterable[types.EventKind],
        *,
        secret: str = "",
        description: str = "",
        status: types.WebhookStatus = "ACTIVE",
    ) -> types.Webhook:
        """Have `url` told of every event of these kinds from now on, as CloudEvents by HTTP POST.

        With a `secret` deliveries are signed as https://www.standardwebhooks.com says. It cannot be read again.
        """
        request = pb.CreateWebhookRequest(
            name=name,
            url=url,
            events=_kinds(events),
            secret=secret,
            description=description,
            status=_status(status),
            workspace=self._connection.workspace,
        )
        response: pb.CreateWebhookResponse = await self._connection.unary(self._webhook_stub.CreateWebhook, request)
        return convert.webhook(response.webhook)

    async def get_webhook(self, webhook_id: str) -> types.Webhook:
        """One webhook, and how its deliveries fare. Raises NotFound."""
        request = pb.GetWebhookRequest(webhook_id=webhook_id, workspace=self._connection.workspace)
        response: pb.GetWebhookResponse = await self._connection.unary(self._webhook_stub.GetWebhook, request)
        return convert.webhook(response.webhook)

    def list_webhooks(self, *, page_size: int = 100) -> AsyncIterator[types.Webhook]:
        """The webhooks of the workspace, newest first. Pages of at most 1,000 are fetched as they are read."""

        async def fetch(token: str) -> tuple[Sequence[types.Webhook], str]:
            request = pb.ListWebhooksRequest(
                workspace=self._connection.workspace, page_size=page_size, page_token=token
            )
            response: pb.ListWebhooksResponse = await self._connection.unary(self._webhook_stub.ListWebhooks, request)
            return [convert.webhook(message) for message in response.webhooks], response.next_page_token

        return Pages(fetch)

    async def update_webhook(
        self,
        webhook_id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        events: Iterable[types.EventKind] | None = None,
        secret: str | None = None,
        description: str | None = None,
        status: types.WebhookStatus | None = None,
    ) -> types.Webhook:
        """Change what is given; an empty `secret` takes it away. One that waits to try again tries at once.

        What happens while it is `DISABLED` is not delivered later.
        """
        request = pb.UpdateWebhookRequest(
            webhook_id=webhook_id,
            workspace=self._connection.workspace,
            name=name,
            url=url,
            events=() if events is None else _kinds(events),
            secret=secret,
            description=description,
            status=None if status is None else _status(status),
        )
        response: pb.UpdateWebhookResponse = await self._connection.unary(self._webhook_stub.UpdateWebhook, request)
        return convert.webhook(response.webhook)

    async def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook. Raises NotFound."""
        request = pb.DeleteWebhookRequest(webhook_id=webhook_id, workspace=self._connection.workspace)
        await self._connection.unary(self._webhook_stub.DeleteWebhook, request)

    async def test_webhook(self, webhook_id: str, event: types.EventKind | None = None) -> types.WebhookTest:
        """Send an example event to a webhook's address, once; how that went. Raises NotFound."""
        request = pb.TestWebhookRequest(
            webhook_id=webhook_id,
            workspace=self._connection.workspace,
            event=None if event is None else _kinds([event])[0],
        )
        response: pb.TestWebhookResponse = await self._connection.unary(self._webhook_stub.TestWebhook, request)
        return types.WebhookTest(response.delivered, response.http_status or None, response.error)

    @property
    def _webhook_stub(self) -> Any:
        return self._connection.stub(ModelRegistryServiceStub)


def _kinds(events: Iterable[str]) -> list[resources_pb2.EventKind]:
    return [
        cast(resources_pb2.EventKind, _number(resources_pb2.EventKind, "EVENT_KIND_", each)) for each in names(events)
    ]


def _status(status: str) -> resources_pb2.WebhookStatus:
    return cast(resources_pb2.WebhookStatus, _number(resources_pb2.WebhookStatus, "WEBHOOK_STATUS_", status))


def _number(enum: Any, prefix: str, name: str) -> int:
    known = [each.removeprefix(prefix) for each in list(enum.keys())[1:]]
    if name not in known:
        raise InvalidArgument(f"there is no {name!r} here: give one of {', '.join(known)}")
    return int(enum.Value(prefix + name))

"""The routes of webhooks. MLflow sees those in MLflow's form alone: it has no words for the others' events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1.resources_pb2 import EventKind, Webhook, WebhookPayload, WebhookStatus
from trackway_server.gateway.mlflow.errors import MlflowError, invalid
from trackway_server.gateway.mlflow.parameters import Parameters, missing
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_MOST = 1000
_ENTITIES = (
    "REGISTERED_MODEL",
    "MODEL_VERSION",
    "MODEL_VERSION_TAG",
    "MODEL_VERSION_ALIAS",
    "PROMPT",
    "PROMPT_VERSION",
    "PROMPT_TAG",
    "PROMPT_VERSION_TAG",
    "PROMPT_ALIAS",
    "BUDGET_POLICY",
)
_ACTIONS = ("CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED")
_STATUSES = ("ACTIVE", "DISABLED")
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?", re.ASCII)

KINDS: Mapping[tuple[str, str], EventKind] = {
    ("REGISTERED_MODEL", "CREATED"): EventKind.EVENT_KIND_MODEL_CREATED,
    ("MODEL_VERSION", "CREATED"): EventKind.EVENT_KIND_VERSION_CREATED,
    ("MODEL_VERSION_TAG", "SET"): EventKind.EVENT_KIND_VERSION_TAG_SET,
    ("MODEL_VERSION_TAG", "DELETED"): EventKind.EVENT_KIND_VERSION_TAG_DELETED,
    ("MODEL_VERSION_ALIAS", "CREATED"): EventKind.EVENT_KIND_ALIAS_SET,
    ("MODEL_VERSION_ALIAS", "DELETED"): EventKind.EVENT_KIND_ALIAS_DELETED,
}
"""The events that are delivered, by entity and action."""
_NAMES = {kind: names for names, kind in KINDS.items()}

Answer = dict[str, Any]


async def create(session: Session) -> Answer:
    """One that is told of what happens from now on."""
    asked = session.parameters
    request = pb.CreateWebhookRequest(
        name=_name(asked),
        url=asked.text("url"),
        events=_events(asked),
        description=asked.text("description", ""),
        secret=asked.text("secret", ""),
        payload=WebhookPayload.WEBHOOK_PAYLOAD_MLFLOW,
        status=_status(asked),
        workspace=session.workspace,
    )
    if not request.events:
        raise missing("events")
    made = await session.registry("CreateWebhook", request)
    return {"webhook": _webhook(made.webhook)}


async def listed(session: Session) -> Answer:
    """Those of a workspace, newest first."""
    asked = session.parameters
    most = asked.whole("max_results", 100) or 100
    if not 1 <= most <= _MOST:
        raise invalid(f"max_results must be between 1 and {_MOST}.")
    request = pb.ListWebhooksRequest(
        workspace=session.workspace,
        payload=WebhookPayload.WEBHOOK_PAYLOAD_MLFLOW,
        page_size=most,
        page_token=asked.text("page_token", ""),
    )
    found = await session.registry("ListWebhooks", request)
    more = {"next_page_token": found.next_page_token} if found.next_page_token else {}
    return {**({"webhooks": [_webhook(one) for one in found.webhooks]} if found.webhooks else {}), **more}


async def get(session: Session) -> Answer:
    """One."""
    return {"webhook": _webhook(await _found(session))}


async def update(session: Session) -> Answer:
    """Change what is given."""
    asked, known = session.parameters, await _found(session)
    request = pb.UpdateWebhookRequest(
        webhook_id=known.webhook_id, workspace=session.workspace, events=_events(asked), status=_status(asked)
    )
    if asked.has("name"):
        request.name = _name(asked)
    if asked.has("url"):
        request.url = asked.text("url")
    for name in ("description", "secret"):
        if asked.present(name):
            setattr(request, name, asked.text(name, ""))
    changed = await session.registry("UpdateWebhook", request)
    return {"webhook": _webhook(changed.webhook)}


async def delete(session: Session) -> Answer:
    """For good."""
    known = await _found(session)
    request = pb.DeleteWebhookRequest(webhook_id=known.webhook_id, workspace=session.workspace)
    await session.registry("DeleteWebhook", request)
    return {}


async def test(session: Session) -> Answer:
    """Send an example, once. What the receiver wrote is not answered: it may be none of the caller's."""
    event, known = session.parameters.inner("event"), await _found(session)
    request = pb.TestWebhookRequest(webhook_id=known.webhook_id, workspace=session.workspace)
    if event is not None:
        request.event = _kind(event)
    told = await session.registry("TestWebhook", request)
    result: Answer = {"success": told.delivered}
    if told.http_status:
        result["response_status"] = told.http_status
    if told.error:
        result["error_message"] = f"Failed to test webhook: {told.error}"
    return {"result": result}


async def _found(session: Session) -> Webhook:
    """The one that the path names."""
    webhook_id = session.parameters.text("webhook_id")
    found: Webhook = (
        await session.registry("GetWebhook", pb.GetWebhookRequest(webhook_id=webhook_id, workspace=session.workspace))
    ).webhook
    if found.payload != WebhookPayload.WEBHOOK_PAYLOAD_MLFLOW:
        raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Webhook with ID {webhook_id} not found.")
    return found


def _name(asked: Parameters) -> str:
    name = asked.text("name")
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Webhook name {name[:256]!r} is invalid. It must have at most 63 letters, digits, dots (.), "
            "underscores (_) and hyphens (-), the first and the last a letter or digit."
        )
    return name


def _events(asked: Parameters) -> list[EventKind]:
    return [_kind(one) for one in asked.objects("events")]


def _kind(event: Parameters) -> EventKind:
    for name in ("entity", "action"):
        if not event.has(name):
            raise missing(event.path(name))
    named = event.choice("entity", _ENTITIES, ""), event.choice("action", _ACTIONS, "")
    if named not in KINDS:
        known = ", ".join(f"{entity}.{action}".lower() for entity, action in KINDS)
        raise invalid(f"This server has no event '{'.'.join(named).lower()}'. Events are: {known}.")
    return KINDS[named]


def _status(asked: Parameters) -> Any:
    named = asked.choice("status", _STATUSES, "UNSPECIFIED")
    return WebhookStatus.Value(f"WEBHOOK_STATUS_{named}")


def _webhook(webhook: Webhook) -> Answer:
    events = [_NAMES[kind] for kind in webhook.events]
    return {
        "webhook_id": webhook.webhook_id,
        "name": webhook.name,
        **({"description": webhook.description} if webhook.description else {}),
        "url": webhook.url,
        "events": [{"entity": entity, "action": action} for entity, action in events],
        "status": WebhookStatus.Name(webhook.status).removeprefix("WEBHOOK_STATUS_"),
        "creation_timestamp": webhook.create_time_us // 1000,
        "last_updated_timestamp": webhook.update_time_us // 1000,
    }


ROUTES: Routes = {
    "/webhooks": {"GET": listed, "POST": create},
    "/webhooks/{webhook_id}": {"GET": get, "PATCH": update, "DELETE": delete},
    "/webhooks/{webhook_id}/test": {"POST": test},
}

"""What a webhook sends: an event as a CloudEvent 1.0, or in MLflow's form."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from trackway_server.core.errors import DomainError
from trackway_server.registry.domain.events import Event, EventKind, Position
from trackway_server.registry.domain.model import Change, ModelKey, ModelVersion, RegisteredModel, VersionKey
from trackway_server.registry.domain.ports import RegistryTransaction
from trackway_server.registry.domain.source import RunSource, parse_source
from trackway_server.registry.domain.webhooks import PayloadForm, Webhook

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MLFLOW_NAMES: Mapping[EventKind, tuple[str, str]] = {
    EventKind.MODEL_CREATED: ("registered_model", "created"),
    EventKind.VERSION_CREATED: ("model_version", "created"),
    EventKind.VERSION_TAG_SET: ("model_version_tag", "set"),
    EventKind.VERSION_TAG_DELETED: ("model_version_tag", "deleted"),
    EventKind.ALIAS_SET: ("model_version_alias", "created"),
    EventKind.ALIAS_DELETED: ("model_version_alias", "deleted"),
}
"""Entity and action."""

_EXAMPLES: Mapping[EventKind, Mapping[str, str]] = {
    EventKind.MODEL_TAG_SET: {"key": "example_key", "value": "example_value"},
    EventKind.MODEL_TAG_DELETED: {"key": "example_key"},
    EventKind.VERSION_CREATED: {"source": f"runs:/{'0' * 32}/model", "manifest_digest": f"sha256:{'0' * 64}"},
    EventKind.VERSION_TAG_SET: {"key": "example_key", "value": "example_value"},
    EventKind.VERSION_TAG_DELETED: {"key": "example_key"},
    EventKind.STAGE_CHANGED: {"from_stage": "Staging", "to_stage": "Production"},
    EventKind.ALIAS_SET: {"alias": "example_alias"},
    EventKind.ALIAS_DELETED: {"alias": "example_alias"},
    EventKind.MODEL_RENAMED: {"from_name": "former_name", "to_name": "example_model"},
}
_OF_MODELS = frozenset(kind for kind in EventKind if kind.name.startswith("MODEL_"))


@dataclass(frozen=True, slots=True)
class About:
    """What MLflow's form tells beside the event: the description and the tags, as they are when it is sent."""

    description: str = ""
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """A body, its media type, and the id by which a receiver knows that it has had it."""

    delivery_id: str
    media_type: str
    body: bytes


def about(tx: RegistryTransaction, form: PayloadForm, event: Event) -> About:
    """What the form wants to know of what was created. Of what is no longer there, nothing."""
    if form is not PayloadForm.MLFLOW:
        return About()
    found: RegisteredModel | ModelVersion | None = None
    if event.kind is EventKind.MODEL_CREATED:
        found = tx.models.find(event.model)
    elif event.kind is EventKind.VERSION_CREATED:
        found = tx.versions.find(VersionKey(event.model, event.version))
    if found is None or found.create_time_us != event.change.time_us:  # another one of the same name
        return About()
    return About(found.description, found.tags)


def payload_of(webhook: Webhook, event: Event, known: About) -> Payload:
    """What the webhook sends of the event: the same bytes each time, as long as what is known stays the same."""
    if webhook.form is PayloadForm.MLFLOW:
        # Two webhooks may have one receiver, which would take the second's for a repetition.
        delivery_id = str(uuid.uuid5(uuid.UUID(hex=webhook.webhook_id), event.position.event_id))
        return Payload(delivery_id, "application/json", _encoded(_mlflow(event, known)))
    return Payload(event.position.event_id, "application/cloudevents+json", _encoded(_cloud_event(event)))


def example_of(kind: EventKind, workspace: str, now_us: int, event_id: str) -> Event:
    """An event that did not happen, to test with."""
    return Event(
        Position(0, event_id),
        kind,
        ModelKey(workspace, "example_model"),
        0 if kind in _OF_MODELS else 1,
        _EXAMPLES.get(kind, {}),
        Change("example_user", "A test: nothing has happened.", now_us),
    )


EXAMPLE = About("An example", {"example_key": "example_value"})


def _cloud_event(event: Event) -> dict[str, Any]:
    subject = f"models/{event.model.name}" + (f"/versions/{event.version}" if event.version else "")
    return {
        "specversion": "1.0",
        "id": event.position.event_id,
        "source": f"/trackway/workspaces/{quote(event.model.workspace, safe='')}/registry",
        "type": f"trackway.registry.{event.kind.name.lower()}",
        "subject": subject,
        "time": _rfc3339(event.change.time_us),
        "datacontenttype": "application/json",
        "data": {
            "kind": event.kind.name,
            "workspace": event.model.workspace,
            "model_name": event.model.name,
            "version": event.version or None,
            "time_us": event.change.time_us,
            "actor": event.change.actor,
            "reason": event.change.reason,
            "details": dict(event.details),
            "resume_token": event.position.token,
        },
    }


def _mlflow(event: Event, known: About) -> dict[str, Any]:
    entity, action = MLFLOW_NAMES[event.kind]
    return {
        "entity": entity,
        "action": action,
        "timestamp": (_EPOCH + timedelta(microseconds=event.change.time_us)).isoformat(),
        "data": _mlflow_data(event, known),
        "workspace": event.model.workspace,
    }


def _mlflow_data(event: Event, known: About) -> dict[str, Any]:
    name, version = event.model.name, str(event.version)
    described = {"tags": dict(known.tags or {}), "description": known.description or None}
    match event.kind:
        case EventKind.MODEL_CREATED:
            return {"name": name, **described}
        case EventKind.VERSION_CREATED:
            source = event.details.get("source", "")
            return {"name": name, "version": version, "source": source, "run_id": _run_id(source), **described}
        case EventKind.ALIAS_SET:
            return {"name": name, "alias": event.details.get("alias", ""), "version": version}
        case EventKind.ALIAS_DELETED:
            return {"name": name, "alias": event.details.get("alias", "")}
        case _:
            return {"name": name, "version": version, **event.details}


def _run_id(source: str) -> str | None:
    try:
        found = parse_source(source)
    except DomainError:  # files that are nowhere of ours
        return None
    return found.run_id if isinstance(found, RunSource) else None


def _rfc3339(time_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _encoded(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

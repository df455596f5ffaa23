"""Registered models, their versions, and who is told of their changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trackway._types.files import Manifest

EventKind = Literal[
    "MODEL_CREATED",
    "MODEL_UPDATED",
    "MODEL_DELETED",
    "MODEL_TAG_SET",
    "MODEL_TAG_DELETED",
    "VERSION_CREATED",
    "VERSION_UPDATED",
    "VERSION_DELETED",
    "VERSION_TAG_SET",
    "VERSION_TAG_DELETED",
    "STAGE_CHANGED",
    "ALIAS_SET",
    "ALIAS_DELETED",
    "MODEL_RENAMED",
]
"""What happened; the keys of `Event.details` of each stand in protos/trackway/api/registry/v1/resources.proto."""
WebhookStatus = Literal["ACTIVE", "DISABLED"]
"""Whether a webhook delivers."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One model for ever: what it is made of never changes, what is said about it may."""

    name: str
    version: int
    source: str
    run_id: str
    manifest_digest: str
    size_bytes: int
    stage: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    user: str = ""
    create_time_us: int = 0
    update_time_us: int = 0
    etag: str = ""
    workspace: str = "default"
    run_link: str = ""
    model_id: str = ""

    @property
    def current_stage(self) -> str:
        """MLflow's name of `stage`."""
        return self.stage

    @property
    def creation_timestamp(self) -> int:
        """When it was made, milliseconds since 1970 UTC."""
        return self.create_time_us // 1000

    @property
    def last_updated_timestamp(self) -> int:
        """When it was last changed, milliseconds since 1970 UTC."""
        return self.update_time_us // 1000


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name under which versions of a model are kept. `latest_versions` has the newest of each stage."""

    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    latest_versions: tuple[ModelVersion, ...] = ()
    create_time_us: int = 0
    update_time_us: int = 0
    etag: str = ""
    workspace: str = "default"

    @property
    def creation_timestamp(self) -> int:
        """When it was made, milliseconds since 1970 UTC."""
        return self.create_time_us // 1000

    @property
    def last_updated_timestamp(self) -> int:
        """When it or one of its versions was last changed, milliseconds since 1970 UTC."""
        return self.update_time_us // 1000


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A version and its files: all that is needed to fetch it."""

    version: ModelVersion
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Event:
    """One change of the registry. Events are immutable and totally ordered; `resume_token` asks for what follows."""

    event_id: str
    resume_token: str
    kind: EventKind
    time_us: int
    actor: str
    reason: str
    model_name: str
    version: int | None
    details: Mapping[str, str]
    workspace: str = "default"


@dataclass(frozen=True, slots=True)
class WebhookDeliveries:
    """How the deliveries of a webhook fare. Times are microseconds since 1970 UTC."""

    delivered_count: int
    refused_count: int
    """Events that the receiver has refused for good."""
    last_attempt_time_us: int | None
    last_event_id: str
    last_http_status: int | None
    """What the receiver answered; None where it did not."""
    last_error: str
    attempts: int
    """How often the present event was tried in vain."""
    failing_since_time_us: int | None
    """None: events can be delivered."""
    next_attempt_time_us: int | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Tells an address of the events of a workspace."""

    webhook_id: str
    name: str
    description: str
    url: str
    events: tuple[EventKind, ...]
    payload: str
    """`CLOUD_EVENTS`; `MLFLOW` where it was made by MLflow's client."""
    status: WebhookStatus
    has_secret: bool
    create_time_us: int
    update_time_us: int
    deliveries: WebhookDeliveries
    workspace: str = "default"


@dataclass(frozen=True, slots=True)
class WebhookTest:
    """How a delivery went that was made to test."""

    delivered: bool
    http_status: int | None
    error: str

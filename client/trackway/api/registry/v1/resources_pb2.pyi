from trackway.api.auth.v1 import resources_pb2 as _resources_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_KIND_UNSPECIFIED: _ClassVar[EventKind]
    EVENT_KIND_MODEL_CREATED: _ClassVar[EventKind]
    EVENT_KIND_MODEL_UPDATED: _ClassVar[EventKind]
    EVENT_KIND_MODEL_DELETED: _ClassVar[EventKind]
    EVENT_KIND_MODEL_TAG_SET: _ClassVar[EventKind]
    EVENT_KIND_MODEL_TAG_DELETED: _ClassVar[EventKind]
    EVENT_KIND_VERSION_CREATED: _ClassVar[EventKind]
    EVENT_KIND_VERSION_UPDATED: _ClassVar[EventKind]
    EVENT_KIND_VERSION_DELETED: _ClassVar[EventKind]
    EVENT_KIND_VERSION_TAG_SET: _ClassVar[EventKind]
    EVENT_KIND_VERSION_TAG_DELETED: _ClassVar[EventKind]
    EVENT_KIND_STAGE_CHANGED: _ClassVar[EventKind]
    EVENT_KIND_ALIAS_SET: _ClassVar[EventKind]
    EVENT_KIND_ALIAS_DELETED: _ClassVar[EventKind]
    EVENT_KIND_MODEL_RENAMED: _ClassVar[EventKind]

class WebhookStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_STATUS_UNSPECIFIED: _ClassVar[WebhookStatus]
    WEBHOOK_STATUS_ACTIVE: _ClassVar[WebhookStatus]
    WEBHOOK_STATUS_DISABLED: _ClassVar[WebhookStatus]

class WebhookPayload(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WEBHOOK_PAYLOAD_UNSPECIFIED: _ClassVar[WebhookPayload]
    WEBHOOK_PAYLOAD_CLOUD_EVENTS: _ClassVar[WebhookPayload]
    WEBHOOK_PAYLOAD_MLFLOW: _ClassVar[WebhookPayload]
EVENT_KIND_UNSPECIFIED: EventKind
EVENT_KIND_MODEL_CREATED: EventKind
EVENT_KIND_MODEL_UPDATED: EventKind
EVENT_KIND_MODEL_DELETED: EventKind
EVENT_KIND_MODEL_TAG_SET: EventKind
EVENT_KIND_MODEL_TAG_DELETED: EventKind
EVENT_KIND_VERSION_CREATED: EventKind
EVENT_KIND_VERSION_UPDATED: EventKind
EVENT_KIND_VERSION_DELETED: EventKind
EVENT_KIND_VERSION_TAG_SET: EventKind
EVENT_KIND_VERSION_TAG_DELETED: EventKind
EVENT_KIND_STAGE_CHANGED: EventKind
EVENT_KIND_ALIAS_SET: EventKind
EVENT_KIND_ALIAS_DELETED: EventKind
EVENT_KIND_MODEL_RENAMED: EventKind
WEBHOOK_STATUS_UNSPECIFIED: WebhookStatus
WEBHOOK_STATUS_ACTIVE: WebhookStatus
WEBHOOK_STATUS_DISABLED: WebhookStatus
WEBHOOK_PAYLOAD_UNSPECIFIED: WebhookPayload
WEBHOOK_PAYLOAD_CLOUD_EVENTS: WebhookPayload
WEBHOOK_PAYLOAD_MLFLOW: WebhookPayload

class RegisteredModel(_message.Message):
    __slots__ = ("name", "workspace", "description", "create_time_us", "update_time_us", "tags", "aliases", "latest_versions", "etag")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class AliasesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    LATEST_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    workspace: str
    description: str
    create_time_us: int
    update_time_us: int
    tags: _containers.ScalarMap[str, str]
    aliases: _containers.ScalarMap[str, int]
    latest_versions: _containers.RepeatedCompositeFieldContainer[ModelVersion]
    etag: str
    def __init__(self, name: _Optional[str] = ..., workspace: _Optional[str] = ..., description: _Optional[str] = ..., create_time_us: _Optional[int] = ..., update_time_us: _Optional[int] = ..., tags: _Optional[_Mapping[str, str]] = ..., aliases: _Optional[_Mapping[str, int]] = ..., latest_versions: _Optional[_Iterable[_Union[ModelVersion, _Mapping]]] = ..., etag: _Optional[str] = ...) -> None: ...

class ModelVersion(_message.Message):
    __slots__ = ("name", "version", "workspace", "source", "run_id", "manifest_digest", "size_bytes", "stage", "description", "create_time_us", "update_time_us", "user", "tags", "aliases", "etag", "run_link", "model_id", "location")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    RUN_LINK_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    workspace: str
    source: str
    run_id: str
    manifest_digest: str
    size_bytes: int
    stage: str
    description: str
    create_time_us: int
    update_time_us: int
    user: str
    tags: _containers.ScalarMap[str, str]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    etag: str
    run_link: str
    model_id: str
    location: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., workspace: _Optional[str] = ..., source: _Optional[str] = ..., run_id: _Optional[str] = ..., manifest_digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., stage: _Optional[str] = ..., description: _Optional[str] = ..., create_time_us: _Optional[int] = ..., update_time_us: _Optional[int] = ..., user: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., aliases: _Optional[_Iterable[str]] = ..., etag: _Optional[str] = ..., run_link: _Optional[str] = ..., model_id: _Optional[str] = ..., location: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("event_id", "resume_token", "kind", "time_us", "actor", "reason", "workspace", "model_name", "version", "details")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    resume_token: str
    kind: EventKind
    time_us: int
    actor: str
    reason: str
    workspace: str
    model_name: str
    version: int
    details: _containers.ScalarMap[str, str]
    def __init__(self, event_id: _Optional[str] = ..., resume_token: _Optional[str] = ..., kind: _Optional[_Union[EventKind, str]] = ..., time_us: _Optional[int] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ..., workspace: _Optional[str] = ..., model_name: _Optional[str] = ..., version: _Optional[int] = ..., details: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ModelRole(_message.Message):
    __slots__ = ("name", "workspace", "principal", "role")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    workspace: str
    principal: str
    role: _resources_pb2.Role
    def __init__(self, name: _Optional[str] = ..., workspace: _Optional[str] = ..., principal: _Optional[str] = ..., role: _Optional[_Union[_resources_pb2.Role, str]] = ...) -> None: ...

class WebhookDeliveries(_message.Message):
    __slots__ = ("delivered_count", "refused_count", "last_attempt_time_us", "last_event_id", "last_http_status", "last_error", "attempts", "failing_since_time_us", "next_attempt_time_us")
    DELIVERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_ATTEMPT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    LAST_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    FAILING_SINCE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_US_FIELD_NUMBER: _ClassVar[int]
    delivered_count: int
    refused_count: int
    last_attempt_time_us: int
    last_event_id: str
    last_http_status: int
    last_error: str
    attempts: int
    failing_since_time_us: int
    next_attempt_time_us: int
    def __init__(self, delivered_count: _Optional[int] = ..., refused_count: _Optional[int] = ..., last_attempt_time_us: _Optional[int] = ..., last_event_id: _Optional[str] = ..., last_http_status: _Optional[int] = ..., last_error: _Optional[str] = ..., attempts: _Optional[int] = ..., failing_since_time_us: _Optional[int] = ..., next_attempt_time_us: _Optional[int] = ...) -> None: ...

class Webhook(_message.Message):
    __slots__ = ("webhook_id", "name", "workspace", "description", "url", "events", "payload", "status", "has_secret", "create_time_us", "update_time_us", "deliveries")
    WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HAS_SECRET_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    webhook_id: str
    name: str
    workspace: str
    description: str
    url: str
    events: _containers.RepeatedScalarFieldContainer[EventKind]
    payload: WebhookPayload
    status: WebhookStatus
    has_secret: bool
    create_time_us: int
    update_time_us: int
    deliveries: WebhookDeliveries
    def __init__(self, webhook_id: _Optional[str] = ..., name: _Optional[str] = ..., workspace: _Optional[str] = ..., description: _Optional[str] = ..., url: _Optional[str] = ..., events: _Optional[_Iterable[_Union[EventKind, str]]] = ..., payload: _Optional[_Union[WebhookPayload, str]] = ..., status: _Optional[_Union[WebhookStatus, str]] = ..., has_secret: bool = ..., create_time_us: _Optional[int] = ..., update_time_us: _Optional[int] = ..., deliveries: _Optional[_Union[WebhookDeliveries, _Mapping]] = ...) -> None: ...

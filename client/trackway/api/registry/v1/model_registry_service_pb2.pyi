from trackway.api.artifacts.v1 import resources_pb2 as _resources_pb2
from trackway.api.auth.v1 import resources_pb2 as _resources_pb2_1
from trackway.api.common.v1 import limits_pb2 as _limits_pb2
from trackway.api.common.v1 import methods_pb2 as _methods_pb2
from trackway.api.metrics.v1 import ingest_pb2 as _ingest_pb2
from trackway.api.metrics.v1 import series_pb2 as _series_pb2
from trackway.api.registry.v1 import resources_pb2 as _resources_pb2_1_1
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateModelRequest(_message.Message):
    __slots__ = ("name", "description", "tags", "workspace")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    tags: _containers.ScalarMap[str, str]
    workspace: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., workspace: _Optional[str] = ...) -> None: ...

class CreateModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1_1.RegisteredModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1_1.RegisteredModel, _Mapping]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("name", "workspace")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    name: str
    workspace: str
    def __init__(self, name: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1_1.RegisteredModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1_1.RegisteredModel, _Mapping]] = ...) -> None: ...

class SearchModelsRequest(_message.Message):
    __slots__ = ("workspace", "page_size", "page_token", "filter", "order_by")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    page_size: int
    page_token: str
    filter: str
    order_by: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, workspace: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchModelsResponse(_message.Message):
    __slots__ = ("models", "next_page_token")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1_1.RegisteredModel]
    next_page_token: str
    def __init__(self, models: _Optional[_Iterable[_Union[_resources_pb2_1_1.RegisteredModel, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateModelRequest(_message.Message):
    __slots__ = ("name", "description", "etag", "workspace", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    etag: str
    workspace: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., etag: _Optional[str] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class UpdateModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1_1.RegisteredModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1_1.RegisteredModel, _Mapping]] = ...) -> None: ...

class DeleteModelRequest(_message.Message):
    __slots__ = ("name", "etag", "workspace", "reason", "in_use")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    IN_USE_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    workspace: str
    reason: str
    in_use: bool
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ..., in_use: bool = ...) -> None: ...

class DeleteModelResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChangeModelTagsRequest(_message.Message):
    __slots__ = ("name", "set", "delete", "workspace", "reason")
    class SetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    set: _containers.ScalarMap[str, str]
    delete: _containers.RepeatedScalarFieldContainer[str]
    workspace: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., set: _Optional[_Mapping[str, str]] = ..., delete: _Optional[_Iterable[str]] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ChangeModelTagsResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1_1.RegisteredModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1_1.RegisteredModel, _Mapping]] = ...) -> None: ...

class CreateVersionRequest(_message.Message):
    __slots__ = ("name", "source", "description", "tags", "request_id", "workspace", "reason", "run_id", "run_link", "model_id", "files_optional")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_LINK_FIELD_NUMBER: _ClassVar[int]
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    FILES_OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    source: str
    description: str
    tags: _containers.ScalarMap[str, str]
    request_id: str
    workspace: str
    reason: str
    run_id: str
    run_link: str
    model_id: str
    files_optional: bool
    def __init__(self, name: _Optional[str] = ..., source: _Optional[str] = ..., description: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., request_id: _Optional[str] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ..., run_id: _Optional[str] = ..., run_link: _Optional[str] = ..., model_id: _Optional[str] = ..., files_optional: bool = ...) -> None: ...

class CreateVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: _resources_pb2_1_1.ModelVersion
    def __init__(self, version: _Optional[_Union[_resources_pb2_1_1.ModelVersion, _Mapping]] = ...) -> None: ...

class GetVersionRequest(_message.Message):
    __slots__ = ("name", "version", "workspace")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    workspace: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., workspace: _Optional[str] = ...) -> None: ...

class GetVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: _resources_pb2_1_1.ModelVersion
    def __init__(self, version: _Optional[_Union[_resources_pb2_1_1.ModelVersion, _Mapping]] = ...) -> None: ...

class SearchVersionsRequest(_message.Message):
    __slots__ = ("name", "workspace", "page_size", "page_token", "filter", "order_by")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    name: str
    workspace: str
    page_size: int
    page_token: str
    filter: str
    order_by: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., workspace: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchVersionsResponse(_message.Message):
    __slots__ = ("versions", "next_page_token")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1_1.ModelVersion]
    next_page_token: str
    def __init__(self, versions: _Optional[_Iterable[_Union[_resources_pb2_1_1.ModelVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateVersionRequest(_message.Message):
    __slots__ = ("name", "version", "description", "etag", "workspace", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    description: str
    etag: str
    workspace: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., description: _Optional[str] = ..., etag: _Optional[str] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class UpdateVersionResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: _resources_pb2_1_1.ModelVersion
    def __init__(self, version: _Optional[_Union[_resources_pb2_1_1.ModelVersion, _Mapping]] = ...) -> None: ...

class DeleteVersionRequest(_message.Message):
    __slots__ = ("name", "version", "etag", "workspace", "reason", "in_use")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    IN_USE_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    etag: str
    workspace: str
    reason: str
    in_use: bool
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., etag: _Optional[str] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ..., in_use: bool = ...) -> None: ...

class DeleteVersionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChangeVersionTagsRequest(_message.Message):
    __slots__ = ("name", "version", "set", "delete", "workspace", "reason")
    class SetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    set: _containers.ScalarMap[str, str]
    delete: _containers.RepeatedScalarFieldContainer[str]
    workspace: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., set: _Optional[_Mapping[str, str]] = ..., delete: _Optional[_Iterable[str]] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ChangeVersionTagsResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: _resources_pb2_1_1.ModelVersion
    def __init__(self, version: _Optional[_Union[_resources_pb2_1_1.ModelVersion, _Mapping]] = ...) -> None: ...

class TransitionStageRequest(_message.Message):
    __slots__ = ("name", "version", "stage", "archive_existing_versions", "etag", "workspace", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_EXISTING_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    stage: str
    archive_existing_versions: bool
    etag: str
    workspace: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., stage: _Optional[str] = ..., archive_existing_versions: bool = ..., etag: _Optional[str] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class TransitionStageResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: _resources_pb2_1_1.ModelVersion
    def __init__(self, version: _Optional[_Union[_resources_pb2_1_1.ModelVersion, _Mapping]] = ...) -> None: ...

class SetAliasRequest(_message.Message):
    __slots__ = ("name", "alias", "version", "expected_version", "workspace", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    alias: str
    version: int
    expected_version: int
    workspace: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., alias: _Optional[str] = ..., version: _Optional[int] = ..., expected_version: _Optional[int] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SetAliasResponse(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: _resources_pb2_1_1.ModelVersion
    def __init__(self, version: _Optional[_Union[_resources_pb2_1_1.ModelVersion, _Mapping]] = ...) -> None: ...

class DeleteAliasRequest(_message.Message):
    __slots__ = ("name", "alias", "expected_version", "workspace", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    alias: str
    expected_version: int
    workspace: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., alias: _Optional[str] = ..., expected_version: _Optional[int] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DeleteAliasResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResolveRequest(_message.Message):
    __slots__ = ("name", "version", "stage", "alias", "workspace")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    stage: str
    alias: str
    workspace: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., stage: _Optional[str] = ..., alias: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class ResolveResponse(_message.Message):
    __slots__ = ("version", "manifest")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    version: _resources_pb2_1_1.ModelVersion
    manifest: _resources_pb2.Manifest
    def __init__(self, version: _Optional[_Union[_resources_pb2_1_1.ModelVersion, _Mapping]] = ..., manifest: _Optional[_Union[_resources_pb2.Manifest, _Mapping]] = ...) -> None: ...

class ListEventsRequest(_message.Message):
    __slots__ = ("model_name", "workspace", "page_size", "page_token")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    workspace: str
    page_size: int
    page_token: str
    def __init__(self, model_name: _Optional[str] = ..., workspace: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1_1.Event]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[_resources_pb2_1_1.Event, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("model_name", "workspace", "resume_token", "from_start")
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FROM_START_FIELD_NUMBER: _ClassVar[int]
    model_name: str
    workspace: str
    resume_token: str
    from_start: bool
    def __init__(self, model_name: _Optional[str] = ..., workspace: _Optional[str] = ..., resume_token: _Optional[str] = ..., from_start: bool = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("event", "resume_token")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    event: _resources_pb2_1_1.Event
    resume_token: str
    def __init__(self, event: _Optional[_Union[_resources_pb2_1_1.Event, _Mapping]] = ..., resume_token: _Optional[str] = ...) -> None: ...

class GetManifestAccessRequest(_message.Message):
    __slots__ = ("workspace", "manifest_digest")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    manifest_digest: str
    def __init__(self, workspace: _Optional[str] = ..., manifest_digest: _Optional[str] = ...) -> None: ...

class GetManifestAccessResponse(_message.Message):
    __slots__ = ("role",)
    ROLE_FIELD_NUMBER: _ClassVar[int]
    role: _resources_pb2_1.Role
    def __init__(self, role: _Optional[_Union[_resources_pb2_1.Role, str]] = ...) -> None: ...

class GrantModelRoleRequest(_message.Message):
    __slots__ = ("name", "workspace", "principal", "role")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    workspace: str
    principal: str
    role: _resources_pb2_1.Role
    def __init__(self, name: _Optional[str] = ..., workspace: _Optional[str] = ..., principal: _Optional[str] = ..., role: _Optional[_Union[_resources_pb2_1.Role, str]] = ...) -> None: ...

class GrantModelRoleResponse(_message.Message):
    __slots__ = ("binding",)
    BINDING_FIELD_NUMBER: _ClassVar[int]
    binding: _resources_pb2_1_1.ModelRole
    def __init__(self, binding: _Optional[_Union[_resources_pb2_1_1.ModelRole, _Mapping]] = ...) -> None: ...

class RevokeModelRoleRequest(_message.Message):
    __slots__ = ("name", "workspace", "principal")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    workspace: str
    principal: str
    def __init__(self, name: _Optional[str] = ..., workspace: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class RevokeModelRoleResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelRolesRequest(_message.Message):
    __slots__ = ("name", "workspace", "page_size", "page_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    workspace: str
    page_size: int
    page_token: str
    def __init__(self, name: _Optional[str] = ..., workspace: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListModelRolesResponse(_message.Message):
    __slots__ = ("bindings", "next_page_token")
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1_1.ModelRole]
    next_page_token: str
    def __init__(self, bindings: _Optional[_Iterable[_Union[_resources_pb2_1_1.ModelRole, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class VersionWriter(_message.Message):
    __slots__ = ("writer_id", "labels", "durable_sequence", "last_heard_time_us")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    DURABLE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARD_TIME_US_FIELD_NUMBER: _ClassVar[int]
    writer_id: str
    labels: _containers.ScalarMap[str, str]
    durable_sequence: int
    last_heard_time_us: int
    def __init__(self, writer_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., durable_sequence: _Optional[int] = ..., last_heard_time_us: _Optional[int] = ...) -> None: ...

class ListVersionWritersRequest(_message.Message):
    __slots__ = ("name", "version", "workspace", "page_size", "page_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    workspace: str
    page_size: int
    page_token: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., workspace: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListVersionWritersResponse(_message.Message):
    __slots__ = ("writers", "next_page_token")
    WRITERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    writers: _containers.RepeatedCompositeFieldContainer[VersionWriter]
    next_page_token: str
    def __init__(self, writers: _Optional[_Iterable[_Union[VersionWriter, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListVersionSeriesRequest(_message.Message):
    __slots__ = ("name", "version", "workspace", "key", "page_size", "page_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    workspace: str
    key: str
    page_size: int
    page_token: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., workspace: _Optional[str] = ..., key: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListVersionSeriesResponse(_message.Message):
    __slots__ = ("series", "next_page_token")
    SERIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    series: _containers.RepeatedCompositeFieldContainer[_series_pb2.SeriesSummary]
    next_page_token: str
    def __init__(self, series: _Optional[_Iterable[_Union[_series_pb2.SeriesSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReadVersionSeriesRequest(_message.Message):
    __slots__ = ("name", "version", "workspace", "key", "context", "any_context")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ANY_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    workspace: str
    key: str
    context: _containers.ScalarMap[str, str]
    any_context: bool
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., workspace: _Optional[str] = ..., key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., any_context: bool = ...) -> None: ...

class ReadVersionSeriesResponse(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _series_pb2.PointColumns
    def __init__(self, points: _Optional[_Union[_series_pb2.PointColumns, _Mapping]] = ...) -> None: ...

class RenameModelRequest(_message.Message):
    __slots__ = ("name", "new_name", "etag", "workspace", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NEW_NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    new_name: str
    etag: str
    workspace: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., new_name: _Optional[str] = ..., etag: _Optional[str] = ..., workspace: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RenameModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1_1.RegisteredModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1_1.RegisteredModel, _Mapping]] = ...) -> None: ...

class CreateWebhookRequest(_message.Message):
    __slots__ = ("name", "description", "url", "events", "secret", "payload", "status", "workspace")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    url: str
    events: _containers.RepeatedScalarFieldContainer[_resources_pb2_1_1.EventKind]
    secret: str
    payload: _resources_pb2_1_1.WebhookPayload
    status: _resources_pb2_1_1.WebhookStatus
    workspace: str
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., url: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_resources_pb2_1_1.EventKind, str]]] = ..., secret: _Optional[str] = ..., payload: _Optional[_Union[_resources_pb2_1_1.WebhookPayload, str]] = ..., status: _Optional[_Union[_resources_pb2_1_1.WebhookStatus, str]] = ..., workspace: _Optional[str] = ...) -> None: ...

class CreateWebhookResponse(_message.Message):
    __slots__ = ("webhook",)
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    webhook: _resources_pb2_1_1.Webhook
    def __init__(self, webhook: _Optional[_Union[_resources_pb2_1_1.Webhook, _Mapping]] = ...) -> None: ...

class GetWebhookRequest(_message.Message):
    __slots__ = ("webhook_id", "workspace")
    WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    webhook_id: str
    workspace: str
    def __init__(self, webhook_id: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class GetWebhookResponse(_message.Message):
    __slots__ = ("webhook",)
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    webhook: _resources_pb2_1_1.Webhook
    def __init__(self, webhook: _Optional[_Union[_resources_pb2_1_1.Webhook, _Mapping]] = ...) -> None: ...

class ListWebhooksRequest(_message.Message):
    __slots__ = ("workspace", "payload", "page_size", "page_token")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    payload: _resources_pb2_1_1.WebhookPayload
    page_size: int
    page_token: str
    def __init__(self, workspace: _Optional[str] = ..., payload: _Optional[_Union[_resources_pb2_1_1.WebhookPayload, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWebhooksResponse(_message.Message):
    __slots__ = ("webhooks", "next_page_token")
    WEBHOOKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    webhooks: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1_1.Webhook]
    next_page_token: str
    def __init__(self, webhooks: _Optional[_Iterable[_Union[_resources_pb2_1_1.Webhook, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateWebhookRequest(_message.Message):
    __slots__ = ("webhook_id", "workspace", "name", "description", "url", "events", "secret", "status")
    WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    webhook_id: str
    workspace: str
    name: str
    description: str
    url: str
    events: _containers.RepeatedScalarFieldContainer[_resources_pb2_1_1.EventKind]
    secret: str
    status: _resources_pb2_1_1.WebhookStatus
    def __init__(self, webhook_id: _Optional[str] = ..., workspace: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., url: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_resources_pb2_1_1.EventKind, str]]] = ..., secret: _Optional[str] = ..., status: _Optional[_Union[_resources_pb2_1_1.WebhookStatus, str]] = ...) -> None: ...

class UpdateWebhookResponse(_message.Message):
    __slots__ = ("webhook",)
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    webhook: _resources_pb2_1_1.Webhook
    def __init__(self, webhook: _Optional[_Union[_resources_pb2_1_1.Webhook, _Mapping]] = ...) -> None: ...

class DeleteWebhookRequest(_message.Message):
    __slots__ = ("webhook_id", "workspace")
    WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    webhook_id: str
    workspace: str
    def __init__(self, webhook_id: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class DeleteWebhookResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TestWebhookRequest(_message.Message):
    __slots__ = ("webhook_id", "workspace", "event")
    WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    webhook_id: str
    workspace: str
    event: _resources_pb2_1_1.EventKind
    def __init__(self, webhook_id: _Optional[str] = ..., workspace: _Optional[str] = ..., event: _Optional[_Union[_resources_pb2_1_1.EventKind, str]] = ...) -> None: ...

class TestWebhookResponse(_message.Message):
    __slots__ = ("delivered", "http_status", "error")
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    delivered: bool
    http_status: int
    error: str
    def __init__(self, delivered: bool = ..., http_status: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

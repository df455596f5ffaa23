from trackway.api.auth.v1 import resources_pb2 as _resources_pb2
from trackway.api.metrics.v1 import ingest_pb2 as _ingest_pb2
from trackway.api.metrics.v1 import series_pb2 as _series_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LifecycleStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIFECYCLE_STAGE_UNSPECIFIED: _ClassVar[LifecycleStage]
    LIFECYCLE_STAGE_ACTIVE: _ClassVar[LifecycleStage]
    LIFECYCLE_STAGE_DELETED: _ClassVar[LifecycleStage]

class ViewType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VIEW_TYPE_UNSPECIFIED: _ClassVar[ViewType]
    VIEW_TYPE_ACTIVE_ONLY: _ClassVar[ViewType]
    VIEW_TYPE_DELETED_ONLY: _ClassVar[ViewType]
    VIEW_TYPE_ALL: _ClassVar[ViewType]

class RunStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATUS_UNSPECIFIED: _ClassVar[RunStatus]
    RUN_STATUS_RUNNING: _ClassVar[RunStatus]
    RUN_STATUS_SCHEDULED: _ClassVar[RunStatus]
    RUN_STATUS_FINISHED: _ClassVar[RunStatus]
    RUN_STATUS_FAILED: _ClassVar[RunStatus]
    RUN_STATUS_KILLED: _ClassVar[RunStatus]

class ComparedKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPARED_KIND_UNSPECIFIED: _ClassVar[ComparedKind]
    COMPARED_KIND_PARAM: _ClassVar[ComparedKind]
    COMPARED_KIND_SOURCE: _ClassVar[ComparedKind]
    COMPARED_KIND_TAG: _ClassVar[ComparedKind]
    COMPARED_KIND_METRIC: _ClassVar[ComparedKind]

class LoggedModelStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOGGED_MODEL_STATUS_UNSPECIFIED: _ClassVar[LoggedModelStatus]
    LOGGED_MODEL_STATUS_PENDING: _ClassVar[LoggedModelStatus]
    LOGGED_MODEL_STATUS_READY: _ClassVar[LoggedModelStatus]
    LOGGED_MODEL_STATUS_UPLOAD_FAILED: _ClassVar[LoggedModelStatus]
LIFECYCLE_STAGE_UNSPECIFIED: LifecycleStage
LIFECYCLE_STAGE_ACTIVE: LifecycleStage
LIFECYCLE_STAGE_DELETED: LifecycleStage
VIEW_TYPE_UNSPECIFIED: ViewType
VIEW_TYPE_ACTIVE_ONLY: ViewType
VIEW_TYPE_DELETED_ONLY: ViewType
VIEW_TYPE_ALL: ViewType
RUN_STATUS_UNSPECIFIED: RunStatus
RUN_STATUS_RUNNING: RunStatus
RUN_STATUS_SCHEDULED: RunStatus
RUN_STATUS_FINISHED: RunStatus
RUN_STATUS_FAILED: RunStatus
RUN_STATUS_KILLED: RunStatus
COMPARED_KIND_UNSPECIFIED: ComparedKind
COMPARED_KIND_PARAM: ComparedKind
COMPARED_KIND_SOURCE: ComparedKind
COMPARED_KIND_TAG: ComparedKind
COMPARED_KIND_METRIC: ComparedKind
LOGGED_MODEL_STATUS_UNSPECIFIED: LoggedModelStatus
LOGGED_MODEL_STATUS_PENDING: LoggedModelStatus
LOGGED_MODEL_STATUS_READY: LoggedModelStatus
LOGGED_MODEL_STATUS_UPLOAD_FAILED: LoggedModelStatus

class Experiment(_message.Message):
    __slots__ = ("experiment_id", "workspace", "name", "lifecycle_stage", "create_time_us", "update_time_us", "tags")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_STAGE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    workspace: str
    name: str
    lifecycle_stage: LifecycleStage
    create_time_us: int
    update_time_us: int
    tags: _containers.ScalarMap[str, str]
    def __init__(self, experiment_id: _Optional[str] = ..., workspace: _Optional[str] = ..., name: _Optional[str] = ..., lifecycle_stage: _Optional[_Union[LifecycleStage, str]] = ..., create_time_us: _Optional[int] = ..., update_time_us: _Optional[int] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("run_id", "experiment_id", "workspace", "run_name", "status", "status_message", "lifecycle_stage", "user_id", "start_time_us", "end_time_us", "parent_run_id", "params", "tags", "metrics", "dataset_inputs", "refused_count", "lost_since_us", "model_inputs", "model_outputs")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATUS_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_STAGE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_US_FIELD_NUMBER: _ClassVar[int]
    END_TIME_US_FIELD_NUMBER: _ClassVar[int]
    PARENT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    DATASET_INPUTS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    LOST_SINCE_US_FIELD_NUMBER: _ClassVar[int]
    MODEL_INPUTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    experiment_id: str
    workspace: str
    run_name: str
    status: RunStatus
    status_message: str
    lifecycle_stage: LifecycleStage
    user_id: str
    start_time_us: int
    end_time_us: int
    parent_run_id: str
    params: _containers.ScalarMap[str, str]
    tags: _containers.ScalarMap[str, str]
    metrics: _containers.RepeatedCompositeFieldContainer[_series_pb2.SeriesSummary]
    dataset_inputs: _containers.RepeatedCompositeFieldContainer[_ingest_pb2.DatasetInput]
    refused_count: int
    lost_since_us: int
    model_inputs: _containers.RepeatedCompositeFieldContainer[_ingest_pb2.ModelInput]
    model_outputs: _containers.RepeatedCompositeFieldContainer[_ingest_pb2.ModelOutput]
    def __init__(self, run_id: _Optional[str] = ..., experiment_id: _Optional[str] = ..., workspace: _Optional[str] = ..., run_name: _Optional[str] = ..., status: _Optional[_Union[RunStatus, str]] = ..., status_message: _Optional[str] = ..., lifecycle_stage: _Optional[_Union[LifecycleStage, str]] = ..., user_id: _Optional[str] = ..., start_time_us: _Optional[int] = ..., end_time_us: _Optional[int] = ..., parent_run_id: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ..., tags: _Optional[_Mapping[str, str]] = ..., metrics: _Optional[_Iterable[_Union[_series_pb2.SeriesSummary, _Mapping]]] = ..., dataset_inputs: _Optional[_Iterable[_Union[_ingest_pb2.DatasetInput, _Mapping]]] = ..., refused_count: _Optional[int] = ..., lost_since_us: _Optional[int] = ..., model_inputs: _Optional[_Iterable[_Union[_ingest_pb2.ModelInput, _Mapping]]] = ..., model_outputs: _Optional[_Iterable[_Union[_ingest_pb2.ModelOutput, _Mapping]]] = ...) -> None: ...

class RefusedRecord(_message.Message):
    __slots__ = ("writer_id", "refused")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    writer_id: str
    refused: _ingest_pb2.RecordRefused
    def __init__(self, writer_id: _Optional[str] = ..., refused: _Optional[_Union[_ingest_pb2.RecordRefused, _Mapping]] = ...) -> None: ...

class Writer(_message.Message):
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

class ExperimentRole(_message.Message):
    __slots__ = ("experiment_id", "principal", "role")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    principal: str
    role: _resources_pb2.Role
    def __init__(self, experiment_id: _Optional[str] = ..., principal: _Optional[str] = ..., role: _Optional[_Union[_resources_pb2.Role, str]] = ...) -> None: ...

class ComparedRow(_message.Message):
    __slots__ = ("kind", "key", "context", "differs", "values")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KIND_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    DIFFERS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    kind: ComparedKind
    key: str
    context: _containers.ScalarMap[str, str]
    differs: bool
    values: _containers.RepeatedCompositeFieldContainer[ComparedValue]
    def __init__(self, kind: _Optional[_Union[ComparedKind, str]] = ..., key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., differs: bool = ..., values: _Optional[_Iterable[_Union[ComparedValue, _Mapping]]] = ...) -> None: ...

class ComparedValue(_message.Message):
    __slots__ = ("text", "metric", "cut_characters")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    CUT_CHARACTERS_FIELD_NUMBER: _ClassVar[int]
    text: str
    metric: _series_pb2.SeriesSummary
    cut_characters: int
    def __init__(self, text: _Optional[str] = ..., metric: _Optional[_Union[_series_pb2.SeriesSummary, _Mapping]] = ..., cut_characters: _Optional[int] = ...) -> None: ...

class DatasetSummary(_message.Message):
    __slots__ = ("experiment_id", "name", "digest", "context")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    name: str
    digest: str
    context: str
    def __init__(self, experiment_id: _Optional[str] = ..., name: _Optional[str] = ..., digest: _Optional[str] = ..., context: _Optional[str] = ...) -> None: ...

class LoggedModel(_message.Message):
    __slots__ = ("model_id", "experiment_id", "workspace", "name", "model_type", "source_run_id", "status", "status_message", "lifecycle_stage", "create_time_us", "update_time_us", "params", "tags", "metrics")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATUS_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_STAGE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    experiment_id: str
    workspace: str
    name: str
    model_type: str
    source_run_id: str
    status: LoggedModelStatus
    status_message: str
    lifecycle_stage: LifecycleStage
    create_time_us: int
    update_time_us: int
    params: _containers.ScalarMap[str, str]
    tags: _containers.ScalarMap[str, str]
    metrics: _containers.RepeatedCompositeFieldContainer[LoggedModelMetric]
    def __init__(self, model_id: _Optional[str] = ..., experiment_id: _Optional[str] = ..., workspace: _Optional[str] = ..., name: _Optional[str] = ..., model_type: _Optional[str] = ..., source_run_id: _Optional[str] = ..., status: _Optional[_Union[LoggedModelStatus, str]] = ..., status_message: _Optional[str] = ..., lifecycle_stage: _Optional[_Union[LifecycleStage, str]] = ..., create_time_us: _Optional[int] = ..., update_time_us: _Optional[int] = ..., params: _Optional[_Mapping[str, str]] = ..., tags: _Optional[_Mapping[str, str]] = ..., metrics: _Optional[_Iterable[_Union[LoggedModelMetric, _Mapping]]] = ...) -> None: ...

class LoggedModelMetric(_message.Message):
    __slots__ = ("run_id", "summary")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    summary: _series_pb2.SeriesSummary
    def __init__(self, run_id: _Optional[str] = ..., summary: _Optional[_Union[_series_pb2.SeriesSummary, _Mapping]] = ...) -> None: ...

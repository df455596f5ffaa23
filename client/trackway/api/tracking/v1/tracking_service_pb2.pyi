from trackway.api.auth.v1 import resources_pb2 as _resources_pb2
from trackway.api.common.v1 import limits_pb2 as _limits_pb2
from trackway.api.common.v1 import methods_pb2 as _methods_pb2
from trackway.api.metrics.v1 import ingest_pb2 as _ingest_pb2
from trackway.api.metrics.v1 import series_pb2 as _series_pb2
from trackway.api.tracking.v1 import resources_pb2 as _resources_pb2_1
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StepMatch(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_MATCH_UNSPECIFIED: _ClassVar[StepMatch]
    STEP_MATCH_EXACT: _ClassVar[StepMatch]
    STEP_MATCH_AT_OR_BEFORE: _ClassVar[StepMatch]
STEP_MATCH_UNSPECIFIED: StepMatch
STEP_MATCH_EXACT: StepMatch
STEP_MATCH_AT_OR_BEFORE: StepMatch

class CreateExperimentRequest(_message.Message):
    __slots__ = ("name", "workspace", "tags")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    workspace: str
    tags: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., workspace: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CreateExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: _resources_pb2_1.Experiment
    def __init__(self, experiment: _Optional[_Union[_resources_pb2_1.Experiment, _Mapping]] = ...) -> None: ...

class GetExperimentRequest(_message.Message):
    __slots__ = ("experiment_id", "name", "workspace")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    name: str
    workspace: str
    def __init__(self, experiment_id: _Optional[str] = ..., name: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class GetExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: _resources_pb2_1.Experiment
    def __init__(self, experiment: _Optional[_Union[_resources_pb2_1.Experiment, _Mapping]] = ...) -> None: ...

class SearchExperimentsRequest(_message.Message):
    __slots__ = ("workspace", "view", "page_size", "page_token", "filter", "order_by")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    view: _resources_pb2_1.ViewType
    page_size: int
    page_token: str
    filter: str
    order_by: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, workspace: _Optional[str] = ..., view: _Optional[_Union[_resources_pb2_1.ViewType, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchExperimentsResponse(_message.Message):
    __slots__ = ("experiments", "next_page_token")
    EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    experiments: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.Experiment]
    next_page_token: str
    def __init__(self, experiments: _Optional[_Iterable[_Union[_resources_pb2_1.Experiment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateExperimentRequest(_message.Message):
    __slots__ = ("experiment_id", "new_name", "set_tags", "delete_tags")
    class SetTagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    NEW_NAME_FIELD_NUMBER: _ClassVar[int]
    SET_TAGS_FIELD_NUMBER: _ClassVar[int]
    DELETE_TAGS_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    new_name: str
    set_tags: _containers.ScalarMap[str, str]
    delete_tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, experiment_id: _Optional[str] = ..., new_name: _Optional[str] = ..., set_tags: _Optional[_Mapping[str, str]] = ..., delete_tags: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: _resources_pb2_1.Experiment
    def __init__(self, experiment: _Optional[_Union[_resources_pb2_1.Experiment, _Mapping]] = ...) -> None: ...

class DeleteExperimentRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class DeleteExperimentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RestoreExperimentRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class RestoreExperimentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateRunRequest(_message.Message):
    __slots__ = ("run_id", "workspace", "start")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workspace: str
    start: _ingest_pb2.RunStart
    def __init__(self, run_id: _Optional[str] = ..., workspace: _Optional[str] = ..., start: _Optional[_Union[_ingest_pb2.RunStart, _Mapping]] = ...) -> None: ...

class CreateRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _resources_pb2_1.Run
    def __init__(self, run: _Optional[_Union[_resources_pb2_1.Run, _Mapping]] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _resources_pb2_1.Run
    def __init__(self, run: _Optional[_Union[_resources_pb2_1.Run, _Mapping]] = ...) -> None: ...

class SearchRunsRequest(_message.Message):
    __slots__ = ("workspace", "experiment_ids", "view", "page_size", "page_token", "parent_run_id", "filter", "order_by")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PARENT_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    experiment_ids: _containers.RepeatedScalarFieldContainer[str]
    view: _resources_pb2_1.ViewType
    page_size: int
    page_token: str
    parent_run_id: str
    filter: str
    order_by: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, workspace: _Optional[str] = ..., experiment_ids: _Optional[_Iterable[str]] = ..., view: _Optional[_Union[_resources_pb2_1.ViewType, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., parent_run_id: _Optional[str] = ..., filter: _Optional[str] = ..., order_by: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[_resources_pb2_1.Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateRunRequest(_message.Message):
    __slots__ = ("run_id", "status", "status_message", "end_time_us", "run_name")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATUS_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    END_TIME_US_FIELD_NUMBER: _ClassVar[int]
    RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    status: _resources_pb2_1.RunStatus
    status_message: str
    end_time_us: int
    run_name: str
    def __init__(self, run_id: _Optional[str] = ..., status: _Optional[_Union[_resources_pb2_1.RunStatus, str]] = ..., status_message: _Optional[str] = ..., end_time_us: _Optional[int] = ..., run_name: _Optional[str] = ...) -> None: ...

class UpdateRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _resources_pb2_1.Run
    def __init__(self, run: _Optional[_Union[_resources_pb2_1.Run, _Mapping]] = ...) -> None: ...

class DeleteRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class DeleteRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RestoreRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class RestoreRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LogBatchRequest(_message.Message):
    __slots__ = ("run_id", "params", "tags", "dataset_inputs", "model_inputs", "model_outputs", "points", "writer_id", "writer_labels")
    class WriterLabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    DATASET_INPUTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_INPUTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    WRITER_LABELS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    params: _ingest_pb2.ParamsSet
    tags: _ingest_pb2.TagsChange
    dataset_inputs: _containers.RepeatedCompositeFieldContainer[_ingest_pb2.DatasetInput]
    model_inputs: _containers.RepeatedCompositeFieldContainer[_ingest_pb2.ModelInput]
    model_outputs: _containers.RepeatedCompositeFieldContainer[_ingest_pb2.ModelOutput]
    points: _ingest_pb2.AppendRecords
    writer_id: str
    writer_labels: _containers.ScalarMap[str, str]
    def __init__(self, run_id: _Optional[str] = ..., params: _Optional[_Union[_ingest_pb2.ParamsSet, _Mapping]] = ..., tags: _Optional[_Union[_ingest_pb2.TagsChange, _Mapping]] = ..., dataset_inputs: _Optional[_Iterable[_Union[_ingest_pb2.DatasetInput, _Mapping]]] = ..., model_inputs: _Optional[_Iterable[_Union[_ingest_pb2.ModelInput, _Mapping]]] = ..., model_outputs: _Optional[_Iterable[_Union[_ingest_pb2.ModelOutput, _Mapping]]] = ..., points: _Optional[_Union[_ingest_pb2.AppendRecords, _Mapping]] = ..., writer_id: _Optional[str] = ..., writer_labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class LogBatchResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRefusedRecordsRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ListRefusedRecordsResponse(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.RefusedRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[_resources_pb2_1.RefusedRecord, _Mapping]]] = ...) -> None: ...

class ListWritersRequest(_message.Message):
    __slots__ = ("run_id", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWritersResponse(_message.Message):
    __slots__ = ("writers", "next_page_token")
    WRITERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    writers: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.Writer]
    next_page_token: str
    def __init__(self, writers: _Optional[_Iterable[_Union[_resources_pb2_1.Writer, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListSeriesRequest(_message.Message):
    __slots__ = ("run_id", "key", "page_size", "page_token")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    key: str
    page_size: int
    page_token: str
    def __init__(self, run_id: _Optional[str] = ..., key: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSeriesResponse(_message.Message):
    __slots__ = ("series", "next_page_token")
    SERIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    series: _containers.RepeatedCompositeFieldContainer[_series_pb2.SeriesSummary]
    next_page_token: str
    def __init__(self, series: _Optional[_Iterable[_Union[_series_pb2.SeriesSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReadSeriesRequest(_message.Message):
    __slots__ = ("run_ids", "series", "range")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    series: _series_pb2.SeriesSelection
    range: _series_pb2.PointRange
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., series: _Optional[_Union[_series_pb2.SeriesSelection, _Mapping]] = ..., range: _Optional[_Union[_series_pb2.PointRange, _Mapping]] = ...) -> None: ...

class ReadSeriesResponse(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _series_pb2.PointColumns
    def __init__(self, points: _Optional[_Union[_series_pb2.PointColumns, _Mapping]] = ...) -> None: ...

class GetRunAccessRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunAccessResponse(_message.Message):
    __slots__ = ("workspace", "role", "experiment_id")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    role: _resources_pb2.Role
    experiment_id: str
    def __init__(self, workspace: _Optional[str] = ..., role: _Optional[_Union[_resources_pb2.Role, str]] = ..., experiment_id: _Optional[str] = ...) -> None: ...

class GrantExperimentRoleRequest(_message.Message):
    __slots__ = ("experiment_id", "principal", "role")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    principal: str
    role: _resources_pb2.Role
    def __init__(self, experiment_id: _Optional[str] = ..., principal: _Optional[str] = ..., role: _Optional[_Union[_resources_pb2.Role, str]] = ...) -> None: ...

class GrantExperimentRoleResponse(_message.Message):
    __slots__ = ("binding",)
    BINDING_FIELD_NUMBER: _ClassVar[int]
    binding: _resources_pb2_1.ExperimentRole
    def __init__(self, binding: _Optional[_Union[_resources_pb2_1.ExperimentRole, _Mapping]] = ...) -> None: ...

class RevokeExperimentRoleRequest(_message.Message):
    __slots__ = ("experiment_id", "principal")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    principal: str
    def __init__(self, experiment_id: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class RevokeExperimentRoleResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListExperimentRolesRequest(_message.Message):
    __slots__ = ("experiment_id", "page_size", "page_token")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    page_size: int
    page_token: str
    def __init__(self, experiment_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListExperimentRolesResponse(_message.Message):
    __slots__ = ("bindings", "next_page_token")
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.ExperimentRole]
    next_page_token: str
    def __init__(self, bindings: _Optional[_Iterable[_Union[_resources_pb2_1.ExperimentRole, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReadConsoleRequest(_message.Message):
    __slots__ = ("run_id", "labels", "last_lines", "follow", "after")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LAST_LINES_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    labels: _containers.ScalarMap[str, str]
    last_lines: int
    follow: bool
    after: _containers.RepeatedCompositeFieldContainer[ConsolePosition]
    def __init__(self, run_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., last_lines: _Optional[int] = ..., follow: bool = ..., after: _Optional[_Iterable[_Union[ConsolePosition, _Mapping]]] = ...) -> None: ...

class ConsolePosition(_message.Message):
    __slots__ = ("writer_id", "sequence")
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    writer_id: str
    sequence: int
    def __init__(self, writer_id: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...

class ReadConsoleResponse(_message.Message):
    __slots__ = ("block", "position", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    block: _ingest_pb2.ConsoleBlock
    position: ConsolePosition
    labels: _containers.ScalarMap[str, str]
    def __init__(self, block: _Optional[_Union[_ingest_pb2.ConsoleBlock, _Mapping]] = ..., position: _Optional[_Union[ConsolePosition, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ReadBucketsRequest(_message.Message):
    __slots__ = ("run_ids", "series", "range", "axis", "max_buckets", "by_writer")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    AXIS_FIELD_NUMBER: _ClassVar[int]
    MAX_BUCKETS_FIELD_NUMBER: _ClassVar[int]
    BY_WRITER_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    series: _series_pb2.SeriesSelection
    range: _series_pb2.PointRange
    axis: _series_pb2.Axis
    max_buckets: int
    by_writer: bool
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., series: _Optional[_Union[_series_pb2.SeriesSelection, _Mapping]] = ..., range: _Optional[_Union[_series_pb2.PointRange, _Mapping]] = ..., axis: _Optional[_Union[_series_pb2.Axis, str]] = ..., max_buckets: _Optional[int] = ..., by_writer: bool = ...) -> None: ...

class ReadBucketsResponse(_message.Message):
    __slots__ = ("buckets",)
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    buckets: _series_pb2.BucketColumns
    def __init__(self, buckets: _Optional[_Union[_series_pb2.BucketColumns, _Mapping]] = ...) -> None: ...

class ReadAggregatesRequest(_message.Message):
    __slots__ = ("run_ids", "series", "range", "across_context_keys", "across_writers", "max_buckets")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    RANGE_FIELD_NUMBER: _ClassVar[int]
    ACROSS_CONTEXT_KEYS_FIELD_NUMBER: _ClassVar[int]
    ACROSS_WRITERS_FIELD_NUMBER: _ClassVar[int]
    MAX_BUCKETS_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    series: _series_pb2.SeriesSelection
    range: _series_pb2.PointRange
    across_context_keys: _containers.RepeatedScalarFieldContainer[str]
    across_writers: bool
    max_buckets: int
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., series: _Optional[_Union[_series_pb2.SeriesSelection, _Mapping]] = ..., range: _Optional[_Union[_series_pb2.PointRange, _Mapping]] = ..., across_context_keys: _Optional[_Iterable[str]] = ..., across_writers: bool = ..., max_buckets: _Optional[int] = ...) -> None: ...

class ReadAggregatesResponse(_message.Message):
    __slots__ = ("aggregate",)
    AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    aggregate: _series_pb2.AggregateColumns
    def __init__(self, aggregate: _Optional[_Union[_series_pb2.AggregateColumns, _Mapping]] = ...) -> None: ...

class ReadValuesRequest(_message.Message):
    __slots__ = ("run_ids", "series", "steps", "match")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    series: _series_pb2.SeriesSelection
    steps: _containers.RepeatedScalarFieldContainer[int]
    match: StepMatch
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., series: _Optional[_Union[_series_pb2.SeriesSelection, _Mapping]] = ..., steps: _Optional[_Iterable[int]] = ..., match: _Optional[_Union[StepMatch, str]] = ...) -> None: ...

class ReadValuesResponse(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _series_pb2.ValueColumns
    def __init__(self, values: _Optional[_Union[_series_pb2.ValueColumns, _Mapping]] = ...) -> None: ...

class FollowRequest(_message.Message):
    __slots__ = ("run_ids", "series", "position", "only_new", "until_end")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ONLY_NEW_FIELD_NUMBER: _ClassVar[int]
    UNTIL_END_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    series: _series_pb2.SeriesSelection
    position: bytes
    only_new: bool
    until_end: bool
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., series: _Optional[_Union[_series_pb2.SeriesSelection, _Mapping]] = ..., position: _Optional[bytes] = ..., only_new: bool = ..., until_end: bool = ...) -> None: ...

class FollowResponse(_message.Message):
    __slots__ = ("points", "position", "caught_up")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_UP_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedCompositeFieldContainer[_series_pb2.PointColumns]
    position: bytes
    caught_up: bool
    def __init__(self, points: _Optional[_Iterable[_Union[_series_pb2.PointColumns, _Mapping]]] = ..., position: _Optional[bytes] = ..., caught_up: bool = ...) -> None: ...

class CompareRunsRequest(_message.Message):
    __slots__ = ("run_ids", "only_differing", "any_context")
    RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    ONLY_DIFFERING_FIELD_NUMBER: _ClassVar[int]
    ANY_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    run_ids: _containers.RepeatedScalarFieldContainer[str]
    only_differing: bool
    any_context: bool
    def __init__(self, run_ids: _Optional[_Iterable[str]] = ..., only_differing: bool = ..., any_context: bool = ...) -> None: ...

class CompareRunsResponse(_message.Message):
    __slots__ = ("runs", "rows")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.Run]
    rows: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.ComparedRow]
    def __init__(self, runs: _Optional[_Iterable[_Union[_resources_pb2_1.Run, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[_resources_pb2_1.ComparedRow, _Mapping]]] = ...) -> None: ...

class SearchDatasetsRequest(_message.Message):
    __slots__ = ("workspace", "experiment_ids")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    experiment_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, workspace: _Optional[str] = ..., experiment_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchDatasetsResponse(_message.Message):
    __slots__ = ("datasets", "has_more")
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    datasets: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.DatasetSummary]
    has_more: bool
    def __init__(self, datasets: _Optional[_Iterable[_Union[_resources_pb2_1.DatasetSummary, _Mapping]]] = ..., has_more: bool = ...) -> None: ...

class CreateLoggedModelRequest(_message.Message):
    __slots__ = ("model_id", "experiment_id", "name", "model_type", "source_run_id", "params", "tags")
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
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    experiment_id: str
    name: str
    model_type: str
    source_run_id: str
    params: _containers.ScalarMap[str, str]
    tags: _containers.ScalarMap[str, str]
    def __init__(self, model_id: _Optional[str] = ..., experiment_id: _Optional[str] = ..., name: _Optional[str] = ..., model_type: _Optional[str] = ..., source_run_id: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CreateLoggedModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1.LoggedModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1.LoggedModel, _Mapping]] = ...) -> None: ...

class GetLoggedModelRequest(_message.Message):
    __slots__ = ("model_id",)
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    def __init__(self, model_id: _Optional[str] = ...) -> None: ...

class GetLoggedModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1.LoggedModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1.LoggedModel, _Mapping]] = ...) -> None: ...

class FinalizeLoggedModelRequest(_message.Message):
    __slots__ = ("model_id", "status", "status_message")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATUS_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    status: _resources_pb2_1.LoggedModelStatus
    status_message: str
    def __init__(self, model_id: _Optional[str] = ..., status: _Optional[_Union[_resources_pb2_1.LoggedModelStatus, str]] = ..., status_message: _Optional[str] = ...) -> None: ...

class FinalizeLoggedModelResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1.LoggedModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1.LoggedModel, _Mapping]] = ...) -> None: ...

class DeleteLoggedModelRequest(_message.Message):
    __slots__ = ("model_id",)
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    def __init__(self, model_id: _Optional[str] = ...) -> None: ...

class DeleteLoggedModelResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UpdateLoggedModelTagsRequest(_message.Message):
    __slots__ = ("model_id", "set", "delete")
    class SetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    set: _containers.ScalarMap[str, str]
    delete: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model_id: _Optional[str] = ..., set: _Optional[_Mapping[str, str]] = ..., delete: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateLoggedModelTagsResponse(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _resources_pb2_1.LoggedModel
    def __init__(self, model: _Optional[_Union[_resources_pb2_1.LoggedModel, _Mapping]] = ...) -> None: ...

class LogLoggedModelParamsRequest(_message.Message):
    __slots__ = ("model_id", "params")
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    params: _containers.ScalarMap[str, str]
    def __init__(self, model_id: _Optional[str] = ..., params: _Optional[_Mapping[str, str]] = ...) -> None: ...

class LogLoggedModelParamsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DatasetFilter(_message.Message):
    __slots__ = ("dataset_name", "dataset_digest")
    DATASET_NAME_FIELD_NUMBER: _ClassVar[int]
    DATASET_DIGEST_FIELD_NUMBER: _ClassVar[int]
    dataset_name: str
    dataset_digest: str
    def __init__(self, dataset_name: _Optional[str] = ..., dataset_digest: _Optional[str] = ...) -> None: ...

class LoggedModelOrder(_message.Message):
    __slots__ = ("field", "dataset")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    field: str
    dataset: DatasetFilter
    def __init__(self, field: _Optional[str] = ..., dataset: _Optional[_Union[DatasetFilter, _Mapping]] = ...) -> None: ...

class SearchLoggedModelsRequest(_message.Message):
    __slots__ = ("workspace", "experiment_ids", "view", "filter", "datasets", "order_by", "page_size", "page_token")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    DATASETS_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    experiment_ids: _containers.RepeatedScalarFieldContainer[str]
    view: _resources_pb2_1.ViewType
    filter: str
    datasets: _containers.RepeatedCompositeFieldContainer[DatasetFilter]
    order_by: _containers.RepeatedCompositeFieldContainer[LoggedModelOrder]
    page_size: int
    page_token: str
    def __init__(self, workspace: _Optional[str] = ..., experiment_ids: _Optional[_Iterable[str]] = ..., view: _Optional[_Union[_resources_pb2_1.ViewType, str]] = ..., filter: _Optional[str] = ..., datasets: _Optional[_Iterable[_Union[DatasetFilter, _Mapping]]] = ..., order_by: _Optional[_Iterable[_Union[LoggedModelOrder, _Mapping]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SearchLoggedModelsResponse(_message.Message):
    __slots__ = ("models", "next_page_token")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_resources_pb2_1.LoggedModel]
    next_page_token: str
    def __init__(self, models: _Optional[_Iterable[_Union[_resources_pb2_1.LoggedModel, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetLoggedModelAccessRequest(_message.Message):
    __slots__ = ("model_id",)
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    def __init__(self, model_id: _Optional[str] = ...) -> None: ...

class GetLoggedModelAccessResponse(_message.Message):
    __slots__ = ("workspace", "role", "experiment_id", "source_run_id", "lifecycle_stage")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_STAGE_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    role: _resources_pb2.Role
    experiment_id: str
    source_run_id: str
    lifecycle_stage: _resources_pb2_1.LifecycleStage
    def __init__(self, workspace: _Optional[str] = ..., role: _Optional[_Union[_resources_pb2.Role, str]] = ..., experiment_id: _Optional[str] = ..., source_run_id: _Optional[str] = ..., lifecycle_stage: _Optional[_Union[_resources_pb2_1.LifecycleStage, str]] = ...) -> None: ...

from trackway.api.common.v1 import errors_pb2 as _errors_pb2
from trackway.api.common.v1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConsoleStream(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSOLE_STREAM_UNSPECIFIED: _ClassVar[ConsoleStream]
    CONSOLE_STREAM_STDOUT: _ClassVar[ConsoleStream]
    CONSOLE_STREAM_STDERR: _ClassVar[ConsoleStream]
    CONSOLE_STREAM_BOTH: _ClassVar[ConsoleStream]
CONSOLE_STREAM_UNSPECIFIED: ConsoleStream
CONSOLE_STREAM_STDOUT: ConsoleStream
CONSOLE_STREAM_STDERR: ConsoleStream
CONSOLE_STREAM_BOTH: ConsoleStream

class IngestRequest(_message.Message):
    __slots__ = ("open", "append", "heartbeat")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    APPEND_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    open: OpenWriter
    append: AppendRecords
    heartbeat: WriterHeartbeat
    def __init__(self, open: _Optional[_Union[OpenWriter, _Mapping]] = ..., append: _Optional[_Union[AppendRecords, _Mapping]] = ..., heartbeat: _Optional[_Union[WriterHeartbeat, _Mapping]] = ...) -> None: ...

class WriterHeartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class IngestResponse(_message.Message):
    __slots__ = ("opened", "acknowledged", "refused")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    opened: WriterOpened
    acknowledged: RecordsAcknowledged
    refused: StreamRefused
    def __init__(self, opened: _Optional[_Union[WriterOpened, _Mapping]] = ..., acknowledged: _Optional[_Union[RecordsAcknowledged, _Mapping]] = ..., refused: _Optional[_Union[StreamRefused, _Mapping]] = ...) -> None: ...

class OpenWriter(_message.Message):
    __slots__ = ("subject_id", "writer_id", "epoch", "labels", "workspace", "brief")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    BRIEF_FIELD_NUMBER: _ClassVar[int]
    subject_id: str
    writer_id: str
    epoch: int
    labels: _containers.ScalarMap[str, str]
    workspace: str
    brief: bool
    def __init__(self, subject_id: _Optional[str] = ..., writer_id: _Optional[str] = ..., epoch: _Optional[int] = ..., labels: _Optional[_Mapping[str, str]] = ..., workspace: _Optional[str] = ..., brief: bool = ...) -> None: ...

class WriterOpened(_message.Message):
    __slots__ = ("durable_sequence", "prefix_checksum", "max_append_bytes", "heartbeat_interval_ms")
    DURABLE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PREFIX_CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    MAX_APPEND_BYTES_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    durable_sequence: int
    prefix_checksum: int
    max_append_bytes: int
    heartbeat_interval_ms: int
    def __init__(self, durable_sequence: _Optional[int] = ..., prefix_checksum: _Optional[int] = ..., max_append_bytes: _Optional[int] = ..., heartbeat_interval_ms: _Optional[int] = ...) -> None: ...

class AppendRecords(_message.Message):
    __slots__ = ("first_sequence", "record_count", "record_checksums", "prefix_checksum", "records")
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RECORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    RECORD_CHECKSUMS_FIELD_NUMBER: _ClassVar[int]
    PREFIX_CHECKSUM_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    first_sequence: int
    record_count: int
    record_checksums: bytes
    prefix_checksum: int
    records: _containers.RepeatedCompositeFieldContainer[Record]
    def __init__(self, first_sequence: _Optional[int] = ..., record_count: _Optional[int] = ..., record_checksums: _Optional[bytes] = ..., prefix_checksum: _Optional[int] = ..., records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("sequence_offset", "run_start", "run_status", "params", "tags", "dataset_input", "series", "points", "console", "model_input", "model_output")
    SEQUENCE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    RUN_START_FIELD_NUMBER: _ClassVar[int]
    RUN_STATUS_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    DATASET_INPUT_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    CONSOLE_FIELD_NUMBER: _ClassVar[int]
    MODEL_INPUT_FIELD_NUMBER: _ClassVar[int]
    MODEL_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    sequence_offset: int
    run_start: RunStart
    run_status: RunStatusChange
    params: ParamsSet
    tags: TagsChange
    dataset_input: DatasetInput
    series: SeriesDefinition
    points: PointBlock
    console: ConsoleBlock
    model_input: ModelInput
    model_output: ModelOutput
    def __init__(self, sequence_offset: _Optional[int] = ..., run_start: _Optional[_Union[RunStart, _Mapping]] = ..., run_status: _Optional[_Union[RunStatusChange, _Mapping]] = ..., params: _Optional[_Union[ParamsSet, _Mapping]] = ..., tags: _Optional[_Union[TagsChange, _Mapping]] = ..., dataset_input: _Optional[_Union[DatasetInput, _Mapping]] = ..., series: _Optional[_Union[SeriesDefinition, _Mapping]] = ..., points: _Optional[_Union[PointBlock, _Mapping]] = ..., console: _Optional[_Union[ConsoleBlock, _Mapping]] = ..., model_input: _Optional[_Union[ModelInput, _Mapping]] = ..., model_output: _Optional[_Union[ModelOutput, _Mapping]] = ...) -> None: ...

class RunStart(_message.Message):
    __slots__ = ("experiment_name", "experiment_id", "run_name", "user_id", "start_time_us", "tags")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXPERIMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_NAME_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_US_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    experiment_name: str
    experiment_id: str
    run_name: str
    user_id: str
    start_time_us: int
    tags: _containers.ScalarMap[str, str]
    def __init__(self, experiment_name: _Optional[str] = ..., experiment_id: _Optional[str] = ..., run_name: _Optional[str] = ..., user_id: _Optional[str] = ..., start_time_us: _Optional[int] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RunStatusChange(_message.Message):
    __slots__ = ("status", "time_us", "message")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    status: int
    time_us: int
    message: str
    def __init__(self, status: _Optional[int] = ..., time_us: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class ParamsSet(_message.Message):
    __slots__ = ("params",)
    class ParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    params: _containers.ScalarMap[str, str]
    def __init__(self, params: _Optional[_Mapping[str, str]] = ...) -> None: ...

class TagsChange(_message.Message):
    __slots__ = ("set", "delete")
    class SetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SET_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    set: _containers.ScalarMap[str, str]
    delete: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, set: _Optional[_Mapping[str, str]] = ..., delete: _Optional[_Iterable[str]] = ...) -> None: ...

class DatasetInput(_message.Message):
    __slots__ = ("name", "digest", "source_type", "source", "schema", "profile", "context", "tags")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: str
    source_type: str
    source: str
    schema: str
    profile: str
    context: str
    tags: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ..., source_type: _Optional[str] = ..., source: _Optional[str] = ..., schema: _Optional[str] = ..., profile: _Optional[str] = ..., context: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SeriesDefinition(_message.Message):
    __slots__ = ("series_id", "key", "context")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SERIES_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    series_id: int
    key: str
    context: _containers.ScalarMap[str, str]
    def __init__(self, series_id: _Optional[int] = ..., key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PointBlock(_message.Message):
    __slots__ = ("row_count", "one_record", "sequence_deltas", "series_ids", "first_time_us", "time_deltas", "first_step", "step_deltas", "values")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    ONE_RECORD_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_DELTAS_FIELD_NUMBER: _ClassVar[int]
    SERIES_IDS_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_US_FIELD_NUMBER: _ClassVar[int]
    TIME_DELTAS_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEP_FIELD_NUMBER: _ClassVar[int]
    STEP_DELTAS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    one_record: bool
    sequence_deltas: _containers.RepeatedScalarFieldContainer[int]
    series_ids: _containers.RepeatedScalarFieldContainer[int]
    first_time_us: int
    time_deltas: _containers.RepeatedScalarFieldContainer[int]
    first_step: int
    step_deltas: _containers.RepeatedScalarFieldContainer[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, row_count: _Optional[int] = ..., one_record: bool = ..., sequence_deltas: _Optional[_Iterable[int]] = ..., series_ids: _Optional[_Iterable[int]] = ..., first_time_us: _Optional[int] = ..., time_deltas: _Optional[_Iterable[int]] = ..., first_step: _Optional[int] = ..., step_deltas: _Optional[_Iterable[int]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class RecordsAcknowledged(_message.Message):
    __slots__ = ("durable_sequence", "refused")
    DURABLE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    durable_sequence: int
    refused: _containers.RepeatedCompositeFieldContainer[RecordRefused]
    def __init__(self, durable_sequence: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RecordRefused, _Mapping]]] = ...) -> None: ...

class RecordRefused(_message.Message):
    __slots__ = ("sequence", "reason", "message")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    reason: _errors_pb2.ErrorReason
    message: str
    def __init__(self, sequence: _Optional[int] = ..., reason: _Optional[_Union[_errors_pb2.ErrorReason, str]] = ..., message: _Optional[str] = ...) -> None: ...

class StreamRefused(_message.Message):
    __slots__ = ("reason", "message", "durable_sequence", "retryable")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DURABLE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    reason: _errors_pb2.ErrorReason
    message: str
    durable_sequence: int
    retryable: bool
    def __init__(self, reason: _Optional[_Union[_errors_pb2.ErrorReason, str]] = ..., message: _Optional[str] = ..., durable_sequence: _Optional[int] = ..., retryable: bool = ...) -> None: ...

class ConsoleBlock(_message.Message):
    __slots__ = ("stream", "text", "line_count", "unfinished", "time_us", "first_line", "dropped_lines", "dropped_bytes")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LINE_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNFINISHED_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    FIRST_LINE_FIELD_NUMBER: _ClassVar[int]
    DROPPED_LINES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_BYTES_FIELD_NUMBER: _ClassVar[int]
    stream: ConsoleStream
    text: str
    line_count: int
    unfinished: str
    time_us: int
    first_line: int
    dropped_lines: int
    dropped_bytes: int
    def __init__(self, stream: _Optional[_Union[ConsoleStream, str]] = ..., text: _Optional[str] = ..., line_count: _Optional[int] = ..., unfinished: _Optional[str] = ..., time_us: _Optional[int] = ..., first_line: _Optional[int] = ..., dropped_lines: _Optional[int] = ..., dropped_bytes: _Optional[int] = ...) -> None: ...

class ModelInput(_message.Message):
    __slots__ = ("model_id",)
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    def __init__(self, model_id: _Optional[str] = ...) -> None: ...

class ModelOutput(_message.Message):
    __slots__ = ("model_id", "step")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    step: int
    def __init__(self, model_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

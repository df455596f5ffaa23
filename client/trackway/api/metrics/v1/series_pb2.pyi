from trackway.api.common.v1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Axis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AXIS_UNSPECIFIED: _ClassVar[Axis]
    AXIS_STEP: _ClassVar[Axis]
    AXIS_TIME: _ClassVar[Axis]
AXIS_UNSPECIFIED: Axis
AXIS_STEP: Axis
AXIS_TIME: Axis

class SeriesSummary(_message.Message):
    __slots__ = ("key", "context", "count", "nan_count", "last_value", "last_step", "last_time_us", "min_value", "min_step", "max_value", "max_step", "first_value", "first_step", "first_time_us", "first_nan_step")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NAN_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_VALUE_FIELD_NUMBER: _ClassVar[int]
    LAST_STEP_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_US_FIELD_NUMBER: _ClassVar[int]
    MIN_VALUE_FIELD_NUMBER: _ClassVar[int]
    MIN_STEP_FIELD_NUMBER: _ClassVar[int]
    MAX_VALUE_FIELD_NUMBER: _ClassVar[int]
    MAX_STEP_FIELD_NUMBER: _ClassVar[int]
    FIRST_VALUE_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEP_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_US_FIELD_NUMBER: _ClassVar[int]
    FIRST_NAN_STEP_FIELD_NUMBER: _ClassVar[int]
    key: str
    context: _containers.ScalarMap[str, str]
    count: int
    nan_count: int
    last_value: float
    last_step: int
    last_time_us: int
    min_value: float
    min_step: int
    max_value: float
    max_step: int
    first_value: float
    first_step: int
    first_time_us: int
    first_nan_step: int
    def __init__(self, key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., count: _Optional[int] = ..., nan_count: _Optional[int] = ..., last_value: _Optional[float] = ..., last_step: _Optional[int] = ..., last_time_us: _Optional[int] = ..., min_value: _Optional[float] = ..., min_step: _Optional[int] = ..., max_value: _Optional[float] = ..., max_step: _Optional[int] = ..., first_value: _Optional[float] = ..., first_step: _Optional[int] = ..., first_time_us: _Optional[int] = ..., first_nan_step: _Optional[int] = ...) -> None: ...

class PointColumns(_message.Message):
    __slots__ = ("key", "context", "steps", "times_us", "values", "writer_id", "sequences", "subject_id")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    TIMES_US_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    key: str
    context: _containers.ScalarMap[str, str]
    steps: _containers.RepeatedScalarFieldContainer[int]
    times_us: _containers.RepeatedScalarFieldContainer[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    writer_id: str
    sequences: _containers.RepeatedScalarFieldContainer[int]
    subject_id: str
    def __init__(self, key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., steps: _Optional[_Iterable[int]] = ..., times_us: _Optional[_Iterable[int]] = ..., values: _Optional[_Iterable[float]] = ..., writer_id: _Optional[str] = ..., sequences: _Optional[_Iterable[int]] = ..., subject_id: _Optional[str] = ...) -> None: ...

class PointRange(_message.Message):
    __slots__ = ("min_step", "max_step", "min_time_us", "max_time_us")
    MIN_STEP_FIELD_NUMBER: _ClassVar[int]
    MAX_STEP_FIELD_NUMBER: _ClassVar[int]
    MIN_TIME_US_FIELD_NUMBER: _ClassVar[int]
    MAX_TIME_US_FIELD_NUMBER: _ClassVar[int]
    min_step: int
    max_step: int
    min_time_us: int
    max_time_us: int
    def __init__(self, min_step: _Optional[int] = ..., max_step: _Optional[int] = ..., min_time_us: _Optional[int] = ..., max_time_us: _Optional[int] = ...) -> None: ...

class BucketColumns(_message.Message):
    __slots__ = ("subject_id", "key", "context", "writer_id", "level", "counts", "nan_counts", "first_steps", "first_times_us", "first_values", "last_steps", "last_times_us", "last_values", "min_values", "min_steps", "max_values", "max_steps", "sums")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    WRITER_ID_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    NAN_COUNTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEPS_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIMES_US_FIELD_NUMBER: _ClassVar[int]
    FIRST_VALUES_FIELD_NUMBER: _ClassVar[int]
    LAST_STEPS_FIELD_NUMBER: _ClassVar[int]
    LAST_TIMES_US_FIELD_NUMBER: _ClassVar[int]
    LAST_VALUES_FIELD_NUMBER: _ClassVar[int]
    MIN_VALUES_FIELD_NUMBER: _ClassVar[int]
    MIN_STEPS_FIELD_NUMBER: _ClassVar[int]
    MAX_VALUES_FIELD_NUMBER: _ClassVar[int]
    MAX_STEPS_FIELD_NUMBER: _ClassVar[int]
    SUMS_FIELD_NUMBER: _ClassVar[int]
    subject_id: str
    key: str
    context: _containers.ScalarMap[str, str]
    writer_id: str
    level: int
    counts: _containers.RepeatedScalarFieldContainer[int]
    nan_counts: _containers.RepeatedScalarFieldContainer[int]
    first_steps: _containers.RepeatedScalarFieldContainer[int]
    first_times_us: _containers.RepeatedScalarFieldContainer[int]
    first_values: _containers.RepeatedScalarFieldContainer[float]
    last_steps: _containers.RepeatedScalarFieldContainer[int]
    last_times_us: _containers.RepeatedScalarFieldContainer[int]
    last_values: _containers.RepeatedScalarFieldContainer[float]
    min_values: _containers.RepeatedScalarFieldContainer[float]
    min_steps: _containers.RepeatedScalarFieldContainer[int]
    max_values: _containers.RepeatedScalarFieldContainer[float]
    max_steps: _containers.RepeatedScalarFieldContainer[int]
    sums: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, subject_id: _Optional[str] = ..., key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., writer_id: _Optional[str] = ..., level: _Optional[int] = ..., counts: _Optional[_Iterable[int]] = ..., nan_counts: _Optional[_Iterable[int]] = ..., first_steps: _Optional[_Iterable[int]] = ..., first_times_us: _Optional[_Iterable[int]] = ..., first_values: _Optional[_Iterable[float]] = ..., last_steps: _Optional[_Iterable[int]] = ..., last_times_us: _Optional[_Iterable[int]] = ..., last_values: _Optional[_Iterable[float]] = ..., min_values: _Optional[_Iterable[float]] = ..., min_steps: _Optional[_Iterable[int]] = ..., max_values: _Optional[_Iterable[float]] = ..., max_steps: _Optional[_Iterable[int]] = ..., sums: _Optional[_Iterable[float]] = ...) -> None: ...

class AggregateColumns(_message.Message):
    __slots__ = ("subject_id", "key", "context", "member_count", "first_steps", "last_steps", "counts", "nan_counts", "min_values", "mean_values", "max_values")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    MEMBER_COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEPS_FIELD_NUMBER: _ClassVar[int]
    LAST_STEPS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    NAN_COUNTS_FIELD_NUMBER: _ClassVar[int]
    MIN_VALUES_FIELD_NUMBER: _ClassVar[int]
    MEAN_VALUES_FIELD_NUMBER: _ClassVar[int]
    MAX_VALUES_FIELD_NUMBER: _ClassVar[int]
    subject_id: str
    key: str
    context: _containers.ScalarMap[str, str]
    member_count: int
    first_steps: _containers.RepeatedScalarFieldContainer[int]
    last_steps: _containers.RepeatedScalarFieldContainer[int]
    counts: _containers.RepeatedScalarFieldContainer[int]
    nan_counts: _containers.RepeatedScalarFieldContainer[int]
    min_values: _containers.RepeatedScalarFieldContainer[float]
    mean_values: _containers.RepeatedScalarFieldContainer[float]
    max_values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, subject_id: _Optional[str] = ..., key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., member_count: _Optional[int] = ..., first_steps: _Optional[_Iterable[int]] = ..., last_steps: _Optional[_Iterable[int]] = ..., counts: _Optional[_Iterable[int]] = ..., nan_counts: _Optional[_Iterable[int]] = ..., min_values: _Optional[_Iterable[float]] = ..., mean_values: _Optional[_Iterable[float]] = ..., max_values: _Optional[_Iterable[float]] = ...) -> None: ...

class ValueColumns(_message.Message):
    __slots__ = ("subject_id", "key", "context", "asked_steps", "steps", "times_us", "values")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ASKED_STEPS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    TIMES_US_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    subject_id: str
    key: str
    context: _containers.ScalarMap[str, str]
    asked_steps: _containers.RepeatedScalarFieldContainer[int]
    steps: _containers.RepeatedScalarFieldContainer[int]
    times_us: _containers.RepeatedScalarFieldContainer[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, subject_id: _Optional[str] = ..., key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., asked_steps: _Optional[_Iterable[int]] = ..., steps: _Optional[_Iterable[int]] = ..., times_us: _Optional[_Iterable[int]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class SeriesSelection(_message.Message):
    __slots__ = ("keys", "context", "any_context")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEYS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ANY_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[str]
    context: _containers.ScalarMap[str, str]
    any_context: bool
    def __init__(self, keys: _Optional[_Iterable[str]] = ..., context: _Optional[_Mapping[str, str]] = ..., any_context: bool = ...) -> None: ...

from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

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
    __slots__ = ("key", "context", "steps", "times_us", "values", "writer_id", "sequences")
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
    key: str
    context: _containers.ScalarMap[str, str]
    steps: _containers.RepeatedScalarFieldContainer[int]
    times_us: _containers.RepeatedScalarFieldContainer[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    writer_id: str
    sequences: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, key: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., steps: _Optional[_Iterable[int]] = ..., times_us: _Optional[_Iterable[int]] = ..., values: _Optional[_Iterable[float]] = ..., writer_id: _Optional[str] = ..., sequences: _Optional[_Iterable[int]] = ...) -> None: ...

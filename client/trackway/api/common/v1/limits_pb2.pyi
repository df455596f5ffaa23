from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Format(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORMAT_UNSPECIFIED: _ClassVar[Format]
    FORMAT_RUN_ID: _ClassVar[Format]
    FORMAT_WRITER_ID: _ClassVar[Format]
    FORMAT_EXPERIMENT_ID: _ClassVar[Format]
    FORMAT_WORKSPACE: _ClassVar[Format]
    FORMAT_KEY: _ClassVar[Format]
    FORMAT_MODEL_NAME: _ClassVar[Format]
    FORMAT_ALIAS: _ClassVar[Format]
    FORMAT_ARTIFACT_PATH: _ClassVar[Format]
    FORMAT_ARTIFACT_OWNER: _ClassVar[Format]
    FORMAT_DIGEST: _ClassVar[Format]
    FORMAT_TEXT_LINE: _ClassVar[Format]
    FORMAT_PRINCIPAL: _ClassVar[Format]
    FORMAT_SUBJECT_ID: _ClassVar[Format]
    FORMAT_LOGGED_MODEL_ID: _ClassVar[Format]
FORMAT_UNSPECIFIED: Format
FORMAT_RUN_ID: Format
FORMAT_WRITER_ID: Format
FORMAT_EXPERIMENT_ID: Format
FORMAT_WORKSPACE: Format
FORMAT_KEY: Format
FORMAT_MODEL_NAME: Format
FORMAT_ALIAS: Format
FORMAT_ARTIFACT_PATH: Format
FORMAT_ARTIFACT_OWNER: Format
FORMAT_DIGEST: Format
FORMAT_TEXT_LINE: Format
FORMAT_PRINCIPAL: Format
FORMAT_SUBJECT_ID: Format
FORMAT_LOGGED_MODEL_ID: Format
LIMITS_FIELD_NUMBER: _ClassVar[int]
limits: _descriptor.FieldDescriptor

class Limits(_message.Message):
    __slots__ = ("required", "max_length", "max_bytes", "max_items", "format", "minimum", "maximum", "key_max_length", "key_format", "refused_alone")
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    MAX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_ITEMS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    KEY_MAX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    KEY_FORMAT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_ALONE_FIELD_NUMBER: _ClassVar[int]
    required: bool
    max_length: int
    max_bytes: int
    max_items: int
    format: Format
    minimum: int
    maximum: int
    key_max_length: int
    key_format: Format
    refused_alone: bool
    def __init__(self, required: bool = ..., max_length: _Optional[int] = ..., max_bytes: _Optional[int] = ..., max_items: _Optional[int] = ..., format: _Optional[_Union[Format, str]] = ..., minimum: _Optional[int] = ..., maximum: _Optional[int] = ..., key_max_length: _Optional[int] = ..., key_format: _Optional[_Union[Format, str]] = ..., refused_alone: bool = ...) -> None: ...

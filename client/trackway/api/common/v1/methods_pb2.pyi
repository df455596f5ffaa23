from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
RPC_FIELD_NUMBER: _ClassVar[int]
rpc: _descriptor.FieldDescriptor

class Rpc(_message.Message):
    __slots__ = ("internal", "takes_credentials")
    INTERNAL_FIELD_NUMBER: _ClassVar[int]
    TAKES_CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    internal: bool
    takes_credentials: bool
    def __init__(self, internal: bool = ..., takes_credentials: bool = ...) -> None: ...

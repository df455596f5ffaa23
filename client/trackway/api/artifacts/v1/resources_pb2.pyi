from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Artifact(_message.Message):
    __slots__ = ("owner", "path", "digest", "size_bytes", "create_time_us")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    owner: str
    path: str
    digest: str
    size_bytes: int
    create_time_us: int
    def __init__(self, owner: _Optional[str] = ..., path: _Optional[str] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., create_time_us: _Optional[int] = ...) -> None: ...

class ListEntry(_message.Message):
    __slots__ = ("path", "is_folder", "size_bytes", "digest")
    PATH_FIELD_NUMBER: _ClassVar[int]
    IS_FOLDER_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    path: str
    is_folder: bool
    size_bytes: int
    digest: str
    def __init__(self, path: _Optional[str] = ..., is_folder: bool = ..., size_bytes: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("digest", "size_bytes", "entries")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size_bytes: int
    entries: _containers.RepeatedCompositeFieldContainer[ManifestEntry]
    def __init__(self, digest: _Optional[str] = ..., size_bytes: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[ManifestEntry, _Mapping]]] = ...) -> None: ...

class ManifestEntry(_message.Message):
    __slots__ = ("path", "digest", "size_bytes")
    PATH_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    path: str
    digest: str
    size_bytes: int
    def __init__(self, path: _Optional[str] = ..., digest: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

from trackway.api.artifacts.v1 import resources_pb2 as _resources_pb2
from trackway.api.common.v1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UploadArtifactRequest(_message.Message):
    __slots__ = ("header", "data", "trailer")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TRAILER_FIELD_NUMBER: _ClassVar[int]
    header: UploadHeader
    data: bytes
    trailer: UploadTrailer
    def __init__(self, header: _Optional[_Union[UploadHeader, _Mapping]] = ..., data: _Optional[bytes] = ..., trailer: _Optional[_Union[UploadTrailer, _Mapping]] = ...) -> None: ...

class UploadHeader(_message.Message):
    __slots__ = ("owner", "path", "workspace")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    owner: str
    path: str
    workspace: str
    def __init__(self, owner: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class UploadTrailer(_message.Message):
    __slots__ = ("digest", "size_bytes")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size_bytes: int
    def __init__(self, digest: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class UploadArtifactResponse(_message.Message):
    __slots__ = ("artifact",)
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    artifact: _resources_pb2.Artifact
    def __init__(self, artifact: _Optional[_Union[_resources_pb2.Artifact, _Mapping]] = ...) -> None: ...

class DownloadArtifactRequest(_message.Message):
    __slots__ = ("owner", "manifest_digest", "path", "workspace", "offset")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    owner: str
    manifest_digest: str
    path: str
    workspace: str
    offset: int
    def __init__(self, owner: _Optional[str] = ..., manifest_digest: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class DownloadArtifactResponse(_message.Message):
    __slots__ = ("artifact", "data")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    artifact: _resources_pb2.Artifact
    data: bytes
    def __init__(self, artifact: _Optional[_Union[_resources_pb2.Artifact, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class ListArtifactsRequest(_message.Message):
    __slots__ = ("owner", "path", "workspace", "recursive", "page_size", "page_token")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    owner: str
    path: str
    workspace: str
    recursive: bool
    page_size: int
    page_token: str
    def __init__(self, owner: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ..., recursive: bool = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListArtifactsResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[_resources_pb2.ListEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[_resources_pb2.ListEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteArtifactsRequest(_message.Message):
    __slots__ = ("owner", "path", "workspace")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    owner: str
    path: str
    workspace: str
    def __init__(self, owner: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class DeleteArtifactsResponse(_message.Message):
    __slots__ = ("deleted_count",)
    DELETED_COUNT_FIELD_NUMBER: _ClassVar[int]
    deleted_count: int
    def __init__(self, deleted_count: _Optional[int] = ...) -> None: ...

class CreateManifestRequest(_message.Message):
    __slots__ = ("owner", "path", "workspace")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    owner: str
    path: str
    workspace: str
    def __init__(self, owner: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class CreateManifestResponse(_message.Message):
    __slots__ = ("manifest",)
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    manifest: _resources_pb2.Manifest
    def __init__(self, manifest: _Optional[_Union[_resources_pb2.Manifest, _Mapping]] = ...) -> None: ...

class GetManifestRequest(_message.Message):
    __slots__ = ("digest", "workspace")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    digest: str
    workspace: str
    def __init__(self, digest: _Optional[str] = ..., workspace: _Optional[str] = ...) -> None: ...

class GetManifestResponse(_message.Message):
    __slots__ = ("manifest",)
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    manifest: _resources_pb2.Manifest
    def __init__(self, manifest: _Optional[_Union[_resources_pb2.Manifest, _Mapping]] = ...) -> None: ...

class PresignDownloadRequest(_message.Message):
    __slots__ = ("owner", "manifest_digest", "path", "workspace", "lifetime_s")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_S_FIELD_NUMBER: _ClassVar[int]
    owner: str
    manifest_digest: str
    path: str
    workspace: str
    lifetime_s: int
    def __init__(self, owner: _Optional[str] = ..., manifest_digest: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ..., lifetime_s: _Optional[int] = ...) -> None: ...

class PresignDownloadResponse(_message.Message):
    __slots__ = ("url", "artifact", "lifetime_s")
    URL_FIELD_NUMBER: _ClassVar[int]
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_S_FIELD_NUMBER: _ClassVar[int]
    url: str
    artifact: _resources_pb2.Artifact
    lifetime_s: int
    def __init__(self, url: _Optional[str] = ..., artifact: _Optional[_Union[_resources_pb2.Artifact, _Mapping]] = ..., lifetime_s: _Optional[int] = ...) -> None: ...

class PresignUploadRequest(_message.Message):
    __slots__ = ("owner", "path", "workspace", "upload_id", "first_part", "part_count", "lifetime_s", "size_bytes", "part_bytes")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_PART_FIELD_NUMBER: _ClassVar[int]
    PART_COUNT_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_S_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PART_BYTES_FIELD_NUMBER: _ClassVar[int]
    owner: str
    path: str
    workspace: str
    upload_id: str
    first_part: int
    part_count: int
    lifetime_s: int
    size_bytes: int
    part_bytes: int
    def __init__(self, owner: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ..., upload_id: _Optional[str] = ..., first_part: _Optional[int] = ..., part_count: _Optional[int] = ..., lifetime_s: _Optional[int] = ..., size_bytes: _Optional[int] = ..., part_bytes: _Optional[int] = ...) -> None: ...

class PresignUploadResponse(_message.Message):
    __slots__ = ("upload_id", "urls", "lifetime_s")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    URLS_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_S_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    urls: _containers.RepeatedScalarFieldContainer[str]
    lifetime_s: int
    def __init__(self, upload_id: _Optional[str] = ..., urls: _Optional[_Iterable[str]] = ..., lifetime_s: _Optional[int] = ...) -> None: ...

class CompletePresignedUploadRequest(_message.Message):
    __slots__ = ("owner", "path", "workspace", "upload_id", "etags")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    ETAGS_FIELD_NUMBER: _ClassVar[int]
    owner: str
    path: str
    workspace: str
    upload_id: str
    etags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, owner: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ..., upload_id: _Optional[str] = ..., etags: _Optional[_Iterable[str]] = ...) -> None: ...

class CompletePresignedUploadResponse(_message.Message):
    __slots__ = ("artifact",)
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    artifact: _resources_pb2.Artifact
    def __init__(self, artifact: _Optional[_Union[_resources_pb2.Artifact, _Mapping]] = ...) -> None: ...

class AbortPresignedUploadRequest(_message.Message):
    __slots__ = ("owner", "path", "workspace", "upload_id")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    owner: str
    path: str
    workspace: str
    upload_id: str
    def __init__(self, owner: _Optional[str] = ..., path: _Optional[str] = ..., workspace: _Optional[str] = ..., upload_id: _Optional[str] = ...) -> None: ...

class AbortPresignedUploadResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

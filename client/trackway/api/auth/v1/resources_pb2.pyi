from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PrincipalKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRINCIPAL_KIND_UNSPECIFIED: _ClassVar[PrincipalKind]
    PRINCIPAL_KIND_USER: _ClassVar[PrincipalKind]
    PRINCIPAL_KIND_SERVICE_ACCOUNT: _ClassVar[PrincipalKind]

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_VIEWER: _ClassVar[Role]
    ROLE_EDITOR: _ClassVar[Role]
    ROLE_APPROVER: _ClassVar[Role]
    ROLE_ADMIN: _ClassVar[Role]
PRINCIPAL_KIND_UNSPECIFIED: PrincipalKind
PRINCIPAL_KIND_USER: PrincipalKind
PRINCIPAL_KIND_SERVICE_ACCOUNT: PrincipalKind
ROLE_UNSPECIFIED: Role
ROLE_VIEWER: Role
ROLE_EDITOR: Role
ROLE_APPROVER: Role
ROLE_ADMIN: Role

class Principal(_message.Message):
    __slots__ = ("name", "kind", "display_name", "server_admin", "create_time_us")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    SERVER_ADMIN_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: PrincipalKind
    display_name: str
    server_admin: bool
    create_time_us: int
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[PrincipalKind, str]] = ..., display_name: _Optional[str] = ..., server_admin: bool = ..., create_time_us: _Optional[int] = ...) -> None: ...

class Workspace(_message.Message):
    __slots__ = ("name", "description", "create_time_us")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    create_time_us: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., create_time_us: _Optional[int] = ...) -> None: ...

class RoleBinding(_message.Message):
    __slots__ = ("workspace", "principal", "role")
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    workspace: str
    principal: str
    role: Role
    def __init__(self, workspace: _Optional[str] = ..., principal: _Optional[str] = ..., role: _Optional[_Union[Role, str]] = ...) -> None: ...

class ApiKey(_message.Message):
    __slots__ = ("key_id", "principal", "name", "create_time_us", "expire_time_us", "revoke_time_us", "last_use_time_us")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    REVOKE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    LAST_USE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    principal: str
    name: str
    create_time_us: int
    expire_time_us: int
    revoke_time_us: int
    last_use_time_us: int
    def __init__(self, key_id: _Optional[str] = ..., principal: _Optional[str] = ..., name: _Optional[str] = ..., create_time_us: _Optional[int] = ..., expire_time_us: _Optional[int] = ..., revoke_time_us: _Optional[int] = ..., last_use_time_us: _Optional[int] = ...) -> None: ...

class SigningKey(_message.Message):
    __slots__ = ("kid", "x", "create_time_us", "retire_time_us")
    KID_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    RETIRE_TIME_US_FIELD_NUMBER: _ClassVar[int]
    kid: str
    x: str
    create_time_us: int
    retire_time_us: int
    def __init__(self, kid: _Optional[str] = ..., x: _Optional[str] = ..., create_time_us: _Optional[int] = ..., retire_time_us: _Optional[int] = ...) -> None: ...

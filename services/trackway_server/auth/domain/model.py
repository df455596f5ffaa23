"""Principals, workspaces, roles and keys as values. All times are microseconds since 1970 UTC; 0 is never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

BOOTSTRAP_ADMIN = "admin"
DEFAULT_WORKSPACE = "default"
MAX_ROLES = 50
"""Of one principal. They stand in its token, and a token must fit the headers of a call."""


class PrincipalKind(IntEnum):
    """What a principal is; the numbers are those of the contract."""

    USER = 1
    SERVICE_ACCOUNT = 2


class Role(IntEnum):
    """What a principal may do in a workspace; the numbers are those of the contract."""

    VIEWER = 1
    EDITOR = 2
    APPROVER = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or a service account."""

    name: str
    kind: PrincipalKind
    display_name: str
    server_admin: bool
    create_time_us: int
    delete_time_us: int = 0


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where resources lie and roles hold."""

    name: str
    description: str
    create_time_us: int
    delete_time_us: int = 0


@dataclass(frozen=True, slots=True)
class RoleBinding:
    """The role of a principal in a workspace."""

    workspace: str
    principal: str
    role: Role


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A long-lived secret of a principal, of which the hash is kept."""

    key_id: str
    principal: str
    name: str
    salt: bytes
    digest: bytes
    create_time_us: int
    expire_time_us: int = 0
    revoke_time_us: int = 0
    last_use_time_us: int = 0

    def valid_at(self, now_us: int) -> bool:
        """Whether the key opens anything at that time."""
        return not self.revoke_time_us and (not self.expire_time_us or now_us < self.expire_time_us)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair, base64url: `x` is published, `d` signs."""

    kid: str
    x: str
    d: str
    create_time_us: int
    retire_time_us: int = 0

    def __repr__(self) -> str:
        return f"SigningKey({self.kid!r})"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who presented a key, and what they may do."""

    principal: str
    server_admin: bool
    roles: Mapping[str, Role]
    key_id: str
    key_expire_time_us: int = 0
    """A token never outlives its key. 0: the key does not end."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for something, as far as what they may ask for depends on it."""

    name: str
    server_admin: bool

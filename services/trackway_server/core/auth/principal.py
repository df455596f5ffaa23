"""Principals, roles and permissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

DEFAULT_WORKSPACE = "default"


class Role(IntEnum):
    """What a principal may do in a workspace; each role includes those below it."""

    VIEWER = 1
    EDITOR = 2
    APPROVER = 3
    ADMIN = 4


class Scope(Enum):
    """Where the role that a permission asks for must be held."""

    WORKSPACE = "workspace"
    """In the workspace of what is asked for: the service checks it with `Call.workspace` or `Call.admits`."""
    SERVER = "server"
    """Nowhere: only administrators of the server have the permission."""
    SELF = "self"
    """Nowhere: every principal has the permission, and the service sees to whose things they are."""
    PUBLIC = "public"
    """Nowhere: everybody has the permission, without a token."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a method needs: a name for people and errors (`runs.write`) and the least role that has it."""

    name: str
    role: Role
    scope: Scope = Scope.WORKSPACE
    bindable: bool = False
    """Whether a principal may also have it on one resource alone, which only the service that owns that knows."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `name` is unique and stands in events and writer cursors."""

    name: str
    roles: Mapping[str, Role]
    """Workspace → role. A workspace that is not there does not exist for the principal."""
    server_admin: bool = False
    """Administers principals, workspaces, keys and roles; that alone opens no workspace."""
    expire_time_us: int = field(default=0, compare=False)
    """Until when the credential is taken, in microseconds since 1970 UTC; 0: for ever. A stream ends then, too."""

    def may(self, permission: Permission) -> bool:
        """Whether the principal may have the permission anywhere at all."""
        match permission.scope:
            case Scope.PUBLIC | Scope.SELF:
                return True
            case Scope.SERVER:
                return self.server_admin
            case Scope.WORKSPACE:
                return (
                    permission.bindable
                    or self.server_admin
                    or any(role >= permission.role for role in self.roles.values())
                )


LOCAL_ADMIN = Principal("admin", {DEFAULT_WORKSPACE: Role.ADMIN}, server_admin=True)
"""The holder of the admin key made at the first start, and everyone under `--insecure-no-auth`."""

"""Principals, roles and permissions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a principal may do in a workspace; each role includes those below it."""

    VIEWER = 1
    EDITOR = 2
    APPROVER = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True)
class Permission:
    """What a method needs: a name for people and errors (`runs.write`) and the least role that has it."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `name` is unique and stands in events and writer cursors."""

    name: str
    role: Role
    workspace: str = "default"

    def may(self, permission: Permission) -> bool:
        """Whether the principal's role has the permission."""
        return self.role >= permission.role


LOCAL_ADMIN = Principal("admin", Role.ADMIN)
"""The holder of the admin key made at the first start, and everyone under `--insecure-no-auth`."""

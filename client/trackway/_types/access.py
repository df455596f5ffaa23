"""Who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["VIEWER", "EDITOR", "APPROVER", "ADMIN"]
"""What a principal may do in a workspace; each includes those before it."""
PrincipalKind = Literal["USER", "SERVICE_ACCOUNT"]
"""A person or a program."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or a service account."""

    name: str
    kind: str
    display_name: str
    server_admin: bool
    create_time_us: int


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where experiments, runs, artifacts and models lie, and roles hold."""

    name: str
    description: str
    create_time_us: int


@dataclass(frozen=True, slots=True)
class RoleBinding:
    """The role of a principal in a workspace."""

    workspace: str
    principal: str
    role: str


@dataclass(frozen=True, slots=True)
class ExperimentRole:
    """The role of a principal on one experiment and its runs, beside the one in the workspace."""

    experiment_id: str
    principal: str
    role: str


@dataclass(frozen=True, slots=True)
class ModelRole:
    """The role of a principal on one registered model, its versions and their files, beside the workspace's."""

    name: str
    workspace: str
    principal: str
    role: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a principal, without its secret. Times are 0 where it never came to that."""

    key_id: str
    principal: str
    name: str
    create_time_us: int
    expire_time_us: int
    revoke_time_us: int
    last_use_time_us: int


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made, and its secret, which the server cannot show again."""

    key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the caller is, and what they may do."""

    name: str
    server_admin: bool
    roles: Mapping[str, str]
    """Workspace → role."""

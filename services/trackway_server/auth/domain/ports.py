"""What the domain needs of a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from trackway_server.auth.domain.model import ApiKey, Principal, PrincipalKind, RoleBinding, SigningKey, Workspace

T = TypeVar("T")


class AuthUnit(Protocol):
    """The directory, within one transaction. Lists are in the order of their keys, after `after`, `limit` at most."""

    def workspace(self, name: str) -> Workspace | None:
        """A workspace, a deleted one too."""
        ...

    def workspaces(self, after: str, limit: int) -> Sequence[Workspace]:
        """Workspaces that are not deleted, by name."""
        ...

    def put_workspace(self, workspace: Workspace) -> None:
        """Store a workspace, new or changed."""
        ...

    def principal(self, name: str) -> Principal | None:
        """A principal, a deleted one too."""
        ...

    def principals(self, kind: PrincipalKind | None, after: str, limit: int) -> Sequence[Principal]:
        """Principals that are not deleted, by name."""
        ...

    def put_principal(self, principal: Principal) -> None:
        """Store a principal, new or changed."""
        ...

    def roles_of(self, principal: str) -> Sequence[RoleBinding]:
        """All roles of a principal, by workspace."""
        ...

    def roles_in(self, workspace: str, after: str, limit: int) -> Sequence[RoleBinding]:
        """Roles in a workspace, by principal."""
        ...

    def put_role(self, binding: RoleBinding) -> None:
        """Store a role, in place of the principal's present one in that workspace."""
        ...

    def delete_roles(self, *, workspace: str = "", principal: str = "") -> int:
        """Delete the roles in a workspace, of a principal, or with both given the one; how many there were."""
        ...

    def key(self, key_id: str) -> ApiKey | None:
        """A key, a revoked or expired one too."""
        ...

    def keys_of(self, principal: str) -> Sequence[ApiKey]:
        """All keys of a principal, newest first."""
        ...

    def put_key(self, key: ApiKey) -> None:
        """Store a key, new or changed."""
        ...

    def signing_keys(self) -> Sequence[SigningKey]:
        """All signing keys, newest first."""
        ...

    def put_signing_key(self, key: SigningKey) -> None:
        """Store a signing key, new or changed."""
        ...

    def delete_signing_key(self, kid: str) -> None:
        """Delete a signing key."""
        ...


class AuthStore(Protocol):
    """Runs work on the directory, each in one transaction."""

    async def read(self, work: Callable[[AuthUnit], T]) -> T:
        """Run `work` and change nothing."""
        ...

    async def write(self, work: Callable[[AuthUnit], T]) -> T:
        """Run `work` and commit: durable when this returns, undone when it raises."""
        ...

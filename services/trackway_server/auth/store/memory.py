"""AuthUnit over plain dictionaries: the reference adapter, for tests and for reading."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TypeVar

from trackway_server.auth.domain.model import (
    BOOTSTRAP_ADMIN,
    DEFAULT_WORKSPACE,
    ApiKey,
    Principal,
    PrincipalKind,
    Role,
    RoleBinding,
    SigningKey,
    Workspace,
)
from trackway_server.auth.domain.ports import AuthUnit

T = TypeVar("T")


class MemoryAuthStore:
    """See AuthStore."""

    def __init__(self) -> None:
        self._unit = MemoryAuthUnit()
        self._unit.put_workspace(Workspace(DEFAULT_WORKSPACE, "", 0))
        self._unit.put_principal(Principal(BOOTSTRAP_ADMIN, PrincipalKind.USER, "Bootstrap administrator", True, 0))
        self._unit.put_role(RoleBinding(DEFAULT_WORKSPACE, BOOTSTRAP_ADMIN, Role.ADMIN))

    async def read(self, work: Callable[[AuthUnit], T]) -> T:
        """See AuthStore."""
        return work(copy.deepcopy(self._unit))

    async def write(self, work: Callable[[AuthUnit], T]) -> T:
        """See AuthStore."""
        changed = copy.deepcopy(self._unit)
        result = work(changed)
        self._unit = changed
        return result


class MemoryAuthUnit:
    """See AuthUnit; it is its own state."""

    def __init__(self) -> None:
        self._workspaces: dict[str, Workspace] = {}
        self._principals: dict[str, Principal] = {}
        self._roles: dict[tuple[str, str], RoleBinding] = {}
        self._keys: dict[str, ApiKey] = {}
        self._signing_keys: dict[str, SigningKey] = {}

    def workspace(self, name: str) -> Workspace | None:
        """See AuthUnit."""
        return self._workspaces.get(name)

    def workspaces(self, after: str, limit: int) -> Sequence[Workspace]:
        """See AuthUnit."""
        living = [each for each in self._workspaces.values() if not each.delete_time_us and each.name > after]
        return sorted(living, key=lambda each: each.name)[:limit]

    def put_workspace(self, workspace: Workspace) -> None:
        """See AuthUnit."""
        self._workspaces[workspace.name] = workspace

    def principal(self, name: str) -> Principal | None:
        """See AuthUnit."""
        return self._principals.get(name)

    def principals(self, kind: PrincipalKind | None, after: str, limit: int) -> Sequence[Principal]:
        """See AuthUnit."""
        living = [each for each in self._principals.values() if not each.delete_time_us and each.name > after]
        chosen = [each for each in living if kind in (None, each.kind)]
        return sorted(chosen, key=lambda each: each.name)[:limit]

    def put_principal(self, principal: Principal) -> None:
        """See AuthUnit."""
        self._principals[principal.name] = principal

    def roles_of(self, principal: str) -> Sequence[RoleBinding]:
        """See AuthUnit."""
        found = [each for each in self._roles.values() if each.principal == principal]
        return sorted(found, key=lambda each: each.workspace)

    def roles_in(self, workspace: str, after: str, limit: int) -> Sequence[RoleBinding]:
        """See AuthUnit."""
        found = [each for each in self._roles.values() if each.workspace == workspace and each.principal > after]
        return sorted(found, key=lambda each: each.principal)[:limit]

    def put_role(self, binding: RoleBinding) -> None:
        """See AuthUnit."""
        self._roles[binding.workspace, binding.principal] = binding

    def delete_roles(self, *, workspace: str = "", principal: str = "") -> int:
        """See AuthUnit."""
        gone = [
            key
            for key, each in self._roles.items()
            if workspace in ("", each.workspace) and principal in ("", each.principal)
        ]
        for key in gone:
            del self._roles[key]
        return len(gone)

    def key(self, key_id: str) -> ApiKey | None:
        """See AuthUnit."""
        return self._keys.get(key_id)

    def keys_of(self, principal: str) -> Sequence[ApiKey]:
        """See AuthUnit."""
        found = [each for each in self._keys.values() if each.principal == principal]
        return sorted(found, key=lambda each: (each.create_time_us, each.key_id), reverse=True)

    def put_key(self, key: ApiKey) -> None:
        """See AuthUnit."""
        self._keys[key.key_id] = key

    def signing_keys(self) -> Sequence[SigningKey]:
        """See AuthUnit."""
        return sorted(self._signing_keys.values(), key=lambda each: (each.create_time_us, each.kid), reverse=True)

    def put_signing_key(self, key: SigningKey) -> None:
        """See AuthUnit."""
        self._signing_keys[key.kid] = key

    def delete_signing_key(self, kid: str) -> None:
        """See AuthUnit."""
        self._signing_keys.pop(kid, None)

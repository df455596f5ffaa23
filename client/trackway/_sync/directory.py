"""Users, service accounts, workspaces, roles and keys, synchronously."""

from __future__ import annotations

from collections.abc import Iterator

from trackway import types
from trackway._rpc.directory import AsyncAuth
from trackway._sync.iteration import items
from trackway._sync.mirror import mirrors
from trackway._sync.portal import Portal


@mirrors(AsyncAuth)
class Auth:
    def __init__(self, original: AsyncAuth, portal: Portal) -> None:
        self._async = original
        self._portal = portal

    def get_self(self) -> types.Identity:
        return self._portal.call(self._async.get_self)

    def create_workspace(self, name: str, *, description: str = "") -> types.Workspace:
        return self._portal.call(self._async.create_workspace, name, description=description)

    def list_workspaces(self, *, page_size: int = 100) -> Iterator[types.Workspace]:
        return items(self._portal, self._async.list_workspaces(page_size=page_size))

    def delete_workspace(self, name: str) -> None:
        self._portal.call(self._async.delete_workspace, name)

    def create_principal(
        self, name: str, kind: types.PrincipalKind, *, display_name: str = "", server_admin: bool = False
    ) -> types.Principal:
        return self._portal.call(
            self._async.create_principal, name, kind, display_name=display_name, server_admin=server_admin
        )

    def list_principals(
        self, kind: types.PrincipalKind | None = None, *, page_size: int = 100
    ) -> Iterator[types.Principal]:
        return items(self._portal, self._async.list_principals(kind, page_size=page_size))

    def delete_principal(self, name: str) -> None:
        self._portal.call(self._async.delete_principal, name)

    def grant_role(self, principal: str, role: types.Role, *, workspace: str | None = None) -> types.RoleBinding:
        return self._portal.call(self._async.grant_role, principal, role, workspace=workspace)

    def revoke_role(self, principal: str, *, workspace: str | None = None) -> None:
        self._portal.call(self._async.revoke_role, principal, workspace=workspace)

    def list_roles(self, *, workspace: str | None = None, page_size: int = 100) -> Iterator[types.RoleBinding]:
        return items(self._portal, self._async.list_roles(workspace=workspace, page_size=page_size))

    def grant_experiment_role(self, experiment_id: str, principal: str, role: types.Role) -> types.ExperimentRole:
        return self._portal.call(self._async.grant_experiment_role, experiment_id, principal, role)

    def revoke_experiment_role(self, experiment_id: str, principal: str) -> None:
        self._portal.call(self._async.revoke_experiment_role, experiment_id, principal)

    def list_experiment_roles(self, experiment_id: str, *, page_size: int = 100) -> Iterator[types.ExperimentRole]:
        return items(self._portal, self._async.list_experiment_roles(experiment_id, page_size=page_size))

    def grant_model_role(
        self, name: str, principal: str, role: types.Role, *, workspace: str | None = None
    ) -> types.ModelRole:
        return self._portal.call(self._async.grant_model_role, name, principal, role, workspace=workspace)

    def revoke_model_role(self, name: str, principal: str, *, workspace: str | None = None) -> None:
        self._portal.call(self._async.revoke_model_role, name, principal, workspace=workspace)

    def list_model_roles(
        self, name: str, *, workspace: str | None = None, page_size: int = 100
    ) -> Iterator[types.ModelRole]:
        return items(self._portal, self._async.list_model_roles(name, workspace=workspace, page_size=page_size))

    def create_key(self, principal: str = "", *, name: str = "", lifetime_days: float | None = None) -> types.NewApiKey:
        return self._portal.call(self._async.create_key, principal, name=name, lifetime_days=lifetime_days)

    def list_keys(self, principal: str = "", *, page_size: int = 100) -> Iterator[types.ApiKey]:
        return items(self._portal, self._async.list_keys(principal, page_size=page_size))

    def revoke_key(self, key_id: str) -> types.ApiKey:
        return self._portal.call(self._async.revoke_key, key_id)

    def rotate_signing_keys(self, *, drop_old: bool = False) -> list[str]:
        return self._portal.call(self._async.rotate_signing_keys, drop_old=drop_old)

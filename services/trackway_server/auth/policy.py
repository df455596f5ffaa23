"""Which permission each RPC needs."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_server.core.auth.principal import Permission, Role, Scope

OPEN = Permission("auth.open", Role.VIEWER, Scope.PUBLIC)
SELF = Permission("auth.self", Role.VIEWER, Scope.SELF)
ADMINISTER = Permission("auth.administer", Role.ADMIN, Scope.SERVER)
READ_ROLES = Permission("roles.read", Role.VIEWER)
WRITE_ROLES = Permission("roles.write", Role.ADMIN)

POLICY: Mapping[str, Permission] = {
    "ExchangeKey": OPEN,
    "ExchangeToken": OPEN,
    "ExchangeCertificate": OPEN,
    "ListSigningKeys": OPEN,
    "RotateSigningKeys": ADMINISTER,
    "GetSelf": SELF,
    "CreateWorkspace": ADMINISTER,
    "ListWorkspaces": SELF,
    "DeleteWorkspace": ADMINISTER,
    "CreatePrincipal": ADMINISTER,
    "ListPrincipals": ADMINISTER,
    "DeletePrincipal": ADMINISTER,
    "GrantRole": WRITE_ROLES,
    "RevokeRole": WRITE_ROLES,
    "ListRoles": READ_ROLES,
    "CreateKey": SELF,
    "ListKeys": SELF,
    "RevokeKey": SELF,
}

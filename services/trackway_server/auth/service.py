"""The Auth service: convert, call, convert."""

from __future__ import annotations

from trackway.api.auth.v1 import auth_service_pb2 as pb
from trackway_server.auth import convert
from trackway_server.auth.authority import Authority
from trackway_server.auth.domain import directory, keys
from trackway_server.auth.domain.model import RoleBinding, Workspace
from trackway_server.auth.domain.ports import AuthStore
from trackway_server.auth.federation import Federation
from trackway_server.auth.paging import DEFAULT_PAGE, decode_token, encode_token
from trackway_server.core.clock import Clock
from trackway_server.core.rpc.call import Call


class AuthServicer:
    """Answers the RPCs of auth_service.proto; what they mean is written there."""

    def __init__(self, authority: Authority, federation: Federation, store: AuthStore, clock: Clock) -> None:
        self._authority = authority
        self._federation = federation
        self._store = store
        self._clock = clock

    async def ExchangeKey(self, request: pb.ExchangeKeyRequest, call: Call) -> pb.ExchangeKeyResponse:
        issued = await self._authority.exchange(request.key, call.peer)
        return pb.ExchangeKeyResponse(
            token=issued.token, expire_time_us=issued.expire_time_us, lifetime_us=issued.lifetime_us
        )

    async def ExchangeToken(self, request: pb.ExchangeTokenRequest, call: Call) -> pb.ExchangeTokenResponse:
        issued = await self._federation.exchange_token(request.token, call.peer)
        return pb.ExchangeTokenResponse(
            token=issued.token, expire_time_us=issued.expire_time_us, lifetime_us=issued.lifetime_us
        )

    async def ExchangeCertificate(
        self, request: pb.ExchangeCertificateRequest, call: Call
    ) -> pb.ExchangeCertificateResponse:
        issued = await self._federation.exchange_certificate(request.certificate, call)
        return pb.ExchangeCertificateResponse(
            token=issued.token, expire_time_us=issued.expire_time_us, lifetime_us=issued.lifetime_us
        )

    async def ListSigningKeys(self, request: pb.ListSigningKeysRequest, call: Call) -> pb.ListSigningKeysResponse:
        found = await self._authority.published_keys()
        return pb.ListSigningKeysResponse(keys=map(convert.signing_key_message, found))

    async def RotateSigningKeys(self, request: pb.RotateSigningKeysRequest, call: Call) -> pb.RotateSigningKeysResponse:
        found = await self._authority.rotate(drop_old=request.drop_old)
        return pb.RotateSigningKeysResponse(keys=map(convert.signing_key_message, found))

    async def GetSelf(self, request: pb.GetSelfRequest, call: Call) -> pb.GetSelfResponse:
        return convert.self_message(call.principal)

    async def CreateWorkspace(self, request: pb.CreateWorkspaceRequest, call: Call) -> pb.CreateWorkspaceResponse:
        workspace = Workspace(request.name, request.description, self._clock.now_us())
        caller = convert.caller_of(call)
        await self._store.write(lambda unit: directory.create_workspace(unit, workspace, caller))
        return pb.CreateWorkspaceResponse(workspace=convert.workspace_message(workspace))

    async def ListWorkspaces(self, request: pb.ListWorkspacesRequest, call: Call) -> pb.ListWorkspacesResponse:
        size, after, caller = *_page(request), convert.caller_of(call)
        found = await self._store.read(lambda unit: directory.visible_workspaces(unit, caller, after, size + 1))
        more = encode_token(request, found[size - 1].name) if len(found) > size else ""
        return pb.ListWorkspacesResponse(workspaces=map(convert.workspace_message, found[:size]), next_page_token=more)

    async def DeleteWorkspace(self, request: pb.DeleteWorkspaceRequest, call: Call) -> pb.DeleteWorkspaceResponse:
        now_us = self._clock.now_us()
        await self._store.write(lambda unit: directory.delete_workspace(unit, request.name, now_us))
        return pb.DeleteWorkspaceResponse()

    async def CreatePrincipal(self, request: pb.CreatePrincipalRequest, call: Call) -> pb.CreatePrincipalResponse:
        principal = convert.principal_of(request, self._clock.now_us())
        await self._store.write(lambda unit: directory.create_principal(unit, principal))
        return pb.CreatePrincipalResponse(principal=convert.principal_message(principal))

    async def ListPrincipals(self, request: pb.ListPrincipalsRequest, call: Call) -> pb.ListPrincipalsResponse:
        size, after, kind = *_page(request), convert.kind_of(request.kind) if request.kind else None
        found = await self._store.read(lambda unit: unit.principals(kind, after, size + 1))
        more = encode_token(request, found[size - 1].name) if len(found) > size else ""
        return pb.ListPrincipalsResponse(principals=map(convert.principal_message, found[:size]), next_page_token=more)

    async def DeletePrincipal(self, request: pb.DeletePrincipalRequest, call: Call) -> pb.DeletePrincipalResponse:
        caller, now_us = convert.caller_of(call), self._clock.now_us()
        await self._store.write(lambda unit: directory.delete_principal(unit, request.name, caller, now_us))
        return pb.DeletePrincipalResponse()

    async def GrantRole(self, request: pb.GrantRoleRequest, call: Call) -> pb.GrantRoleResponse:
        workspace, role = convert.workspace_of(request.workspace, call), convert.role_of(request.role)
        binding = RoleBinding(workspace, request.principal, role)
        await self._store.write(lambda unit: directory.grant_role(unit, binding))
        return pb.GrantRoleResponse(binding=convert.binding_message(binding))

    async def RevokeRole(self, request: pb.RevokeRoleRequest, call: Call) -> pb.RevokeRoleResponse:
        workspace = convert.workspace_of(request.workspace, call)
        await self._store.write(lambda unit: directory.revoke_role(unit, workspace, request.principal))
        return pb.RevokeRoleResponse()

    async def ListRoles(self, request: pb.ListRolesRequest, call: Call) -> pb.ListRolesResponse:
        size, after, workspace = *_page(request), convert.workspace_of(request.workspace, call)
        found = await self._store.read(
            lambda unit: unit.roles_in(directory.living_workspace(unit, workspace).name, after, size + 1)
        )
        more = encode_token(request, found[size - 1].principal) if len(found) > size else ""
        return pb.ListRolesResponse(bindings=map(convert.binding_message, found[:size]), next_page_token=more)

    async def CreateKey(self, request: pb.CreateKeyRequest, call: Call) -> pb.CreateKeyResponse:
        caller, now_us = convert.caller_of(call), self._clock.now_us()
        expire_us = now_us + request.lifetime_us if request.lifetime_us else 0
        key, secret = keys.make_key(request.principal or caller.name, request.name, now_us, expire_us)
        await self._store.write(lambda unit: keys.add_key(unit, key, caller, now_us))
        return pb.CreateKeyResponse(key=convert.key_message(key), secret=secret)

    async def ListKeys(self, request: pb.ListKeysRequest, call: Call) -> pb.ListKeysResponse:
        size, after, caller = *_page(request), convert.caller_of(call)
        principal = request.principal or caller.name
        found = await self._store.read(lambda unit: keys.list_keys(unit, principal, caller, after, size + 1))
        more = encode_token(request, found[size - 1].key_id) if len(found) > size else ""
        return pb.ListKeysResponse(keys=map(convert.key_message, found[:size]), next_page_token=more)

    async def RevokeKey(self, request: pb.RevokeKeyRequest, call: Call) -> pb.RevokeKeyResponse:
        caller, now_us = convert.caller_of(call), self._clock.now_us()
        key = await self._store.write(lambda unit: keys.revoke_key(unit, request.key_id, caller, now_us))
        return pb.RevokeKeyResponse(key=convert.key_message(key))


def _page(
    request: pb.ListWorkspacesRequest | pb.ListPrincipalsRequest | pb.ListRolesRequest | pb.ListKeysRequest,
) -> tuple[int, str]:
    """How many to answer, and after what."""
    return request.page_size or DEFAULT_PAGE, decode_token(request, request.page_token)

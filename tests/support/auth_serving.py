"""A whole server in this process, and callers of it with keys, tokens and roles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from trackway.api.auth.v1 import auth_service_pb2 as pb
from trackway.api.auth.v1 import resources_pb2
from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from trackway_server.app.embedded import open_server
from trackway_server.app.options import ServerOptions, Target
from trackway_server.core.config import CoreSettings

Metadata = tuple[tuple[str, str], ...]


def bearer(credential: str) -> Metadata:
    """Metadata with a key or a token."""
    return (("authorization", f"Bearer {credential}"),)


@dataclass
class AuthServer:
    """A server and its administrator."""

    port: int
    data_dir: Path
    admin_key: str
    channel: grpc.aio.Channel
    http_port: int = 0
    """That of the gateway; 0 where the target has none."""

    @property
    def stub(self) -> Any:
        return AuthServiceStub(self.channel)

    @property
    def admin(self) -> Metadata:
        return bearer(self.admin_key)

    async def token(self, key: str) -> str:
        """The token for a key."""
        return str((await self.stub.ExchangeKey(pb.ExchangeKeyRequest(key=key))).token)

    async def key(self, principal: str) -> str:
        """A new key of a principal."""
        return str((await self.stub.CreateKey(pb.CreateKeyRequest(principal=principal), metadata=self.admin)).secret)

    async def principal(self, name: str, *, server_admin: bool = False, **roles: str) -> str:
        """Make a user with roles by workspace; its key."""
        kind = resources_pb2.PRINCIPAL_KIND_USER
        request = pb.CreatePrincipalRequest(name=name, kind=kind, server_admin=server_admin)
        await self.stub.CreatePrincipal(request, metadata=self.admin)
        for workspace, role in roles.items():
            grant = pb.GrantRoleRequest(workspace=workspace, principal=name, role=f"ROLE_{role}")
            await self.stub.GrantRole(grant, metadata=self.admin)
        return await self.key(name)


@asynccontextmanager
async def auth_server(folder: Path, target: Target = Target.ALL, blob_url: str = "") -> AsyncIterator[AuthServer]:
    """A server on free ports with its data in the folder."""
    options = ServerOptions(target=target, grpc_port=0, http_port=0, data_dir=folder / "data", blob_url=blob_url)
    async with open_server(options, CoreSettings()) as running:
        assert running.grpc_port is not None
        assert running.data_dir is not None
        assert running.access is not None
        assert running.access.key is not None
        async with grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            key = running.access.key.get_secret_value()
            yield AuthServer(running.grpc_port, running.data_dir, key, channel, running.http_port or 0)

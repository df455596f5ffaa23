"""Every RPC × every role × every kind of credential, drawn from the policy tables: the answer is the table's."""

from __future__ import annotations

import importlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from support.auth_serving import AuthServer, auth_server, bearer
from support.rpc_requests import outcome, request_of
from trackway.api.artifacts.v1 import artifact_store_service_pb2
from trackway.api.auth.v1 import auth_service_pb2
from trackway.api.auth.v1 import auth_service_pb2 as auth
from trackway.api.metrics.v1.ingest_pb2 import RunStart
from trackway.api.registry.v1 import model_registry_service_pb2
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.auth.principal import Permission, Role, Scope

FILES = {
    "tracking": tracking_service_pb2,
    "artifacts": artifact_store_service_pb2,
    "registry": model_registry_service_pb2,
    "auth": auth_service_pb2,
}
NEVER_REFUSED = {"PERMISSION_DENIED", "CREDENTIALS_MISSING", "CREDENTIALS_INVALID"}

NOT_THERE = {
    "WORKSPACE_NOT_FOUND",
    "EXPERIMENT_NOT_FOUND",
    "RUN_NOT_FOUND",
    "LOGGED_MODEL_NOT_FOUND",
    "MODEL_NOT_FOUND",
}
ELSEWHERE = {"GetManifest"}
"""Methods whose permission may be bound to one resource, and whose request here is about another one."""


def matrix() -> list[tuple[MethodDescriptor, Permission]]:
    found = []
    for area, file in FILES.items():
        policy = importlib.import_module(f"trackway_server.{area}.policy").POLICY
        for service in file.DESCRIPTOR.services_by_name.values():
            found += [(method, policy[method.name]) for method in service.methods]
    return found


MATRIX = matrix()


@dataclass
class World:
    """A server with something in its workspace `default`, and a caller of every kind."""

    server: AuthServer
    tokens: dict[str, str]

    async def ends(self, method: MethodDescriptor, credential: str | None, request: bytes | None = None) -> str:
        metadata = bearer(credential) if credential else ()
        raw = request_of(method).SerializeToString() if request is None else request
        return (await outcome(self.server.channel, method, raw, metadata))[1]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with auth_server(tmp_path) as server:
        stub, admin = TrackingServiceStub(server.channel), server.admin
        await stub.CreateExperiment(tracking.CreateExperimentRequest(name="there"), metadata=admin)
        start = RunStart(start_time_us=5, experiment_id="1")
        await stub.CreateRun(tracking.CreateRunRequest(run_id="ab" * 16, start=start), metadata=admin)
        logged = tracking.CreateLoggedModelRequest(model_id="m-" + "ab" * 16, experiment_id="1")
        await stub.CreateLoggedModel(logged, metadata=admin)
        models = ModelRegistryServiceStub(server.channel)
        await models.CreateModel(model_registry_service_pb2.CreateModelRequest(name="something"), metadata=admin)
        await server.stub.CreateWorkspace(auth.CreateWorkspaceRequest(name="other"), metadata=admin)
        tokens = {}
        for role in Role:
            name = role.name.lower()
            tokens[name] = await server.token(await server.principal(f"an-{name}", default=role.name))
            bound = f"bound-{name}"
            tokens[bound] = await server.token(await server.principal(bound))
            grant = tracking.GrantExperimentRoleRequest(experiment_id="1", principal=bound, role=int(role))
            await stub.GrantExperimentRole(grant, metadata=admin)
            also = model_registry_service_pb2.GrantModelRoleRequest(name="something", principal=bound, role=int(role))
            await models.GrantModelRole(also, metadata=admin)
        tokens["stranger"] = await server.token(await server.principal("stranger", other="ADMIN"))
        tokens["guest"] = await server.token(await server.principal("guest", other="ADMIN", default="VIEWER"))
        tokens["nobody"] = await server.token(await server.principal("nobody"))
        tokens["root"] = await server.token(await server.principal("root", server_admin=True))
        yield World(server, tokens)


def has(role: Role, permission: Permission) -> bool:
    """What the table says of a principal with that role in `default`, who does not administer the server."""
    if permission.scope is Scope.WORKSPACE:
        return role >= permission.role
    return permission.scope is not Scope.SERVER


async def test_every_role_may_what_the_policy_says(world: World) -> None:
    wrong = []
    for method, permission in MATRIX:
        for role in Role:
            allowed = has(role, permission)
            # What is allowed is asked in vain, so that nothing is deleted under the next question.
            request = b"\xff" if allowed else None
            found = await world.ends(method, world.tokens[role.name.lower()], request)
            if (found == "PERMISSION_DENIED") == allowed or (allowed and found in NEVER_REFUSED):
                wrong.append((method.full_name, role.name, found))
    assert wrong == []


async def test_administrators_of_the_server_alone_administer_it_and_open_no_workspace(world: World) -> None:
    wrong = []
    for method, permission in MATRIX:
        if permission.scope is Scope.PUBLIC:
            continue
        found = await world.ends(method, world.tokens["root"], b"\xff" if permission.scope is Scope.SERVER else None)
        in_workspace = permission.scope is Scope.WORKSPACE and "auth" not in method.full_name
        if found in NEVER_REFUSED or (in_workspace and not found.endswith("_NOT_FOUND")):
            wrong.append((method.full_name, found))
    assert wrong == []


async def test_another_workspace_is_as_if_it_were_not_there(world: World) -> None:
    """An ADMIN of `other` finds nothing of `default`, and a VIEWER of `default` writes nothing by being ADMIN there."""
    wrong = []
    for method, permission in MATRIX:
        if permission.scope is not Scope.WORKSPACE:
            continue
        found = await world.ends(method, world.tokens["stranger"])
        if not found.endswith("_NOT_FOUND"):
            wrong.append((method.full_name, "stranger", found))
        if permission.role > Role.VIEWER and (found := await world.ends(method, world.tokens["guest"])) != (
            "PERMISSION_DENIED"
        ):
            wrong.append((method.full_name, "guest", found))
        found = await world.ends(method, world.tokens["nobody"])
        if not (found.endswith("_NOT_FOUND") if permission.bindable else found == "PERMISSION_DENIED"):
            wrong.append((method.full_name, "nobody", found))
    assert wrong == []


def is_of_one_resource(method: MethodDescriptor, permission: Permission) -> bool:
    """Whether the request that is made for the method is about what the bound principals are bound to."""
    return permission.bindable and method.name not in ELSEWHERE


def request_to(method: MethodDescriptor) -> bytes:
    """request_of, for the run and the experiment there are."""
    request: Any = request_of(method)
    if method.name == "CreateRun":
        request.start.experiment_id = "1"
    return bytes(request.SerializeToString())


@pytest.mark.parametrize("role", Role)
async def test_a_role_on_one_resource_opens_that_and_nothing_else(world: World, role: Role) -> None:
    """The principals have no role in any workspace, one on the experiment of the run, and one on a model."""
    wrong = []
    bound = world.tokens[f"bound-{role.name.lower()}"]
    for method, permission in sorted(
        MATRIX, key=lambda each: ("Delete" in each[0].name, each[0].name == "DeleteModel")
    ):
        if permission.scope is not Scope.WORKSPACE:
            continue
        found = await world.ends(method, bound, request_to(method))
        if not is_of_one_resource(method, permission):
            right = found == "PERMISSION_DENIED" or found.endswith("_NOT_FOUND")
        elif role < permission.role:
            right = found == "PERMISSION_DENIED"
        else:
            right = found not in NEVER_REFUSED and found not in NOT_THERE
        if not right:
            wrong.append((method.full_name, found))
    assert wrong == []


def signing_pair(world: World) -> tuple[str, OKPKey]:
    """The server's own key: what an attacker would need, and a test uses to change one claim at a time."""
    import sqlite3

    with closing(sqlite3.connect(world.server.data_dir / "auth.db")) as database:
        kid, x, d = database.execute("SELECT kid, x, d FROM signing_keys").fetchone()
    return kid, OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x, "d": d})


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"iss": "trackway", "aud": "trackway", "sub": "admin", "iat": now - 1, "exp": now + 100, "jti": "1"}
    return {**whole, "key": "x", "admin": True, "roles": {"default": 4}, **changed}


def unsigned(kid: str) -> str:
    import base64
    import json

    parts = [{"alg": "none", "kid": kid, "typ": "JWT"}, claims()]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def signed(header: dict[str, Any], key: Any, **changed: Any) -> str:
    return jwt.encode(header, claims(**changed), key, algorithms=[header["alg"]])


def with_broken_signature(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


ATTACKS: dict[str, Callable[[str, OKPKey], str | None]] = {
    "no token": lambda kid, pair: None,
    "expired": lambda kid, pair: signed({"alg": "Ed25519", "kid": kid}, pair, exp=int(time.time()) - 60),
    "not yet": lambda kid, pair: signed({"alg": "Ed25519", "kid": kid}, pair, iat=int(time.time()) + 60),
    "another's signature": lambda kid, pair: signed({"alg": "Ed25519", "kid": kid}, OKPKey.generate_key("Ed25519")),
    "broken signature": lambda kid, pair: with_broken_signature(signed({"alg": "Ed25519", "kid": kid}, pair)),
    "alg none": lambda kid, pair: unsigned(kid),
    "public key as secret": lambda kid, pair: signed(
        {"alg": "HS256", "kid": kid}, OctKey.import_key(pair.as_dict(private=False)["x"])
    ),
    "wrong audience": lambda kid, pair: signed({"alg": "Ed25519", "kid": kid}, pair, aud="other"),
    "wrong issuer": lambda kid, pair: signed({"alg": "Ed25519", "kid": kid}, pair, iss="other"),
    "no such role": lambda kid, pair: signed({"alg": "Ed25519", "kid": kid}, pair, roles={"default": 9}),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_rpc_takes_a_credential_that_is_none(world: World, attack: str) -> None:
    credential = ATTACKS[attack](*signing_pair(world))
    wanted = "CREDENTIALS_INVALID" if credential else "CREDENTIALS_MISSING"
    wrong = []
    for method, permission in MATRIX:
        found = await world.ends(method, credential, b"\xff")
        if (found == wanted) != (permission.scope is not Scope.PUBLIC):
            wrong.append((method.full_name, found))
    assert wrong == []


async def test_the_key_that_signs_would_do(world: World) -> None:
    """The attacks above fail for what was changed, and for nothing else."""
    kid, pair = signing_pair(world)
    (get_run,) = [method for method, _ in MATRIX if method.name == "GetRun"]
    assert await world.ends(get_run, signed({"alg": "Ed25519", "kid": kid}, pair)) == ""


async def test_a_revoked_key_gets_no_token_and_is_none(world: World) -> None:
    key = await world.server.principal("gone", default="ADMIN")
    await world.server.stub.RevokeKey(auth.RevokeKeyRequest(key_id=key.split("_")[1]), metadata=world.server.admin)
    wrong = []
    for method, permission in MATRIX:
        request = auth.ExchangeKeyRequest(key=key).SerializeToString() if method.name == "ExchangeKey" else b"\xff"
        found = await world.ends(method, key, request)
        wanted = permission.scope is not Scope.PUBLIC or method.name == "ExchangeKey"
        if (found == "CREDENTIALS_INVALID") != wanted:
            wrong.append((method.full_name, found))
    assert wrong == []


def test_only_the_public_rpcs_need_no_token() -> None:
    public = {method.name for method, permission in MATRIX if permission.scope is Scope.PUBLIC}
    assert public == {"ExchangeKey", "ExchangeToken", "ExchangeCertificate", "ListSigningKeys"}

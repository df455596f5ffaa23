"""Tokens of OIDC issuers: a real issuer signs them, a real server takes those that are right and no others."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from support.auth_serving import AuthServer, auth_server, bearer
from support.certificates import Authority
from support.oidc_issuer import DISCOVERY, JWKS, Issuer, identities_file, oidc_issuer
from support.refusals import Refused, refusal_of
from trackway.api.auth.v1 import auth_service_pb2 as pb
from trackway.api.auth.v1 import resources_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.auth.oidc import issuer_keys


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with oidc_issuer() as running:
        yield running


@pytest.fixture
def settings(issuer: Issuer) -> str:
    return issuer.settings()


@pytest.fixture
async def server(tmp_path: Path, settings: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AuthServer]:
    monkeypatch.setenv("TRACKWAY_AUTH_IDENTITIES_FILE", str(identities_file(tmp_path, settings)))
    monkeypatch.setenv("TRACKWAY_AUTH_FAILED_ATTEMPTS", "1000")
    async with auth_server(tmp_path) as serving:
        yield serving


async def exchanged(server: AuthServer, token: str) -> str:
    return str((await server.stub.ExchangeToken(pb.ExchangeTokenRequest(token=token))).token)


async def refusal(server: AuthServer, token: str) -> Refused:
    return await refusal_of(server.stub.ExchangeToken(pb.ExchangeTokenRequest(token=token)))


async def whoami(server: AuthServer, token: str) -> tuple[str, bool, dict[str, int]]:
    me = await server.stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(token))
    return me.name, me.server_admin, {each.workspace: each.role for each in me.roles}


async def test_a_token_of_the_issuer_becomes_one_that_every_service_takes(server: AuthServer, issuer: Issuer) -> None:
    token = await exchanged(server, issuer.token())
    assert await whoami(server, token) == ("ci:acme/vision", False, {"default": resources_pb2.ROLE_EDITOR})
    made = await TrackingServiceStub(server.channel).CreateExperiment(
        tracking.CreateExperimentRequest(name="by ci"), metadata=bearer(token)
    )
    assert made.experiment.name == "by ci"
    await exchanged(server, issuer.token())
    assert issuer.asked == [DISCOVERY, JWKS], "the keys are kept"


async def test_a_token_ends_with_the_one_it_was_exchanged_for(server: AuthServer, issuer: Issuer) -> None:
    ends = int(time.time()) + 60
    answer = await server.stub.ExchangeToken(pb.ExchangeTokenRequest(token=issuer.token(exp=ends)))
    assert answer.expire_time_us == (ends + 30) * 1_000_000
    answer = await server.stub.ExchangeToken(pb.ExchangeTokenRequest(token=issuer.token(exp=ends + 3600)))
    assert answer.lifetime_us == 240_000_000


def unsigned(issuer: Issuer) -> str:
    return f"{encoded({'alg': 'none', 'kid': 'first'})}.{encoded(issuer.claims())}."


def by_public_key(issuer: Issuer) -> str:
    """HS256 with the published key as the secret: a verifier that takes the algorithm from the header is fooled."""
    signed = f"{encoded({'alg': 'HS256', 'kid': 'first'})}.{encoded(issuer.claims())}".encode()
    tag = hmac.digest(issuer.keys[0].as_pem(private=False), signed, "sha256")
    return f"{signed.decode()}.{base64.urlsafe_b64encode(tag).decode().rstrip('=')}"


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


WRONG: dict[str, Callable[[Issuer], str]] = {
    "wrong audience": lambda issuer: issuer.token(aud="https://elsewhere.test"),
    "no audience": lambda issuer: issuer.token(aud=None),
    "wrong issuer": lambda issuer: issuer.token(iss="https://elsewhere.test"),
    "issuer with a slash more": lambda issuer: issuer.token(iss=issuer.url + "/"),
    "no issuer": lambda issuer: issuer.token(iss=None),
    "alg none": unsigned,
    "HS256 by the public key": by_public_key,
    "another's key": lambda issuer: issuer.token(key=RSAKey.generate_key(2048)),
    "an algorithm that is not configured": lambda issuer: issuer.token(
        key=RSAKey.import_key(issuer.keys[0].as_pem(private=True)), header={"alg": "RS512"}
    ),
    "another kind of key": lambda issuer: issuer.token(key=ECKey.generate_key("P-256"), header={"alg": "ES256"}),
    "key in the header": lambda issuer: _by_own_key(issuer),
    "expired": lambda issuer: issuer.token(exp=int(time.time()) - 31),
    "never ends": lambda issuer: issuer.token(exp=None),
    "ends some time": lambda issuer: issuer.token(exp="tomorrow"),
    "not yet": lambda issuer: issuer.token(nbf=int(time.time()) + 60),
    "from the future": lambda issuer: issuer.token(iat=int(time.time()) + 60),
    "logout token": lambda issuer: issuer.token(header={"typ": "logout+jwt"}),
    "not a token": lambda issuer: "a.b.c",
    "encrypted": lambda issuer: "a.b.c.d.e",
    "deep": lambda issuer: deep(issuer, 5_000),
    "almost too deep": lambda issuer: deep(issuer, 950),
}


def deep(issuer: Issuer, depth: int) -> str:
    said = f'{{"iss": "{issuer.url}", "x": {"[" * depth}{"]" * depth}}}'
    return f"{encoded({'alg': 'RS256', 'kid': 'first'})}.{base64.urlsafe_b64encode(said.encode()).decode()}.AAAA"


def _by_own_key(issuer: Issuer) -> str:
    mine = RSAKey.generate_key(2048)
    return issuer.token(key=mine, header={"jwk": mine.as_dict(private=False), "jku": "http://127.0.0.1:9/keys"})


async def test_what_is_not_right_is_refused(server: AuthServer, issuer: Issuer) -> None:
    """Also after the issuer's keys are known: each attack fails for what is wrong with it."""
    for _ in range(2):
        found = {wrong: await refusal(server, make(issuer)) for wrong, make in WRONG.items()}
        assert {wrong: each.reason for wrong, each in found.items()} == dict.fromkeys(WRONG, "CREDENTIALS_INVALID")
        assert {each.code for each in found.values()} == {grpc.StatusCode.UNAUTHENTICATED}
        assert set(issuer.asked) <= {DISCOVERY, JWKS}
        await exchanged(server, issuer.token())


async def test_clocks_may_differ_a_little(server: AuthServer, issuer: Issuer) -> None:
    now = int(time.time())
    await exchanged(server, issuer.token(iat=now + 15, nbf=now + 15))
    await exchanged(server, issuer.token(exp=now - 10))


async def test_a_token_that_no_rule_maps_is_nobody_s(server: AuthServer, issuer: Issuer) -> None:
    for changed in ({"repository": "evil/vision"}, {"ref": "refs/heads/branch"}, {"repository": None}):
        found = await refusal(server, issuer.token(**changed))
        assert (found.code, found.reason) == (grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_UNMAPPED")
    spaced = await refusal(server, issuer.token(repository="acme/a b"))
    assert (spaced.reason, "repository" in spaced.message) == ("IDENTITY_UNMAPPED", True)


async def test_a_key_that_is_not_known_is_asked_for_at_most_every_so_often(
    tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_AUTH_OIDC_REFRESH_SECONDS", "1")
    monkeypatch.setenv("TRACKWAY_AUTH_IDENTITIES_FILE", str(identities_file(tmp_path, issuer.settings())))
    async with auth_server(tmp_path) as server:
        await exchanged(server, issuer.token())
        issuer.rotate("second")
        rotated = issuer.token()
        while True:  # as long as the keys are young, it is "try again", not "wrong"
            try:
                token = await exchanged(server, rotated)
                break
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE
                await asyncio.sleep(0.05)
        assert (await whoami(server, token))[0] == "ci:acme/vision"
        assert len(issuer.asked) == 4, "however often it was asked for in between"


async def test_strangers_who_invent_keys_have_nothing_fetched(server: AuthServer, issuer: Issuer) -> None:
    await exchanged(server, issuer.token())
    found = [await refusal(server, issuer.token(header={"kid": f"k{number}"})) for number in range(20)]
    assert {each.reason for each in found} == {"SERVICE_UNAVAILABLE"}
    assert len(issuer.asked) == 2


async def test_an_issuer_that_is_down_is_told_and_blocks_no_other(
    tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with oidc_issuer() as gone:
        settings = gone.settings(name='"gone"')
    file = identities_file(tmp_path, settings, issuer.settings())
    monkeypatch.setenv("TRACKWAY_AUTH_IDENTITIES_FILE", str(file))
    async with auth_server(tmp_path) as server:
        for _ in range(2):
            found = await refusal(server, gone.token())
            assert (found.code, found.metadata) == (grpc.StatusCode.UNAVAILABLE, {"service": "gone"})
            assert (found.retry_after, "try again" in found.message) == (1, True)
        await exchanged(server, issuer.token())
        assert await server.token(server.admin_key)


async def test_the_keys_at_hand_do_while_the_issuer_is_down(
    server: AuthServer, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchanged(server, issuer.token())
    monkeypatch.setattr(issuer_keys, "FRESH_SECONDS", 0.0)
    issuer.answers[DISCOVERY] = (503, {}, b"")
    await exchanged(server, issuer.token())
    monkeypatch.setattr(issuer_keys, "STALE_SECONDS", 0.0)
    assert (await refusal(server, issuer.token())).reason == "SERVICE_UNAVAILABLE"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DISCOVERY, (302, {"location": JWKS}, b"")),
        (JWKS, (307, {"location": "http://169.254.169.254/latest/meta-data"}, b"")),
        (DISCOVERY, (200, {}, b'{"issuer": "https://accounts.example.org", "jwks_uri": "https://example.org"}')),
        (DISCOVERY, (200, {}, b"[]")),
        (JWKS, (200, {}, b"{" + b" " * (300 << 10) + b"}")),
        (JWKS, (200, {"content-encoding": "gzip"}, b"\x1f\x8b" + bytes(100))),
        (JWKS, (200, {}, b"[" * 100_000)),
        (JWKS, (200, {}, b'{"keys": 3}')),
        (JWKS, (404, {}, b"")),
    ],
    ids=["redirect", "to metadata", "another issuer", "list", "large", "compressed", "deep", "no keys", "missing"],
)
async def test_what_an_issuer_must_not_answer(
    server: AuthServer, issuer: Issuer, path: str, answer: tuple[int, dict[str, str], bytes]
) -> None:
    issuer.answers[path] = answer
    found = await refusal(server, issuer.token())
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVICE_UNAVAILABLE")
    assert set(issuer.asked) <= {DISCOVERY, JWKS}


@pytest.mark.parametrize("elsewhere", ["http://169.254.169.254/keys", "http://localhost:9/keys", "file:///etc/passwd"])
async def test_keys_are_not_fetched_where_a_document_says(server: AuthServer, issuer: Issuer, elsewhere: str) -> None:
    """SSRF: the discovery document sends the server to another host."""
    issuer.discovery["jwks_uri"] = elsewhere
    found = await refusal(server, issuer.token())
    assert (found.reason, "another host" in found.message) == ("SERVICE_UNAVAILABLE", True)
    assert issuer.asked == [DISCOVERY]


async def test_keys_that_are_none_are_passed_over(server: AuthServer, issuer: Issuer) -> None:
    secret = OctKey.generate_key(256, {"kid": "first"}).as_dict(private=True)
    with warnings.catch_warnings(action="ignore"):
        short = RSAKey.generate_key(1024, {"kid": "short"}).as_dict(private=False)
    good = {**issuer.keys[0].as_dict(private=False), "kid": "good"}
    listed: list[Any] = [secret, short, {"kty": "RSA", "n": "!", "e": "?"}, {"kty": "new"}, 5, good]
    issuer.answers[JWKS] = (200, {}, json.dumps({"keys": listed}).encode())
    await exchanged(server, issuer.token(header={"kid": "good"}))
    await exchanged(server, issuer.token(header={"kid": None}))
    symmetric = jwt.encode(
        {"alg": "HS256", "kid": "first"}, issuer.claims(), OctKey.import_key(secret), algorithms=["HS256"]
    )
    assert (await refusal(server, symmetric)).reason == "CREDENTIALS_INVALID"


RULES = """[
  {claims = {groups = ["ml", "vision"]}, roles = {default = "viewer", lab = "editor", gone = "admin"}},
  {claims = {"resource.roles" = "lead"}, roles = {lab = "admin"}},
  {claims = {repository = "acme/deploy"}, principal = "deployer"},
]"""


async def test_rules_add_up_and_a_principal_that_is_here_keeps_its_roles(
    tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = identities_file(tmp_path, issuer.settings(rules=RULES, subject='"sub"'))
    monkeypatch.setenv("TRACKWAY_AUTH_IDENTITIES_FILE", str(file))
    async with auth_server(tmp_path) as server:
        stub, admin = server.stub, server.admin
        await stub.CreateWorkspace(pb.CreateWorkspaceRequest(name="lab"), metadata=admin)
        in_groups = {"groups": ["others", "vision"], "resource": {"roles": ["lead"]}, "sub": "u1"}
        found = await whoami(server, await exchanged(server, issuer.token(**in_groups)))
        assert found == ("ci:u1", False, {"default": resources_pb2.ROLE_VIEWER, "lab": resources_pb2.ROLE_ADMIN})
        deploys = issuer.token(repository="acme/deploy")
        assert (await refusal(server, deploys)).reason == "IDENTITY_UNMAPPED", "deployer is not here yet"
        await server.principal("deployer", lab="APPROVER")
        found = await whoami(server, await exchanged(server, deploys))
        assert found == ("deployer", False, {"lab": resources_pb2.ROLE_APPROVER})
        await stub.DeletePrincipal(pb.DeletePrincipalRequest(name="deployer"), metadata=admin)
        assert (await refusal(server, deploys)).reason == "IDENTITY_UNMAPPED", "deployer is gone"


async def test_wrong_tokens_are_slowed_down_and_keys_are_not(
    tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_AUTH_FAILED_ATTEMPTS", "3")
    monkeypatch.setenv("TRACKWAY_AUTH_IDENTITIES_FILE", str(identities_file(tmp_path, issuer.settings())))
    async with auth_server(tmp_path) as server:
        reasons = [(await refusal(server, issuer.token(aud="x"))).reason for _ in range(3)]
        assert set(reasons) == {"CREDENTIALS_INVALID"}
        found = await refusal(server, issuer.token())
        assert (found.code, found.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS")
        assert found.retry_after == 3
        assert await server.token(server.admin_key)


async def test_a_server_without_issuers_takes_no_such_token(tmp_path: Path, issuer: Issuer) -> None:
    async with auth_server(tmp_path) as server:
        assert (await refusal(server, issuer.token())).reason == "CREDENTIALS_INVALID"
    assert issuer.asked == []


async def test_an_issuer_over_tls_with_an_authority_and_a_token_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Kubernetes has it: the API server's own authority, and a service account's token to read the keys with."""
    authority, strangers = Authority(tmp_path), Authority(tmp_path, "strangers")
    pair = authority.issue()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    (tmp_path / "bearer").write_text("reader\n")
    with oidc_issuer(context) as issuer:
        jwks = f'"{issuer.url}{JWKS}"'
        trusted = {"ca_file": f'"{authority.file}"', "bearer_file": f'"{tmp_path / "bearer"}"', "jwks_uri": jwks}
        for name, ca, wanted in (("right", authority, ""), ("wrong", strangers, "SERVICE_UNAVAILABLE")):
            settings = issuer.settings(**{**trusted, "ca_file": f'"{ca.file}"', "allow_http_loopback": "false"})
            monkeypatch.setenv("TRACKWAY_AUTH_IDENTITIES_FILE", str(identities_file(tmp_path, settings)))
            async with auth_server(tmp_path / name) as server:
                if wanted:
                    assert (await refusal(server, issuer.token())).reason == wanted
                else:
                    assert await exchanged(server, issuer.token())
        assert (issuer.asked, issuer.presented) == ([JWKS], ["Bearer reader"])

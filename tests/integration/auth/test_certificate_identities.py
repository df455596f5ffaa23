"""Client certificates as identities, over real TLS: who shows one and sends no token is whom it names, everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.x509 import DNSName, IPAddress, RFC822Name, UniformResourceIdentifier

from support.auth_serving import bearer
from support.certificates import Authority, Pair
from support.oidc_issuer import identities_file
from support.refusals import refusal_of
from trackway.api.auth.v1 import auth_service_pb2 as pb
from trackway.api.auth.v1 import resources_pb2
from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from trackway.api.metrics.v1.ingest_pb2 import RunStart
from trackway.api.registry.v1 import model_registry_service_pb2 as registry
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.app.embedded import open_server
from trackway_server.app.options import ServerOptions, Target
from trackway_server.auth.certificates import CertificateMap
from trackway_server.auth.identities import Identities, read_identities
from trackway_server.core.config import CoreSettings
from trackway_server.core.errors import DomainError, Reason

DEPLOYER = UniformResourceIdentifier("spiffe://acme.test/deployer")
TRACKING = UniformResourceIdentifier("spiffe://acme.test/trackway/tracking")
HERE = IPAddress(ip_address("127.0.0.1"))
RUN = "ab" * 16

MAPPING = """
services = [{uri = "spiffe://acme.test/trackway/tracking"}]

[[certificates]]
uri = "spiffe://acme.test/deployer"
principal = "deployer"
roles = {lab = "approver"}

[[certificates]]
dns = "Trainer.acme.test"
principal = "trainer"
"""


@dataclass
class Secured:
    """A server that asks for client certificates, and its administrator, who has one that is mapped to nobody."""

    authority: Authority
    port: int
    admin_key: str
    admin_pair: Pair

    def channel(self, pair: Pair | None = None, port: int | None = None) -> grpc.aio.Channel:
        shown = pair or self.admin_pair
        credentials = grpc.ssl_channel_credentials(
            self.authority.file.read_bytes(), shown.key.read_bytes(), shown.cert.read_bytes()
        )
        options = [("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.secure_channel(f"127.0.0.1:{port or self.port}", credentials, options=options)

    async def prepare(self) -> None:
        """The principals that the mapping names."""
        async with self.channel() as channel:
            stub, admin = AuthServiceStub(channel), bearer(self.admin_key)
            await stub.CreateWorkspace(pb.CreateWorkspaceRequest(name="lab"), metadata=admin)
            for name in ("deployer", "trainer"):
                kind = resources_pb2.PRINCIPAL_KIND_SERVICE_ACCOUNT
                await stub.CreatePrincipal(pb.CreatePrincipalRequest(name=name, kind=kind), metadata=admin)
                await stub.GrantRole(pb.GrantRoleRequest(principal=name, role="ROLE_EDITOR"), metadata=admin)


@asynccontextmanager
async def secured(folder: Path, target: Target = Target.ALL) -> AsyncIterator[Secured]:
    authority = Authority(folder)
    pair = authority.issue()
    options = ServerOptions(
        target=target,
        grpc_port=0,
        http_port=0,
        data_dir=folder / "data",
        tls_cert=pair.cert,
        tls_key=pair.key,
        tls_client_ca=authority.file,
    )
    async with open_server(options, CoreSettings()) as running:
        assert running.grpc_port is not None
        assert running.access is not None
        assert running.access.key is not None
        yield Secured(authority, running.grpc_port, running.access.key.get_secret_value(), authority.issue())


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Secured]:
    monkeypatch.setenv("TRACKWAY_AUTH_IDENTITIES_FILE", str(identities_file(tmp_path, MAPPING)))
    async with secured(tmp_path) as serving:
        await serving.prepare()
        yield serving


async def whoami(channel: grpc.aio.Channel, metadata: Any = ()) -> tuple[str, dict[str, int]]:
    me = await AuthServiceStub(channel).GetSelf(pb.GetSelfRequest(), metadata=metadata)
    return me.name, {each.workspace: each.role for each in me.roles}


async def reason(call: Any) -> str:
    return (await refusal_of(call)).reason


async def test_without_a_token_a_caller_is_whom_the_certificate_names(server: Secured) -> None:
    async with server.channel(server.authority.issue_for(RFC822Name("x@acme.test"), DEPLOYER)) as channel:
        assert await whoami(channel) == (
            "deployer",
            {"default": resources_pb2.ROLE_EDITOR, "lab": resources_pb2.ROLE_APPROVER},
        )
        runs = TrackingServiceStub(channel)
        made = await runs.CreateExperiment(tracking.CreateExperimentRequest(name="by cert", workspace="lab"))
        assert made.experiment.name == "by cert"
    async with server.channel(server.authority.issue_for(DNSName("trainer.ACME.test"))) as channel:
        assert await whoami(channel) == ("trainer", {"default": resources_pb2.ROLE_EDITOR})


async def test_a_token_wins_over_the_certificate_also_a_wrong_one(server: Secured) -> None:
    async with server.channel(server.authority.issue_for(DEPLOYER)) as channel:
        assert (await whoami(channel, bearer(server.admin_key)))[0] == "admin"
        call = AuthServiceStub(channel).GetSelf(pb.GetSelfRequest(), metadata=bearer("tw_" + "x" * 43))
        assert await reason(call) == "CREDENTIALS_INVALID"


async def test_a_certificate_that_is_mapped_to_nobody_is_told_so(server: Secured) -> None:
    async with server.channel(server.authority.issue_for(DNSName("other.acme.test"), HERE)) as channel:
        for call in (
            AuthServiceStub(channel).GetSelf(pb.GetSelfRequest()),
            TrackingServiceStub(channel).SearchRuns(tracking.SearchRunsRequest()),
        ):
            found = await refusal_of(call)
            assert (found.code, found.reason) == (grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_UNMAPPED")
            assert "other.acme.test" in found.message
    common_name_only = server.authority.issue_for(HERE)
    async with server.channel(common_name_only) as channel:
        assert await reason(AuthServiceStub(channel).GetSelf(pb.GetSelfRequest())) == "IDENTITY_UNMAPPED"
    two = server.authority.issue_for(DEPLOYER, DNSName("trainer.acme.test"))
    async with server.channel(two) as channel:
        found = await refusal_of(AuthServiceStub(channel).GetSelf(pb.GetSelfRequest()))
        assert ("more than one" in found.message, found.reason) == (True, "IDENTITY_UNMAPPED")


async def test_a_service_account_that_is_deleted_is_nobody(server: Secured) -> None:
    async with server.channel() as channel:
        deleted = pb.DeletePrincipalRequest(name="deployer")
        await AuthServiceStub(channel).DeletePrincipal(deleted, metadata=bearer(server.admin_key))
    async with server.channel(server.authority.issue_for(DEPLOYER)) as channel:
        assert await reason(AuthServiceStub(channel).GetSelf(pb.GetSelfRequest())) == "IDENTITY_UNMAPPED"


async def test_through_the_registry_a_caller_stays_whom_the_certificate_names(server: Secured) -> None:
    """The registry asks Tracking as the caller: what they see, and no more."""
    async with server.channel() as channel:
        start = tracking.CreateRunRequest(run_id=RUN, start=RunStart(start_time_us=5))
        await TrackingServiceStub(channel).CreateRun(start, metadata=bearer(server.admin_key))
    async with server.channel(server.authority.issue_for(DEPLOYER)) as channel:
        stub = ModelRegistryServiceStub(channel)
        await stub.CreateModel(registry.CreateModelRequest(name="m"))
        for run, wanted in ((RUN, "SOURCE_INVALID"), ("cd" * 16, "RUN_NOT_FOUND")):
            request = registry.CreateVersionRequest(name="m", source=f"runs:/{run}/model")
            assert await reason(stub.CreateVersion(request)) == wanted


async def test_a_certificate_may_be_exchanged_by_its_holder_alone(server: Secured) -> None:
    pair = server.authority.issue_for(DEPLOYER)
    async with server.channel(pair) as channel:
        answer = await AuthServiceStub(channel).ExchangeCertificate(pb.ExchangeCertificateRequest())
        assert 0 < answer.lifetime_us <= 240_000_000
        async with server.channel() as other:
            assert (await whoami(other, bearer(answer.token)))[0] == "deployer"
    stolen = pb.ExchangeCertificateRequest(certificate=pair.cert.read_text())
    async with server.channel(server.authority.issue_for(DNSName("trainer.acme.test"))) as channel:
        assert await reason(AuthServiceStub(channel).ExchangeCertificate(stolen)) == "PERMISSION_DENIED"


async def test_a_server_that_maps_no_certificate_wants_a_key(tmp_path: Path) -> None:
    async with secured(tmp_path, Target.AUTH) as server:
        async with server.channel(server.authority.issue_for(DEPLOYER)) as channel:
            stub = AuthServiceStub(channel)
            assert await reason(stub.GetSelf(pb.GetSelfRequest())) == "CREDENTIALS_MISSING"
            assert await reason(stub.ExchangeCertificate(pb.ExchangeCertificateRequest())) == "CREDENTIALS_MISSING"


@pytest.mark.parametrize("listed", [True, False], ids=["a service", "a stranger"])
async def test_a_service_of_its_own_asks_the_auth_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    """Its certificate must be listed: who lures others to a server of his would else get tokens for theirs."""
    monkeypatch.setenv("TRACKWAY_AUTH_IDENTITIES_FILE", str(identities_file(tmp_path, MAPPING)))
    async with secured(tmp_path, Target.AUTH) as auth:
        await auth.prepare()
        own = auth.authority.issue_for(HERE, TRACKING if listed else DNSName("another.acme.test"))
        options = ServerOptions(
            target=Target.TRACKING,
            grpc_port=0,
            data_dir=tmp_path / "tracking",
            addresses={"auth": f"127.0.0.1:{auth.port}"},
            tls_cert=own.cert,
            tls_key=own.key,
            tls_client_ca=auth.authority.file,
            peer_ca=auth.authority.file,
        )
        async with open_server(options, CoreSettings()) as running:
            async with auth.channel(auth.authority.issue_for(DEPLOYER), running.grpc_port) as channel:
                call = TrackingServiceStub(channel).CreateExperiment(tracking.CreateExperimentRequest(name="split"))
                if listed:
                    assert (await call).experiment.name == "split"
                else:
                    assert await reason(call) == "CREDENTIALS_MISSING"
            async with auth.channel(own, running.grpc_port) as channel:  # what it calls for nobody is nobody's
                call = TrackingServiceStub(channel).SearchRuns(tracking.SearchRunsRequest())
                assert await reason(call) == "CREDENTIALS_MISSING"


def test_a_certificate_that_has_expired_names_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection may live on after its certificate has ended; its tokens do not."""
    mapping = CertificateMap(read_identities(identities_file(tmp_path, MAPPING)))
    authority = Authority(tmp_path)
    assert mapping.mapped(authority.issue_for(DEPLOYER, days=1).cert.read_text()).principal == "deployer"
    assert mapping.is_service(authority.issue_for(TRACKING, days=1).cert.read_text())
    ended = authority.issue_for(DEPLOYER, days=-1).cert.read_text()
    with pytest.raises(DomainError, match="expired") as refused:
        mapping.mapped(ended)
    assert refused.value.reason is Reason.IDENTITY_UNMAPPED
    assert not mapping.is_service(authority.issue_for(TRACKING, days=-1).cert.read_text())
    with pytest.raises(DomainError) as refused:
        CertificateMap(Identities()).mapped(ended)
    assert refused.value.reason is Reason.CREDENTIALS_MISSING
    for nonsense in ("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(DomainError) as refused:
            mapping.mapped(nonsense)
        assert refused.value.reason is Reason.IDENTITY_UNMAPPED

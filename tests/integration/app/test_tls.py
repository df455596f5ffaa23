"""TLS of the listeners: who is let in, what is refused at the start, and new files while calls are under way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from cryptography import x509
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

from support.certificates import Authority, Pair
from trackway.testing import LocalServer
from trackway_server.app.cli import main
from trackway_server.app.embedded import RunningServer, open_server
from trackway_server.app.options import ServerOptions, Target
from trackway_server.core import tls as tls_module
from trackway_server.core.config import CoreSettings


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(autouse=True)
def _profile_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_PROFILE", str(tmp_path / "profile.toml"))


@contextlib.asynccontextmanager
async def serving(folder: Path, pair: Pair, **more: object) -> AsyncIterator[RunningServer]:
    options = ServerOptions(
        data_dir=folder / "data", http_port=0, grpc_port=0, tls_cert=pair.cert, tls_key=pair.key, **more
    )
    async with open_server(options, CoreSettings()) as server:
        yield server


def credentials(authority: Authority, pair: Pair | None = None) -> grpc.ChannelCredentials:
    shown = (pair.key.read_bytes(), pair.cert.read_bytes()) if pair else (None, None)
    return grpc.ssl_channel_credentials(authority.file.read_bytes(), *shown)


async def answers(server: RunningServer, authority: Authority, pair: Pair | None = None) -> bool:
    """Whether a new gRPC connection gets an answer."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    target = f"127.0.0.1:{server.grpc_port}"
    async with grpc.aio.secure_channel(target, credentials(authority, pair), options=options) as channel:
        try:
            await HealthStub(channel).Check(HealthCheckRequest(), timeout=5)
        except grpc.aio.AioRpcError:
            return False
        return True


async def gets(server: RunningServer, authority: Authority, pair: Pair | None = None) -> int:
    """The status of /healthz over a new connection; 0: none came."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if pair:
        context.load_cert_chain(pair.cert, pair.key)
    async with httpx.AsyncClient(verify=context) as browser:
        try:
            return (await browser.get(f"https://127.0.0.1:{server.http_port}/healthz")).status_code
        except httpx.TransportError:
            return 0


def serial_at(port: int | None) -> int:
    """The serial number of the certificate that a listener shows to a new connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", port or 0)) as plain, context.wrap_socket(plain) as connection:
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"").serial_number


def serial_of(pair: Pair) -> int:
    return x509.load_pem_x509_certificate(pair.cert.read_bytes()).serial_number


async def test_grpc_and_http_speak_tls_and_nothing_else(authority: Authority, tmp_path: Path) -> None:
    async with serving(tmp_path, authority.issue()) as server:
        assert await answers(server, authority)
        assert not await answers(server, Authority(tmp_path, "stranger"))
        assert await gets(server, authority) == 200
        async with httpx.AsyncClient() as browser:
            with pytest.raises(httpx.TransportError):
                await browser.get(f"http://127.0.0.1:{server.http_port}/healthz")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await HealthStub(channel).Check(HealthCheckRequest(), timeout=2)


async def test_with_a_client_ca_only_its_clients_are_let_in(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    async with serving(tmp_path, authority.issue(), tls_client_ca=authority.file) as server:
        for shown, let_in in (
            (authority.issue("robot"), True),
            (None, False),
            (stranger.issue("robot"), False),
            (authority.issue("robot", days=-0.5), False),
        ):
            assert await answers(server, authority, shown) is let_in
            assert await gets(server, authority, shown) == (200 if let_in else 0)


async def test_browsers_may_be_let_in_without_a_certificate(authority: Authority, tmp_path: Path) -> None:
    more = {"tls_client_ca": authority.file, "tls_http_client_optional": True}
    async with serving(tmp_path, authority.issue(), **more) as server:
        assert await gets(server, authority) == 200
        assert await gets(server, authority, Authority(tmp_path, "stranger").issue("robot")) == 0
        assert not await answers(server, authority)


async def test_new_files_are_used_by_new_connections_while_old_calls_go_on(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_module, "POLL_SECONDS", 0.05)
    pair, renewed = authority.issue(), authority.issue()
    async with serving(tmp_path, pair) as server:
        target = f"127.0.0.1:{server.grpc_port}"
        async with grpc.aio.secure_channel(target, credentials(authority)) as channel:
            health = HealthStub(channel)
            watch = health.Watch(HealthCheckRequest())
            await watch.read()
            failed = 0

            async def load() -> None:
                nonlocal failed
                while True:
                    failed += not await answers(server, authority)
                    failed += await gets(server, authority) != 200

            loading = asyncio.create_task(load())
            before = await asyncio.to_thread(serial_at, server.grpc_port)
            pair.replace_by(renewed)
            await until(lambda: serial_at(server.grpc_port) == serial_of(renewed) != before)
            await until(lambda: serial_at(server.http_port) == serial_of(renewed))
            loading.cancel()
            await asyncio.wait([loading])
            assert failed == 0
            await health.Check(HealthCheckRequest(), timeout=5)
            assert not watch.done()
            watch.cancel()


async def test_a_new_client_authority_takes_the_place_of_the_old(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_module, "POLL_SECONDS", 0.05)
    clients, successor = Authority(tmp_path, "clients"), Authority(tmp_path, "successor")
    old, new = clients.issue("robot"), successor.issue("robot")
    async with serving(tmp_path, authority.issue(), tls_client_ca=clients.file) as server:
        assert await answers(server, authority, old) and not await answers(server, authority, new)
        successor.file.replace(clients.file)
        async with asyncio.timeout(10):
            while not await answers(server, authority, new):
                await asyncio.sleep(0.02)
        assert not await answers(server, authority, old)
        assert await gets(server, authority, new) == 200
        assert await gets(server, authority, old) == 0


async def test_files_that_cannot_be_used_leave_the_old_certificate_and_are_told_once(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, object]] = []
    monkeypatch.setattr(tls_module, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(tls_module.LOG, "warning", lambda event, **fields: told.append({"event": event, **fields}))
    pair, renewed = authority.issue(), authority.issue()
    serial = serial_of(pair)
    async with serving(tmp_path, pair) as server:
        for content, said in (
            (authority.issue(days=-0.5).cert.read_bytes(), "is not that of"),
            (b"nonsense", "no certificate in PEM form"),
            (None, "cannot be read"),
        ):
            told.clear()
            pair.cert.unlink() if content is None else pair.cert.write_bytes(content)
            await until(lambda: bool(told))
            await asyncio.sleep(0.2)
            assert [line["event"] for line in told] == ["tls_files_refused"]
            assert said in str(told[0]["reason"])
            assert await asyncio.to_thread(serial_at, server.grpc_port) == serial
            assert await gets(server, authority) == 200
        pair.replace_by(renewed)
        await until(lambda: serial_at(server.grpc_port) == serial_of(renewed))


async def until(condition: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):  # type: ignore[arg-type]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_gateway_reaches_services_that_want_its_certificate(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway_server.core.rpc.peers.LOOK_SECONDS", 0.0)
    own = authority.issue()
    async with serving(tmp_path, authority.issue(), tls_client_ca=authority.file) as services:
        gateway = ServerOptions(
            target=Target.GATEWAY,
            http_port=0,
            tls_cert=own.cert,
            tls_key=own.key,
            peer_address=f"127.0.0.1:{services.grpc_port}",
            peer_ca=authority.file,
        )
        async with open_server(gateway, CoreSettings()) as server, browser_of(authority) as browser:
            ready = f"https://127.0.0.1:{server.http_port}/readyz"
            assert (await browser.get(ready)).status_code == 200
            own.replace_by(Authority(tmp_path, "stranger").issue())
            assert (await browser.get(ready)).status_code == 503  # the new certificate is shown, and refused
            own.replace_by(authority.issue())
            assert (await browser.get(ready)).status_code == 200


def browser_of(authority: Authority) -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(authority.file)))


# -- the program ---------------------------------------------------------------------------------------------------


def refusal(folder: Path, *arguments: str) -> str:
    """What the program says where it cannot start: one line, exit code 2."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    ports = ("--grpc-port", "0", "--http-port", "0")
    done = subprocess.run(
        [sys.executable, "-m", "trackway_server", "--data-dir", str(folder / "data"), *ports, *arguments],
        env={**kept, "TRACKWAY_PROFILE": str(folder / "profile.toml")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1), done.stderr
    return done.stderr


def test_files_that_cannot_be_used_are_one_line_at_the_start(authority: Authority, tmp_path: Path) -> None:
    good, other, expired = authority.issue(), authority.issue(), authority.issue(days=-0.5)
    future = authority.issue(since_days=-2)
    garbage = tmp_path / "garbage.pem"
    garbage.write_bytes(b"\x00garbage")
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n")
    for cert, key, said in (
        (good.cert, other.key, "is not that of the first certificate"),
        (expired.cert, expired.key, "expired on"),
        (future.cert, future.key, "not valid before"),
        (garbage, good.key, "no certificate in PEM form"),
        (good.cert, garbage, "no private key in PEM form"),
        (tmp_path / "missing", good.key, "--tls-cert"),
        (good.cert, tmp_path / "missing", "--tls-key"),
    ):
        with pytest.raises(tls_module.TlsError) as refused:
            tls_module.read_material(tls_module.TlsFiles(cert, key))
        assert said in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(tls_module.TlsError, match=r"garbage.pem holds no certificate"):
        tls_module.read_material(tls_module.TlsFiles(good.cert, good.key, garbage))
    assert "expired on" in refusal(tmp_path, "--tls-cert", str(expired.cert), "--tls-key", str(expired.key))


@pytest.fixture
def flags(authority: Authority) -> Iterator[tuple[str, ...]]:
    pair = authority.issue()
    yield ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key))


def test_the_program_announces_encrypted_addresses_and_warns_of_plain_ones(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    everywhere = ("--host", "127.0.0.1")
    with LocalServer(tmp_path / "secure", arguments=(*flags, *everywhere)) as server:
        assert server.uri.replace("trackway://", "trackways://") in server.log
        assert server.http_url.replace("http://", "https://") in server.log
        assert "warning" not in server.log


async def test_a_probe_by_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    pair = authority.issue("tracking")

    async def probed(*options: str) -> int:
        return await asyncio.to_thread(main, ["probe", *options])

    async with serving(tmp_path, pair, tls_client_ca=authority.file) as server:
        address, ca = f"127.0.0.1:{server.grpc_port}", ["--ca", str(authority.file)]
        shown = ["--cert", str(pair.cert), "--key", str(pair.key)]
        assert await probed(address, *ca, *shown, "--name", "tracking") == 0
        assert await probed(address, *ca, *shown) == 1, "its certificate names another host"
        assert await probed(address, *ca, "--name", "tracking") == 1, "it wants a certificate"
        assert await probed(address, "--ca", str(other.file), *shown, "--name", "tracking") == 1
        assert await probed(address) == 1
        assert await probed(address, "--ca", str(tmp_path / "absent.pem")) == 2
        assert "absent.pem: No such file" in capsys.readouterr().err
        for name, file in (("PEER_CA", authority.file), ("TLS_CERT", pair.cert), ("TLS_KEY", pair.key)):
            monkeypatch.setenv(f"TRACKWAY_{name}", str(file))
        assert await probed(address, "--name", "tracking") == 0

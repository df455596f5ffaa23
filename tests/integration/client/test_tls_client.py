"""`trackways://`: the client's files of TLS, what it says where they do not fit, and an uplink that uses the same."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from support.certificates import Authority, Pair
from support.training import environment, run_id, steps_of, trainer, wait_until
from trackway import config
from trackway._ingest.server import Servers
from trackway.aio import AsyncClient
from trackway.client import Client
from trackway.errors import InvalidArgument, Unavailable
from trackway.testing import LocalServer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[LocalServer]:
    pair = authority.issue("localhost", "127.0.0.1")
    flags = ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key), "--tls-client-ca", str(authority.file))
    with LocalServer(arguments=flags) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_of_the_tester(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URI", "TOKEN", "CA_FILE", "CLIENT_CERT", "CLIENT_KEY"):
        monkeypatch.delenv(f"TRACKWAY_{name}", raising=False)
    monkeypatch.setenv("TRACKWAY_PROFILE", str(tmp_path / "profile.toml"))


def secure(server: LocalServer) -> str:
    return server.uri.replace("trackway://", "trackways://")


def files(authority: Authority, pair: Pair | None = None) -> dict[str, str]:
    shown = {"client_cert": str(pair.cert), "client_key": str(pair.key)} if pair else {}
    return {"ca_file": str(authority.file), **shown}


def as_variables(chosen: dict[str, str]) -> dict[str, str]:
    return {f"TRACKWAY_{name.upper()}": path for name, path in chosen.items()}


def test_environment_and_profile_name_the_files(
    server: LocalServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = files(authority, authority.issue("robot"))
    with monkeypatch.context() as patch:
        for name, path in as_variables(chosen).items():
            patch.setenv(name, path)
        with Client(secure(server), token=server.token) as client:
            assert client.tracking.get_experiment("0").name == "Default"
    relative = {name: os.path.relpath(path, tmp_path) for name, path in chosen.items()}
    lines = [f'{name} = "{path}"' for name, path in {**relative, "token": server.token}.items()]
    target = secure(server).removeprefix("trackways://")
    (tmp_path / "profile.toml").write_text("\n".join([f'[servers."{target}"]', *lines]))
    with Client(secure(server)) as client:
        assert client.tracking.get_experiment("0").name == "Default"


def refusal(uri: str, chosen: dict[str, str]) -> str:
    address = config.resolve(uri, token="tw_x", files=chosen)
    with Client(address) as client, pytest.raises(Unavailable) as refused:
        client.tracking.get_experiment("0")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_what_does_not_fit_is_one_clear_line(server: LocalServer, authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    robot, expired = authority.issue("robot"), authority.issue("robot", days=-0.5)
    uri = secure(server)
    assert "is not of an authority that gRPC trusts: name the file" in refusal(uri, {"token": ""})
    assert f"is not of an authority in {stranger.file}" in refusal(uri, files(stranger, robot))
    assert "wants a client certificate: set TRACKWAY_CLIENT_CERT" in refusal(uri, files(authority))
    assert "refuses the client certificate" in refusal(uri, files(authority, expired))
    assert "refuses the client certificate" in refusal(uri, files(authority, stranger.issue("robot")))
    assert f"it speaks TLS, and the address is {uri}" in refusal(server.uri, {})


def test_the_command_line_says_it_in_one_line(server: LocalServer, authority: Authority) -> None:
    variables = {**os.environ, "TRACKWAY_URI": secure(server), "TRACKWAY_CA_FILE": str(authority.file)}
    command = [sys.executable, "-m", "trackway.cli.main", "runs", "list"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "wants a client certificate" in done.stderr


@contextlib.asynccontextmanager
async def listening(pair: Pair | None):
    server = grpc.aio.server()
    if pair is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        content = [(pair.key.read_bytes(), pair.cert.read_bytes())]
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(content))
    await server.start()
    try:
        yield f"trackways://127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def test_what_is_wrong_with_the_servers_certificate(authority: Authority) -> None:
    for pair, said in (
        (authority.issue("elsewhere.example"), "is for other names: write one of those"),
        (authority.issue(days=-0.5), "has expired: renew it on the server"),
        (authority.issue(since_days=-2), "is not valid yet"),
        (None, "does not speak TLS: if it is a Trackway server, its address is trackway://127.0.0.1:"),
    ):
        async with listening(pair) as uri:
            async with AsyncClient(config.resolve(uri, files=files(authority))) as client:
                with pytest.raises(Unavailable) as refused:
                    await client.tracking.get_experiment("0")
        assert said in str(refused.value)


async def test_files_that_cannot_be_read_are_named(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"\x00")
    for name, said in (("missing", "cannot be read: No such file"), ("garbage", "is not in PEM form")):
        address = config.resolve("trackways://127.0.0.1", files={"ca_file": str(tmp_path / name)})
        async with AsyncClient(address) as client:
            with pytest.raises(InvalidArgument, match=f"{name} {said}.*TRACKWAY_CA_FILE, or ca_file"):
                await client.tracking.get_experiment("0")


def test_a_client_goes_on_with_a_renewed_certificate(server: LocalServer, authority: Authority) -> None:
    mine, expired = authority.issue("robot"), authority.issue("robot", days=-0.5)
    good = authority.issue("robot")
    mine.replace_by(expired)
    with Client(config.resolve(secure(server), token=server.token, files=files(authority, mine))) as client:
        with pytest.raises(Unavailable):
            client.tracking.get_experiment("0")
        mine.replace_by(good)
        assert client.tracking.get_experiment("0").name == "Default"


async def test_the_uplink_opens_a_server_again_when_its_files_change(authority: Authority) -> None:
    mine = authority.issue("robot")
    servers = Servers()
    uri = "trackways://127.0.0.1:1"
    servers.learn_files(uri, files(authority, mine))
    first = servers.get(uri, "default")
    assert servers.get(uri, "default") is first
    mine.replace_by(authority.issue("robot"))
    assert servers.get(uri, "default") is not first
    await servers.close()


def test_a_training_process_brings_its_files_to_the_uplink_and_none_into_the_spool(
    server: LocalServer, authority: Authority, tmp_path: Path
) -> None:
    pair = authority.issue("robot")
    spools = tmp_path / "spools"
    script = f"""
        from trackway._ingest.writer import Writer
        writer = Writer.open({run_id(77)!r}, uri={secure(server)!r}, owns_run=True)
        writer.run_start(start_time_us=1)
        for step in range(100):
            writer.log_metric("loss", step / 7, step)
        writer.log_artifact_bytes(b"x", "x.bin")
        print(writer.flush(30).durable, flush=True)
        writer.set_status(3)
        writer.finish(30)
    """
    variables = environment(None, spools, TRACKWAY_TOKEN=server.token, **as_variables(files(authority, pair)))
    with trainer(script, variables) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        for path in spools.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert b"PRIVATE KEY" not in content and server.token.encode() not in content
            assert str(pair.key).encode() not in content
        assert process.wait(30) == 0
    wait_until(lambda: not list(spools.glob("*/*/meta.json")), "the spool is sent")
    with Client(config.resolve(secure(server), token=server.token, files=files(authority, pair))) as client:
        assert steps_of(client, run_id(77), "loss") == list(range(100))

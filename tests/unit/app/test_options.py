"""What is refused before anything starts: one clear line, exit code 2, no traceback."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from trackway_server.app.cli import main
from trackway_server.app.options import ServerOptions, Target, authority, client_host, dial_target
from trackway_server.core.lifecycle import StartupError


@pytest.fixture(autouse=True)
def _process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`main` prepares its process; here it is the test's."""
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    before = os.umask(0o022)
    yield
    os.umask(before)
    structlog.reset_defaults()  # `main` may have set up the log, on a stream of the test
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_what_counts_as_this_machine(host: str, loopback: bool) -> None:
    assert ServerOptions(host=host).loopback is loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "tracker.example"])
def test_no_auth_beyond_loopback_is_refused(host: str) -> None:
    with pytest.raises(StartupError, match="--insecure-no-auth is refused"):
        ServerOptions(host=host, no_auth=True).check()


def test_default_ports() -> None:
    ports = {target: ServerOptions(target=target).chosen_grpc_port for target in Target if target.services}
    split = {Target.TRACKING: 7711, Target.ARTIFACTS: 7712, Target.REGISTRY: 7713, Target.AUTH: 7714}
    assert ports == {Target.ALL: 7701, **split}
    assert ServerOptions(grpc_port=0).chosen_grpc_port == 0


def test_addresses() -> None:
    assert authority("::1", 7701) == "[::1]:7701"
    assert authority("127.0.0.1", 7701) == "127.0.0.1:7701"
    assert client_host("0.0.0.0") == "127.0.0.1"
    assert client_host("::") == "::1"
    assert client_host("10.0.0.1") == "10.0.0.1"


def test_a_service_is_called_at_its_own_address_else_the_common_one_else_its_own_port() -> None:
    assert ServerOptions().address_of("artifacts") == "127.0.0.1:7712"
    assert ServerOptions(peer_address="proxy:7701").address_of("artifacts") == "proxy:7701"
    own = ServerOptions(peer_address="proxy:7701", addresses={"artifacts": "artifacts:7712"})
    assert own.address_of("artifacts") == "artifacts:7712"
    assert own.address_of("tracking") == "proxy:7701"


def test_a_service_relies_on_the_auth_service_that_it_is_told_of() -> None:
    named = {"auth": "auth:7714"}
    for target in (Target.TRACKING, Target.ARTIFACTS, Target.REGISTRY):
        assert ServerOptions(target=target, addresses=named).relies_on_auth
        assert ServerOptions(target=target, peer_address="proxy:7701").relies_on_auth
        assert not ServerOptions(target=target, addresses={"tracking": "tracking:7711"}).relies_on_auth
        assert not ServerOptions(target=target, addresses=named, no_auth=True).relies_on_auth
    for target in (Target.ALL, Target.AUTH, Target.GATEWAY):
        assert not ServerOptions(target=target, addresses=named).relies_on_auth


@pytest.mark.parametrize("key", ["", "hunter2", "tw_" + "x" * 43, f"twk_{'0' * 12}_{'k' * 42}"])
def test_a_key_that_clients_would_not_exchange_is_refused(key: str) -> None:
    with pytest.raises(StartupError, match="TRACKWAY_AUTH_ADMIN_KEY is no key") as refused:
        ServerOptions(admin_key=key).check()
    assert not key or key not in str(refused.value)
    ServerOptions(admin_key=f"twk_{'0' * 12}_{'k' * 43}").check()


def test_what_grpc_dials() -> None:
    assert dial_target("tracking:7711") == "tracking:7711"
    assert dial_target("10.0.0.1:7711, 10.0.0.2:7711") == "ipv4:10.0.0.1:7711,10.0.0.2:7711"
    assert dial_target("[::1]:7711,[::2]:7711") == "ipv6:[::1]:7711,[::2]:7711"


@pytest.mark.parametrize("addresses", ["a:1,b:2", "127.0.0.1:1,[::1]:2", "127.0.0.1,127.0.0.2", "127.0.0.1:1,"])
def test_a_list_that_grpc_does_not_take_is_refused(addresses: str) -> None:
    with pytest.raises(StartupError, match="one name that all replicas answer to"):
        ServerOptions(addresses={"tracking": addresses}).check()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "nonsense"], "choose one of all, tracking, artifacts, registry, auth, gateway"),
        (["--database-url", "mysql://x"], "the database URL is not understood"),
        (["--blob-url", "file:///x"], "--blob-url cannot be used: it begins with s3://"),
        (["--blob-url", "s3://key:secret@bucket"], "--blob-url cannot be used: it holds no keys"),
        (["--http-port", "70000"], "--http-port 70000 is no port"),
        (["--grpc-port", "-1"], "--grpc-port -1 is no port"),
        (["--http-port", "7701"], "both 7701"),
        (["--target", "tracking", "--metrics-port", "70000"], "--metrics-port 70000 is no port"),
        (["--target", "tracking", "--metrics-port", "x"], "--metrics-port x is no port"),
        (["--metrics-port", "0"], "--metrics-port is not for --target all: its gateway answers"),
        (["--target", "gateway", "--metrics-port", "0"], "--metrics-port is not for --target gateway"),
        (["--target", "tracking", "--insecure-no-auth", "--metrics-host", "::"], "--insecure-no-auth is refused"),
        (["--insecure-no-auth", "--host", "0.0.0.0"], "--insecure-no-auth is refused"),
        (["--host", "no.such.host.invalid", "--http-port", "0", "--grpc-port", "0"], "cannot listen on"),
    ],
)
def test_refusals_are_one_line_and_exit_code_2(
    arguments: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--data-dir", str(tmp_path / "data")]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_unknown_flags_are_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--nonsense"])
    assert ended.value.code == 2
    assert "--nonsense" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tls_cert": Path("c")}, "--tls-cert is given without --tls-key"),
        ({"tls_key": Path("k")}, "--tls-key is given without --tls-cert"),
        ({"tls_client_ca": Path("a")}, "--tls-client-ca needs --tls-cert"),
        ({"tls_http_client_optional": True}, "needs --tls-client-ca"),
        ({"peer_cert": Path("c")}, "--peer-cert is given without --peer-key"),
        ({"peer_cert": Path("c"), "peer_key": Path("k")}, "--peer-cert needs --peer-ca"),
    ],
)
def test_tls_options_that_contradict_each_other(given: dict[str, Path], said: str) -> None:
    with pytest.raises(StartupError, match=said):
        ServerOptions(**given).check()

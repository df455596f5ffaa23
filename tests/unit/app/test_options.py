"""What is refused before anything starts: one clear line, exit code 2, no traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackway_server.app.cli import main
from trackway_server.app.options import ServerOptions, Target, authority, client_host
from trackway_server.core.lifecycle import StartupError


@pytest.fixture(autouse=True)
def _process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`main` prepares its process; here it is the test's."""
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")
    before = os.umask(0o022)
    yield
    os.umask(before)


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "nonsense"], "choose one of all, tracking, artifacts, registry, auth, gateway"),
        (["--database-url", "postgresql://x"], "--database-url is not supported yet"),
        (["--blob-url", "s3://x"], "--blob-url is not supported yet"),
        (["--http-port", "70000"], "--http-port 70000 is no port"),
        (["--grpc-port", "-1"], "--grpc-port -1 is no port"),
        (["--http-port", "7701"], "both 7701"),
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

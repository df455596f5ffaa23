"""`trackway server check-config`: advice as data, and an exit code for scripts."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from support.certificates import Authority
from trackway_server.app import advice as advice_module
from trackway_server.app.advice import Advice, Severity, advice_on, file_system_of
from trackway_server.app.cli import main
from trackway_server.app.options import ServerOptions, Target
from trackway_server.app.variables import server_variables

KEY = f"twk_{'0' * 12}_{'k' * 43}"
URL = "postgresql://db.example.org/trackway"


def asked(tmp_path: Path, **options: object) -> ServerOptions:
    given = {"http_port": 0, "grpc_port": 0, "data_dir": tmp_path / "data", **options}
    return ServerOptions(**given)  # type: ignore[arg-type]


def names(found: list[Advice]) -> list[tuple[str, str]]:
    return [(advice.severity.value, advice.name) for advice in found]


def test_the_defaults_need_no_advice_and_nothing_is_written(tmp_path: Path) -> None:
    assert advice_on(asked(tmp_path), {"TRACKWAY_LOG_LEVEL": "debug", "TRACKWAY_URI": "trackway://x"}) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"host": "0.0.0.0"}, ("warning", "plaintext")),
        ({"no_auth": True}, ("warning", "no_auth")),
        ({"http_port": 70_000}, ("error", "options")),
        ({"data_dir": Path("/dev/null/data")}, ("error", "data_dir")),
        (
            {"target": Target.TRACKING, "addresses": {"tracking": "127.0.0.1:1,127.0.0.1:2"}},
            ("error", "replicas"),
        ),
        ({"target": Target.REGISTRY, "addresses": {"tracking": "no.such.host.invalid:1"}}, ("warning", "address")),
        ({"target": Target.TRACKING, "addresses": {"auth": "no.such.host.invalid:1"}}, ("warning", "address")),
        (
            {
                "target": Target.ARTIFACTS,
                "database_url": URL,
                "addresses": {"artifacts": "127.0.0.1:1,127.0.0.1:2"},
            },
            ("error", "replicas"),
        ),
        ({"target": Target.AUTH, "database_url": URL}, ("warning", "admin_key")),
        ({"target": Target.TRACKING, "host": "0.0.0.0"}, ("warning", "auth")),
        ({"target": Target.TRACKING, "metrics_port": 0, "metrics_host": "0.0.0.0"}, ("warning", "plaintext")),
        ({"tls_cert": Path("/nowhere.crt"), "tls_key": Path("/nowhere.key")}, ("error", "tls")),
        (
            {"target": Target.REGISTRY, "tls_cert": Path("/nowhere.crt"), "tls_key": Path("/nowhere.key")},
            ("warning", "peer_plaintext"),
        ),
        ({"admin_key": "secret"}, ("error", "options")),
    ],
)
def test_what_is_found(options: dict[str, object], expected: tuple[str, str], tmp_path: Path) -> None:
    assert expected in names(advice_on(asked(tmp_path, **options), {}))


def test_what_is_said_of_plain_text_is_not_said_of_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue()
    chosen = asked(tmp_path, host="0.0.0.0", tls_cert=pair.cert, tls_key=pair.key)
    assert advice_on(chosen, {}) == []
    calling = replace(chosen, target=Target.REGISTRY, peer_ca=authority.file, peer_address="127.0.0.1:1")
    assert advice_on(calling, {}) == []


def test_what_is_said_of_data_directories_is_not_said_of_postgres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advice_module, "file_system_of", lambda _: "nfs4")
    several = dict.fromkeys(("tracking", "artifacts", "registry", "auth"), "127.0.0.1:1,127.0.0.1:2")
    for target in (Target.TRACKING, Target.ARTIFACTS, Target.REGISTRY, Target.AUTH):
        chosen = asked(tmp_path, target=target, addresses=several, database_url=URL, blob_url="s3://bucket")
        assert advice_on(replace(chosen, admin_key=KEY), {}) == []


def test_a_data_directory_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_system_of(tmp_path) not in ("", "nfs4")
    monkeypatch.setattr(advice_module, "file_system_of", lambda _: "nfs4")
    assert names(advice_on(asked(tmp_path), {})) == [("error", "network_file_system")]
    assert advice_on(asked(tmp_path, target=Target.GATEWAY), {}) == []


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = advice_on(asked(tmp_path, grpc_port=port), {})
        metrics = advice_on(asked(tmp_path, target=Target.AUTH, metrics_port=port), {})
    assert names(found) == [("error", "port")]
    assert "--grpc-port" in found[0].todo
    assert names(metrics) == [("error", "port")]
    assert "another --metrics-host or --metrics-port" in metrics[0].todo


def test_a_clock_behind_the_data(tmp_path: Path) -> None:
    database = tmp_path / "data" / "tracking.db"
    database.parent.mkdir()
    database.touch()
    tomorrow = time.time() + 86_400
    os.utime(database, (tomorrow, tomorrow))
    assert names(advice_on(asked(tmp_path), {})) == [("warning", "clock")]


def test_wrong_and_misspelt_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_REGISTRY_MAX_WATCHERS", "many")
    found = advice_on(asked(tmp_path), {"TRACKWAY_REGISTRY_MAX_WATCHER": "5"})
    assert names(found) == [("error", "setting"), ("warning", "variable")]
    assert found[0].what == "TRACKWAY_REGISTRY_MAX_WATCHERS is wrong"
    assert "TRACKWAY_REGISTRY_MAX_WATCHER " in found[1].what


def test_names_of_variables() -> None:
    assert {"TRACKWAY_DATA_DIR", "TRACKWAY_LOG_LEVEL", "TRACKWAY_GATEWAY_ALLOWED_HOSTS"} <= server_variables()
    assert "TRACKWAY_TRACKING_FOLD_INTERVAL_SECONDS" in server_variables()


FREE = ["--grpc-port", "0", "--http-port", "0"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--data-dir", str(tmp_path)]
    assert main(["check-config", *FREE, *place]) == 0
    assert capsys.readouterr().out == "Nothing to say: the configuration is fine.\n"
    assert main(["check-config", *FREE, *place, "--insecure-no-auth", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["severity"], found["name"]) == (Severity.WARNING.value, "no_auth")
    assert main(["check-config", "--target", "nonsense"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("error: --target nonsense is unknown")
    assert "→ choose one of" in said


def test_a_secret_file_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKWAY_DATABASE_URL_FILE", str(tmp_path / "absent"))
    assert main([*FREE]) == 2
    assert "TRACKWAY_DATABASE_URL_FILE names cannot be read" in capsys.readouterr().err
    assert main(["check-config", *FREE]) == 1


def test_probe_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert main(["probe", f"127.0.0.1:{port}"]) == 1
    assert capsys.readouterr().err == f"trackway server probe: 127.0.0.1:{port} answers UNAVAILABLE\n"
    assert main(["probe"]) == 2


def test_the_identities_file(tmp_path: Path) -> None:
    file = tmp_path / "identities.toml"
    environ = {"TRACKWAY_AUTH_IDENTITIES_FILE": str(file)}

    def found(target: Target = Target.ALL) -> list[tuple[str, str]]:
        options = ServerOptions(target=target, grpc_port=0, http_port=0, data_dir=tmp_path / "data")
        advice = advice_on(options, environ)
        return [(each.severity.value, each.what) for each in advice if each.name == "identities"]

    ((severity, what),) = found()
    assert (severity, "cannot be read" in what) == ("error", True)
    assert found(Target.TRACKING) == []
    file.write_text('[[certificates]]\ndns = "a.test"\nprincipal = "ann"\n')
    ((severity, what),) = found(Target.AUTH)
    assert (severity, "asks for none" in what) == ("warning", True)
    file.write_text("")
    assert found() == []

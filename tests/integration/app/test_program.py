"""`trackway server` as a process: how it starts, what it refuses, how it stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from trackway.client import Client
from trackway.errors import Unauthenticated
from trackway.testing import LocalServer


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def refused(*arguments: str, data_dir: Path, profile: Path) -> str:
    """Start a server that cannot start; what it says beside its log, which must be one line, with exit code 2."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    done = subprocess.run(
        [sys.executable, "-m", "trackway_server", "--data-dir", str(data_dir), *arguments],
        env={**kept, "TRACKWAY_PROFILE": str(profile)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]  # the log tells of migrations
    assert len(said) == 1, done.stderr
    assert said[0].startswith("trackway server: ")
    return said[0]


FREE = ("--grpc-port", "0", "--http-port", "0")


def test_it_tells_where_it_is_and_never_its_key(server: LocalServer) -> None:
    assert server.uri in server.log
    assert server.http_url in server.log
    assert str(server.data_dir / "admin.key") in server.log
    assert server.token not in server.log


def test_its_files_are_its_owners_alone(server: LocalServer) -> None:
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data_dir / "admin.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((server.data_dir / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data_dir / "tracking.db").stat().st_mode) == 0o600
    assert stat.S_IMODE(server.profile.stat().st_mode) == 0o600


def test_the_profile_holds_the_key(server: LocalServer) -> None:
    servers = tomllib.loads(server.profile.read_text())["servers"]
    assert servers == {server.uri.removeprefix("trackway://"): {"token": server.token}}


def test_calls_need_the_key(server: LocalServer) -> None:
    with Client(server.uri, token=server.token) as client:
        assert client.tracking.get_experiment("0").name == "Default"
    with Client(server.uri, token="tw_" + "x" * 43) as client, pytest.raises(Unauthenticated):
        client.tracking.get_experiment("0")


def test_it_listens_on_loopback_alone(server: LocalServer) -> None:
    ports = {int(url.rpartition(":")[2]) for url in (server.uri, server.http_url)}
    listening = {(address, port) for address, port in _listening(server.process.pid) if port in ports}
    assert {port for _, port in listening} == ports
    assert {address for address, _ in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}


def _listening(pid: int) -> list[tuple[str, int]]:
    import psutil

    return [
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.Process(pid).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


def test_a_data_directory_in_use_names_the_process(server: LocalServer, tmp_path: Path) -> None:
    said = refused(*FREE, data_dir=server.data_dir, profile=tmp_path / "p.toml")
    assert f"process {server.process.pid})" in said
    assert "--data-dir" in said


@pytest.mark.parametrize(("option", "other"), [("--grpc-port", "--http-port"), ("--http-port", "--grpc-port")])
def test_a_taken_port_names_the_option(option: str, other: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused(option, port, other, "0", data_dir=tmp_path / "data", profile=tmp_path / "p.toml")
    assert f"127.0.0.1:{port}" in said
    assert option in said


def test_a_database_from_the_future_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with LocalServer(data):
        pass
    with closing(sqlite3.connect(data / "registry.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    said = refused(*FREE, data_dir=data, profile=tmp_path / "p.toml")
    assert "newer Trackway" in said


@pytest.mark.parametrize("name", ["tracking.db", "artifacts.db", "registry.db"])
def test_a_database_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / name).write_bytes(b"this is no database at all, and long enough to look like one" * 50)
    assert name in refused(*FREE, data_dir=data, profile=tmp_path / "p.toml")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "admin.key").write_text("tw_" + "x" * 43)
    (data / "admin.key").chmod(0o644)
    assert "chmod 600" in refused(*FREE, data_dir=data, profile=tmp_path / "p.toml")


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        (mount / "filler").write_bytes(b"\0" * (48 << 10))
        said = refused(*FREE, data_dir=mount / "data", profile=tmp_path / "p.toml")
    finally:
        subprocess.run(["umount", str(mount)], check=True)
    assert "full" in said or "No space left" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_is_not_writable_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o500)
    assert "not writable" in refused(*FREE, data_dir=data, profile=tmp_path / "p.toml")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_good_order(number: signal.Signals, tmp_path: Path) -> None:
    with LocalServer(tmp_path / "data", arguments=FREE) as server:
        profile = server.profile.read_text()
        assert server.token in profile
        server.process.send_signal(number)
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.log
        assert not (tmp_path / "data" / "run" / "services.sock").exists()
        assert server.token not in server.profile.read_text(), "the entry of a port chosen by the system should be gone"


def test_after_kill_9_it_starts_again_on_the_same_data_ports_and_key(tmp_path: Path) -> None:
    with LocalServer(tmp_path / "data") as server:
        uri, token = server.uri, server.token
        with Client(uri, token=token) as client:
            client.tracking.create_experiment("survivor")
        server.kill()
        server.restart()
        assert (server.uri, server.token) == (uri, token)
        with Client(uri, token=token) as client:
            assert client.tracking.get_experiment(name="survivor").name == "survivor"
        assert token in server.profile.read_text()


def test_without_auth_on_loopback_no_key_is_made_or_asked_for(tmp_path: Path) -> None:
    with LocalServer(tmp_path / "data", arguments=["--insecure-no-auth"]) as server:
        assert not (tmp_path / "data" / "admin.key").exists()
        with Client(server.uri) as client:
            assert client.tracking.get_experiment("0").name == "Default"
        assert httpx.get(server.http_url).status_code == 200
        assert "every caller on this machine" in server.log


def test_services_run_alone_on_one_data_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ready = tmp_path / "ready.json"
    environ = {**os.environ, "TRACKWAY_READY_FILE": str(ready), "TRACKWAY_PROFILE": str(tmp_path / "p.toml")}
    command = [
        sys.executable,
        "-m",
        "trackway_server",
        "--data-dir",
        str(data),
        "--target",
        "tracking",
        "--grpc-port",
        "0",
    ]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as tracking:
        try:
            assert tracking.stdout is not None
            assert "target tracking" in tracking.stdout.readline()
            tracking.stdout.read(1)
            said = refused(*FREE, "--target", "tracking", data_dir=data, profile=tmp_path / "p.toml")
            assert f"process {tracking.pid})" in said
        finally:
            tracking.terminate()
    assert tracking.returncode == 0
    assert json.loads(ready.read_text())["http_port"] is None

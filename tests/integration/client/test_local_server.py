"""`trackway.testing.LocalServer`, and a client through the server's ups and downs."""

from __future__ import annotations

import os
import threading
from itertools import islice
from pathlib import Path

import pytest

from trackway import errors
from trackway.client import Client
from trackway.testing import LocalServer


def test_it_starts_on_free_ports_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with LocalServer() as server:
        assert server.token.startswith("tw_")
        assert server.token not in server.log
        assert (server.profile.stat().st_mode & 0o777) == 0o600
        process, folder = server.process, server.data_dir.parent
        with Client(server.uri, token=server.token) as client:
            assert client.tracking.get_experiment("0").name == "Default"
        monkeypatch.setenv("TRACKWAY_PROFILE", str(server.profile))
        with Client(server.uri) as client:
            assert client.tracking.get_experiment(name="Default").experiment_id == "0"
    assert process.poll() == 0
    assert not folder.exists()
    assert os.listdir(tmp_path) == []


def test_data_outlives_kill_restart_and_stop(tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "data")
    with server:
        uri, url = server.uri, server.http_url
        with Client(uri, token=server.token) as client:
            run_id = client.tracking.create_run(run_name="kept").info.run_id
            server.kill()
            with pytest.raises(errors.Unavailable, match="no server answers"):
                client.tracking.get_run(run_id)
            server.restart()
            assert (server.uri, server.http_url) == (uri, url)
            assert client.tracking.get_run(run_id).info.run_name == "kept"
            server.restart()
            assert client.tracking.get_run(run_id).info.run_name == "kept"
    with server, Client(server.uri, token=server.token) as client:
        assert client.tracking.get_run(run_id).info.run_name == "kept"


def test_a_watch_outlives_kills_of_the_server() -> None:
    with LocalServer() as server, Client(server.uri, token=server.token) as client:
        client.registry.create_model("digits")
        seen: list[str | None] = []
        begun = threading.Event()

        def watch() -> None:
            for event in islice(client.registry.watch("digits", from_start=True), 4):
                seen.append(event.details.get("key"))
                begun.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert begun.wait(20)
        for key in ("a", "b", "c"):
            server.kill()
            server.restart()
            client.registry.set_model_tags("digits", {key: "x"})
        watcher.join(60)
    assert seen == [None, "a", "b", "c"]


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.Unavailable, match="ended before it served"):
        LocalServer(tmp_path / "file").start()


def test_use_before_start_is_refused() -> None:
    server = LocalServer()
    for read in (lambda: server.process, lambda: server.data_dir, lambda: server.token):
        with pytest.raises(errors.FailedPrecondition, match="call start"):
            read()
    server.stop()

"""Importing from a server that is no honest one: what it answers has an end, and steers no terminal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from trackway.cli.output import print_json, print_json_line
from trackway.errors import InvalidArgument, TrackwayError, Unavailable
from trackway.importing import rest_calls
from trackway.importing.rest import RestSource

Answer = Callable[[str], tuple[int, dict[str, str], bytes]]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The address of a server that says what `answer` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_pages_without_end() -> None:
    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps({"experiments": [], "next_page_token": "again"}).encode()

    with answering(answer) as url, pytest.raises(InvalidArgument, match="no last page"):
        RestSource(url).experiments()


@pytest.mark.parametrize("status", [200, 403])
def test_a_bomb_is_not_unpacked(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_calls, "MOST_BYTES", 1 << 20)
    bomb = gzip.compress(b" " * (8 << 20))
    with (
        answering(lambda path: (status, {"content-encoding": "gzip"}, bomb)) as url,
        pytest.raises(InvalidArgument, match="bytes at once"),
    ):
        RestSource(url)


def test_nothing_is_looked_for_where_a_server_sends_us() -> None:
    asked: list[str] = []

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 302, {"location": "http://127.0.0.1:1/latest/meta-data"}, b""

    with answering(answer) as url, pytest.raises(TrackwayError, match="refuses"):
        RestSource(url)
    assert len(asked) == 1


def test_brackets_without_end() -> None:
    with (
        answering(lambda path: (200, {}, b'{"experiment": ' + b"[" * 200_000)) as url,
        pytest.raises(InvalidArgument, match="does not answer as an MLflow server"),
    ):
        RestSource(url)


def test_a_page_that_is_too_large_is_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_calls, "MOST_BYTES", 1000)
    models = [{"name": f"model {number}", "description": "x" * 200} for number in range(8)]

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        asked = parse_qs(urlsplit(path).query)
        if "/registered-models/" not in path:
            return 200, {}, b"{}"
        first, most = int(asked.get("page_token", ["0"])[0]), int(asked["max_results"][0])
        more = {"next_page_token": str(first + most)} if first + most < len(models) else {}
        return 200, {}, json.dumps({"registered_models": models[first : first + most], **more}).encode()

    with answering(answer) as url:
        assert [each.name for each in RestSource(url).models()] == [each["name"] for each in models]


def test_a_file_has_as_many_bytes_as_were_told_of_and_comes_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_calls, "ATTEMPTS", 1)
    files = [{"path": "f", "file_size": 3}, {"path": "a/..", "file_size": 1}, {"path": "g", "file_size": "many"}]

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        listed = json.dumps({"files": files}).encode()
        return 200, {}, b"x" * 4 if path.endswith("/f") else listed if "artifacts?" in path else b"{}"

    with answering(answer) as url:
        place = RestSource(url).files("mlflow-artifacts:/1")
        found = {each.path: each for each in place.walk()}
        assert (found["f"].size, found["f"].problem) == (3, "")
        assert "whole number" in found["g"].problem
        with pytest.raises(InvalidArgument, match="more than the 3 bytes"):
            place.open("f", 3)
        monkeypatch.setattr(rest_calls, "SECONDS", -1000.0)
        for read in (lambda: place.open("f"), lambda: list(place.walk())):
            with pytest.raises(Unavailable, match="too slowly"):
                read()


MALFORMED: dict[str, Any] = {
    "experiments": [None],
    "runs": [
        {"info": {"run_id": "a" * 32, "start_time": "9" * 30}, "data": {"metrics": [{"key": "k"}]}},
        {"info": {"run_id": "b" * 32}, "data": {"tags": "no list"}},
        {"info": []},
    ],
    "metrics": [
        {"timestamp": 1, "value": 1.5, "step": 1},
        {"timestamp": "x", "value": 1},
        {"timestamp": 10**30, "value": 1},
        {"timestamp": 2, "value": {}},
    ],
    "models": [
        {"info": {"model_id": "m", "experiment_id": "7", "tags": 5}},
        {
            "info": {"model_id": "n", "experiment_id": "7", "status": 9, "creation_timestamp_ms": -1, "name": "\ud800"},
            "data": {
                "metrics": [{"key": "k", "run_id": "a" * 32, "timestamp": 1, "value": 1.5, "step": 1}, {"key": []}]
            },
        },
    ],
    "registered_models": [{"name": ["x"]}, {"name": "y", "aliases": [{"alias": "z", "version": "one"}]}],
    "model_versions": [{"name": "y", "version": "1.5"}, {"name": "y", "version": "2", "creation_timestamp": "x"}],
}


def test_what_is_malformed_is_told_of_and_the_rest_is_read() -> None:
    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        if path.startswith("/api/2.0/mlflow/experiments/search"):
            found = [{"experiment_id": "7", "name": "e"}, {"experiment_id": {}}, {"experiment_id": "8", "tags": [5]}]
            return 200, {}, json.dumps({"experiments": found}).encode()
        return 200, {}, json.dumps({name: some for name, some in MALFORMED.items() if name != "experiments"}).encode()

    told: list[tuple[str, str]] = []
    with answering(answer) as url:
        source = RestSource(url)
        source.refused = lambda what, where, reason: told.append((what, where))
        assert [each.experiment_id for each in source.experiments()] == ["7"]
        (model,) = source.logged_models("7")
        assert (model.status, model.name, model.created_us) == ("PENDING", "?", 0)
        (run,) = source.runs("7")
        (chunk,) = source.metrics(run)
        assert (chunk.values.tolist(), run.start_time_us) == ([1.5], 0)
        assert [each.values.tolist() for each in run.measured] == [[1.5]]
        (registered,) = source.models()
        assert ([each.number for each in registered.versions], registered.aliases) == ([2], {})
    assert set(told) >= {
        ("experiment", "?"),
        ("experiment", "8"),
        ("logged model", "m"),
        ("creation time", "logged model n"),
        ("metrics", "logged model n"),
        ("start time", f"run {'a' * 32}"),
        ("run", "b" * 32),
        ("run", "?"),
        ("metric 'k'", f"run {'a' * 32}"),
        ("model", "['x']"),
        ("alias", "y@z"),
        ("version", "y"),
        ("creation time", "version 2 of y"),
    }


def test_what_a_version_of_mlflow_does_not_know_is_not_there() -> None:
    """MLflow 2 answers what came with MLflow 3 with a page for people."""

    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        known = "/experiments/" in path or "/runs/search" in path
        return (200, {}, b'{"experiments": [{"experiment_id": "0"}]}') if known else (404, {}, b"<!doctype html>")

    with answering(answer) as url:
        source = RestSource(url)
        assert (list(source.runs("0")), list(source.logged_models("0")), list(source.models())) == ([], [], [])
        assert dict(source.left_out()) in ({}, {"webhooks": 0}, {"webhooks": 0, "traces": 0})


def test_names_in_json_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[2J\x9b2J\x7fé"
    print_json({"name": name})
    print_json_line([name])
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x7f"} & set(shown) and "é" in shown
    assert json.loads(shown.splitlines()[-1]) == [name]

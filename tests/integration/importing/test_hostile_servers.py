"""Importing from a server that is no honest one: what it answers has an end, and steers no terminal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from trackway.cli.output import print_json, print_json_line
from trackway.errors import InvalidArgument, TrackwayError
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


def test_names_in_json_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[2J\x9b2J\x7fé"
    print_json({"name": name})
    print_json_line([name])
    shown = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x7f"} & set(shown) and "é" in shown
    assert json.loads(shown.splitlines()[-1]) == [name]

from __future__ import annotations

import io
import json
import os
from pathlib import Path

from trackway_server.app.announce import Announcement, print_announcement, write_ready_file

TOLD = Announcement(
    version="1.2.3",
    target="all",
    host="0.0.0.0",
    grpc_port=7701,
    http_port=7700,
    data_dir=Path("/data"),
    key_file=Path("/data/admin.key"),
    profile=Path("/home/profile.toml"),
    warnings=("plain text",),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_addresses_places_and_what_to_try() -> None:
    for out in (io.StringIO(), Terminal()):
        print_announcement(TOLD, out)
        text = " ".join(out.getvalue().split())
        for said in ("1.2.3", "trackway://127.0.0.1:7701", "http://127.0.0.1:7700", "/data/admin.key", "plain text"):
            assert said in text


def test_without_auth_it_says_so() -> None:
    out = io.StringIO()
    print_announcement(Announcement("1", "tracking", "127.0.0.1", 7711, None, Path("/d"), None, None), out)
    assert "--insecure-no-auth" in out.getvalue()
    assert "target tracking" in out.getvalue()
    assert "browser" not in out.getvalue()


def test_the_ready_file_appears_whole(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    file.write_text("old")
    write_ready_file(file, TOLD)
    assert json.loads(file.read_text()) == {"grpc_port": 7701, "http_port": 7700, "pid": os.getpid()}
    assert [each.name for each in tmp_path.iterdir()] == ["ready.json"]

"""Ringing for an uplink where processes start slowly."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from trackway._ingest import doorbell


def test_a_process_starts_no_second_uplink_while_its_first_one_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "python-on-a-slow-machine"
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o700)
    monkeypatch.delenv("TRACKWAY_UPLINK", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(doorbell.sys, "executable", str(slow))
    monkeypatch.setattr(doorbell, "_children", started := [])
    root = str(tmp_path)
    try:
        assert doorbell.ring(root, {"spool": "a"})
        assert not doorbell.ring(root, {"spool": "b"}), "the one that starts was not told of it"
        assert len(started) == 1
    finally:
        for child in started:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert doorbell.ring(root, {"spool": "b"}), "another one starts once the first has gone"
    (child,) = started
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.bind(doorbell.socket_path(root))
        assert doorbell.ring(root, {"spool": "c"})
        assert bell.recv(100) == b'{"spool":"c"}'

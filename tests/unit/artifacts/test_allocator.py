"""The allocator's settings: taken where there is a glibc, without effect elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trackway_server.artifacts import allocator

PROGRAM = """
from trackway_server.artifacts.allocator import keep_freed_blocks
print(keep_freed_blocks(), keep_freed_blocks())
blocks = [bytes(1 << 20) for _ in range(64)]
del blocks
print(len(bytes(1 << 20)))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own setting")
def test_setting_it_twice_is_as_setting_it_once() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert done.stdout.split() in (["True", "True", "1048576"], ["False", "False", "1048576"])


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_is_set(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator.sys, "platform", platform)
    assert not allocator.keep_freed_blocks()

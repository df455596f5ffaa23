"""A spool of a process that is gone, and whose run the server refuses: tried again at leisure, it keeps no uplink."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from support.training import run_id
from trackway._ingest import watch
from trackway._ingest.watch import REFUSED_RETRY_SECONDS, Watch
from trackway._ingest.writer import Writer
from trackway.testing import LocalServer


def abandoned(server: LocalServer, root: Path, number: int) -> Path:
    """A spool that a process left, of a run with a name that no server takes."""
    writer = Writer.open(run_id(number), uri=server.uri, token=server.token, spool_root=str(root), owns_run=True)
    writer.run_start(experiment_name="refused", run_name="two\nlines", start_time_us=time.time_ns() // 1000)
    writer.log_metric("loss", 1.0, 0)
    (meta,) = root.glob(f"{writer.run_id}/*/meta.json")
    text = meta.read_text()
    meta.write_text(text.replace(f'"pid":{os.getpid()}', '"pid":1').replace('"pid_started":', '"pid_started":9'))
    return meta.parent


async def test_it_is_tried_again_at_leisure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    paused: asyncio.Queue[tuple[float, bool, bool]] = asyncio.Queue()
    again = asyncio.Event()

    async def pause(tended: watch._Tended, seconds: float) -> None:
        paused.put_nowait((seconds, tended._awake.is_set(), tended.sending))
        await again.wait()
        again.clear()

    monkeypatch.setattr(watch._Tended, "_pause", pause)
    with LocalServer() as server:
        monkeypatch.setenv("TRACKWAY_TOKEN", server.token)
        monkeypatch.setenv("TRACKWAY_PROFILE", str(server.profile))
        abandoned(server, tmp_path, 900)
        tending = asyncio.create_task(Watch(tmp_path).run())
        for _ in range(3):
            seconds, hurried, useful = await asyncio.wait_for(paused.get(), 60)
            assert seconds == REFUSED_RETRY_SECONDS
            assert not hurried  # nobody has asked for it: the pause is the whole one
            assert not useful
            again.set()
        tending.cancel()
        await asyncio.wait([tending])


async def test_an_uplink_that_has_nothing_else_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    monkeypatch.setattr(watch, "GIVE_UP_SECONDS", 0.5)
    monkeypatch.setattr(watch, "SCAN_SECONDS", 0.05)
    with LocalServer() as server:
        monkeypatch.setenv("TRACKWAY_TOKEN", server.token)
        monkeypatch.setenv("TRACKWAY_PROFILE", str(server.profile))
        spool = abandoned(server, tmp_path, 901)
        await asyncio.wait_for(Watch(tmp_path).run(), 60)
    assert (spool / "meta.json").exists()

"""The server killed and restarted in good order, in turn, under all that clients do at once.

Nothing that was acknowledged is lost, nothing is doubled, every call has an answer by its deadline, and a restart in
good order leaves no call half done. The short form runs in `make test`, the long one in `make faults`.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from support.load_process import mixed_load
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
ROUNDS = 25 if FULL else 2

pytestmark = [pytest.mark.timeout(1800 if FULL else 240), pytest.mark.xdist_group("faults")]


def test_kill_and_graceful_restart_in_turn_under_mixed_load(tmp_path: Path) -> None:
    chance = random.Random(3)
    with LocalServer() as server, mixed_load(server.uri, server.token, tmp_path / "spools") as load:
        for number in range(ROUNDS):
            load.phase(f"kill {number}")
            time.sleep(chance.uniform(0.1, 0.5))
            server.kill()
            server.restart()
            load.phase(f"graceful {number}")
            time.sleep(chance.uniform(0.1, 0.5))
            server.restart()
        load.phase("steady again")
        report = load.report()
        assert server.process.poll() is None
    assert min(report["files"], report["versions"], report["aliases"], report["points"]) > ROUNDS, report
    assert report["failed"], "no restart was noticed: the load was none"
    half_done = {phase: count for phase, count in report["done_though_failed"].items() if "graceful" in phase}
    assert half_done == {}, f"a restart in good order cut calls that were done: {report}"
    assert not [kind for kind in report["failed"] if kind.startswith("steady")], report
    assert not [kind for kind in report["failed"] if "Deadline" in kind], report


def test_a_server_that_neither_answers_nor_hangs_up(tmp_path: Path) -> None:
    """Stopped by SIGSTOP: connections stand, and nothing comes. Every call ends at its deadline, and all goes on."""
    with LocalServer() as server, mixed_load(server.uri, server.token, tmp_path / "spools", timeout=1.5) as load:
        for number in range(ROUNDS // 2):
            load.phase(f"silent {number}")
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(2.5)
            server.process.send_signal(signal.SIGCONT)
        load.phase("steady again")
        report = load.report()
    assert any("DeadlineExceeded" in kind for kind in report["failed"]), report
    assert not [kind for kind in report["failed"] if kind.startswith("steady")], report

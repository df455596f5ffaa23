"""Services of their own, two replicas each, on PostgreSQL and S3: every replica killed and restarted in good order in
turn, and PostgreSQL, under all that clients do at once.

Nothing that was acknowledged is lost, nothing is doubled, every call has an answer by its deadline, and a replica that
goes costs no unary call that may be repeated. `make test-topology`; every replica many times in `make faults`.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.load_process import mixed_load
from support.topologies import SERVICES, TOPOLOGIES, Place, Topology, running
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
ROUNDS = 10 if FULL else 1
ONCE = ("set_alias",)
"""Calls that are sent once, since doing them twice is something else: one that is under way when its replica is killed
may fail. What became of it is looked up by the load."""

pytestmark = [
    pytest.mark.topology,
    pytest.mark.timeout(3600 if FULL else 400),
    pytest.mark.xdist_group("faults"),
]
BALANCED = [each for each in TOPOLOGIES if each.name in ("split-postgres-envoy", "all-postgres-round-robin")]
Restart = Callable[[signal.Signals], None]


def replicas(place: Place, number: int) -> dict[str, Restart]:
    """How to restart one replica of each service: another one every time."""
    if place.servers:
        return {"all": lambda how: restart(place.servers[number % len(place.servers)], how)}
    return {name: place.processes[name][number % len(place.processes[name])].restart for name in SERVICES}


def restart(server: LocalServer, how: signal.Signals) -> None:
    """End a server that way and start it again."""
    if how is signal.SIGKILL:
        server.kill()
    server.restart()


def logs(place: Place) -> list[str]:
    """What each replica of a gRPC service has logged."""
    processes = [each for name, replicas in place.processes.items() if name != "gateway" for each in replicas]
    return [server.log for server in place.servers] + [process.log.read_text() for process in processes]


@pytest.mark.parametrize("topology", BALANCED, ids=lambda topology: topology.name)
def test_replicas_and_the_database_go_in_turn_under_mixed_load(topology: Topology, tmp_path: Path) -> None:
    chance = random.Random(4)
    with running(topology) as place:
        assert place.storage is not None
        with mixed_load(place.uri, place.token, tmp_path / "spools") as load:
            for number in range(ROUNDS):
                for how in (signal.SIGKILL, signal.SIGTERM):
                    for name, again in replicas(place, number).items():
                        load.phase(f"{how.name} {name} {number}")
                        time.sleep(chance.uniform(0.1, 0.5))
                        again(how)
                load.phase(f"database {number}")
                time.sleep(chance.uniform(0.1, 0.5))
                place.storage.cluster.stop(signal.SIGINT if number % 2 else signal.SIGQUIT)
                place.storage.cluster.start()
            load.phase("steady again")
            report = load.report()
        assert [log for log in logs(place) if '"event": "call"' not in log] == [], "a replica had nothing to do"
    assert min(report["files"], report["versions"], report["aliases"], report["points"]) > 5 * ROUNDS, report
    assert not [kind for kind in report["failed"] if kind.startswith("steady")], report
    assert not [kind for kind in report["failed"] if "Deadline" in kind], report
    of_replicas = {kind: count for kind, count in report["failed"].items() if not kind.startswith("database")}
    repeated = {kind: count for kind, count in of_replicas.items() if kind.split(": ")[1] not in ONCE}
    assert repeated == {}, f"a replica that went cost calls that another one could have answered: {report}"
    assert not [kind for kind in of_replicas if kind.startswith("SIGTERM")], f"in good order nothing fails: {report}"

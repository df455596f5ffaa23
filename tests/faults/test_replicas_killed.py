"""Two Tracking servers on one PostgreSQL, and a trainer that reaches either: servers killed, PostgreSQL stopped and
crashed in the middle. What a call returned from is there exactly once."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.hop_proxy import HopProxy, hop_proxy
from support.postgres import SERVER, Cluster
from support.training import environment, exactly, run_id, steps_of, trainer, wait_until
from trackway.client import Client
from trackway.testing import LocalServer
from trackway_server.core.db.migrate import upgrade_postgres

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("faults")]

TRAINER = """
    import sys, time
    from trackway._ingest.writer import Writer
    writer = Writer.open({run!r}, uri={uri!r}, owns_run=True)
    writer.run_start(start_time_us=1)
    step = 0
    while True:
        writer.log_metric("loss", step / 3, step)
        writer.log_metrics({{"a": step, "b": -step}}, step)
        step += 1
        if step % 100 == 0:
            print(step, flush=True)
        time.sleep(0.0002)
"""


class Split:
    """The servers of a test."""

    def __init__(self, cluster: Cluster, replicas: list[LocalServer], proxy: HopProxy) -> None:
        self.cluster = cluster
        self.replicas = replicas
        self.proxy = proxy


@pytest.fixture
def split(tmp_path: Path) -> Iterator[Split]:
    with ExitStack() as stack:
        cluster = Cluster(durable=True)
        stack.callback(cluster.remove)
        upgrade_postgres(cluster.url(), "tracking", SERVER / "tracking" / "migrations")
        replicas = []
        for name in ("one", "two"):
            data = tmp_path / name
            data.mkdir(mode=0o700)
            if replicas:  # one key for both
                (data / "admin.key").write_text(replicas[0].token)
                (data / "admin.key").chmod(0o600)
            variables = {"TRACKWAY_DATABASE_URL": cluster.url()}
            replica = LocalServer(data, arguments=("--target", "tracking"), environment=variables)
            replicas.append(stack.enter_context(replica))
        ports = [int(replica.uri.rpartition(":")[2]) for replica in replicas]
        yield Split(cluster, replicas, stack.enter_context(hop_proxy(ports)))


def test_killed_replicas_and_a_restarted_database_lose_and_double_nothing(split: Split, tmp_path: Path) -> None:
    chance = random.Random(20261123)
    one, two = split.replicas
    variables = environment(one, tmp_path / "spool", TRACKWAY_URI=split.proxy.uri, TRACKWAY_UPLINK_IDLE="5")
    with trainer(TRAINER.format(run=run_id(0), uri=split.proxy.uri), variables) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for number in range(6):
            victim = (one, two)[number % 2]
            match number % 3:
                case 0:
                    victim.kill()
                    time.sleep(chance.uniform(0.1, 0.5))
                    victim.restart()
                case 1:
                    split.cluster.stop(signal.SIGINT if number < 3 else signal.SIGQUIT)
                    time.sleep(chance.uniform(0.1, 0.5))
                    split.cluster.start()
                case _:
                    split.proxy.reset()
            time.sleep(chance.uniform(0.3, 0.8))
        process.kill()
        logged = max(int(line) for line in process.stdout.read().split())
    wait_until(lambda: not list((tmp_path / "spool").glob("*/*/meta.json")), "the spool is sent", 120)
    assert min(split.proxy.connected.values()) > 0
    for replica in split.replicas:
        with Client(replica.uri, token=replica.token) as client:
            for key in ("loss", "a", "b"):
                exactly(steps_of(client, run_id(0), key), logged)
            assert client.tracking.get_run(run_id(0)).info.status == "KILLED"


def test_a_database_that_stays_away_is_waited_for(split: Split, tmp_path: Path) -> None:
    """Longer than a server waits by itself: its streams are refused for now, and the uplink comes again."""
    one, _ = split.replicas
    variables = environment(one, tmp_path / "spool", TRACKWAY_URI=split.proxy.uri, TRACKWAY_UPLINK_IDLE="5")
    with trainer(TRAINER.format(run=run_id(1), uri=split.proxy.uri), variables) as process:
        assert process.stdout is not None
        process.stdout.readline()
        split.cluster.stop()
        time.sleep(6)
        process.kill()
        logged = max(int(line) for line in process.stdout.read().split())
    split.cluster.start()
    wait_until(lambda: not list((tmp_path / "spool").glob("*/*/meta.json")), "the spool is sent", 120)
    with Client(one.uri, token=one.token) as client:
        exactly(steps_of(client, run_id(1), "loss"), logged)

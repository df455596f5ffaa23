"""A host full of ranks: one uplink for all of them. It is killed twice, and what is logged next brings another; it
outlives them, and ends their runs as they ended: FINISHED, FAILED with the exception, KILLED where one vanished."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from support.training import environment, run_id, wait_until
from trackway._ingest.discover import find_spools
from trackway.client import Client
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
RANKS = 64 if FULL else 8
POINTS = 300 if FULL else 100
"""At least, of each rank."""
PAUSE = RANKS / 1000
"""Between the points of a rank: a thousand calls a second on the host."""

pytestmark = [pytest.mark.timeout(900 if FULL else 240), pytest.mark.xdist_group("faults")]

RANK = f"""
    import os, sys, time
    from trackway._ingest import writer as module
    from trackway._ingest.writer import Writer
    module.LOOK_AFTER_US = {2_000_000 if FULL else 500_000}
    rank, run, ending, stop = int(sys.argv[1]), *sys.argv[2:]
    writer = Writer.open(run, uri=os.environ["TRACKWAY_URI"], owns_run=ending != "joins", labels={{"rank": str(rank)}})
    if ending != "joins":
        writer.run_start(start_time_us=1)
    step = 0
    while step < {POINTS} or not os.path.exists(stop):
        writer.log_metric("loss", rank + step / 7, step, context={{"rank": str(rank)}})
        step += 1
        time.sleep({PAUSE})
    print(step, flush=True)
    if ending == "finishes":
        writer.set_status(3)
    if ending == "fails":
        writer.set_status(4, "ValueError: no data")
    if ending == "vanishes":
        time.sleep(600)
    os._exit(0)  # waits for nothing: the uplink outlives it
"""


def uplinks(root: Path) -> list[int]:
    """The processes that are uplinks of this root."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"_ingest.uplink" in command and str(root).encode() in command.split(b"\0"):
                found.append(int(folder.name))
    return found


def elected_uplink(root: Path) -> int:
    """The one uplink that is left of those that several ranks may have started."""
    found: list[int] = []

    def one_is_left() -> bool:
        found[:] = uplinks(root)
        return len(found) == 1

    wait_until(one_is_left, "one uplink is elected", 120)
    return found[0]


def spent(pid: int) -> tuple[float, float]:
    """Seconds of processor that a process has used, and the MiB of memory it has."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def test_one_uplink_serves_a_host_of_ranks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, stop = tmp_path / "spools", tmp_path / "stop"
    root.mkdir()
    shared, failing, vanishing = run_id(1), run_id(2), run_id(3)
    roles = [(shared, "finishes"), (failing, "fails"), (vanishing, "vanishes")]
    roles += [(shared, "joins")] * (RANKS - len(roles))
    with LocalServer() as server, Client(server.uri, token=server.token) as client:
        variables = environment(server, root, TRACKWAY_PROFILE=str(server.profile), TRACKWAY_UPLINK_IDLE="20")
        ranks = [
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(RANK), str(rank), run, ending, str(stop)],
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank, (run, ending) in enumerate(roles)
        ]
        try:
            wait_until(lambda: len(find_spools([root])) == RANKS, "every rank has begun", 120)
            elected = elected_uplink(root)
            began, (cpu, _) = time.monotonic(), spent(elected)
            time.sleep(8 if FULL else 0.5)
            (after, memory), passed = spent(elected), time.monotonic() - began
            if FULL:
                with capsys.disabled():
                    load = f"{100 * (after - cpu) / passed:.1f} % of a core, {memory:.0f} MiB"
                    print(f"\n{RANKS} ranks, about {1 / PAUSE * RANKS:.0f} calls a second: the uplink takes {load}")
            for _ in range(2):
                killed = elected_uplink(root)
                os.kill(killed, signal.SIGKILL)
                wait_until(lambda gone=killed: gone not in uplinks(root), "it is gone")  # type: ignore[misc]
            elected_uplink(root)
            stop.touch()
            logged = [int(rank.stdout.readline()) for rank in ranks if rank.stdout is not None]
            ranks[2].kill()
            assert [rank.communicate(timeout=120)[1] for rank in ranks] == [""] * RANKS
        finally:
            for rank in ranks:
                rank.kill()
                rank.wait()
        wait_until(lambda: not find_spools([root]), "every spool is sent", 240)
        series = [one for run in (shared, failing, vanishing) for one in client.tracking.read_series(run, "loss")]
        found = {int(one.context["rank"]): one for one in series}
        assert sorted(found) == list(range(RANKS)) and len(series) == RANKS
        for rank, one in found.items():
            assert one.steps.tolist() == list(range(logged[rank]))
            assert one.values.tolist() == [rank + step / 7 for step in range(logged[rank])]
        ends = [client.tracking.get_run(run).info for run in (shared, failing, vanishing)]
        assert [end.status for end in ends] == ["FINISHED", "FAILED", "KILLED"]
        assert ends[1].status_message == "ValueError: no data"

"""R10: params of 4 MiB. A run has a bound, a page of runs fits one message, and the server's memory stays as it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.training import run_id
from trackway._ingest.sync import sync_spools
from trackway._ingest.writer import Writer
from trackway.client import Client
from trackway.errors import ResourceExhausted
from trackway.testing import LocalServer

MIB = 1 << 20
RUNS = 6

pytestmark = pytest.mark.xdist_group("hostile")


def peak(server: LocalServer) -> int:
    """The most memory that the server has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def test_a_run_is_bounded_and_a_list_of_large_ones_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    with LocalServer() as server, Client(server.uri, token=server.token) as client:
        before = peak(server)
        for number in range(RUNS):
            writer = Writer.open(run_id(number), uri=server.uri, spool_root=str(tmp_path), owns_run=True)
            writer.run_start(start_time_us=number + 1)
            for param in range(4):
                writer.set_params({f"p{param}": "x" * (4 * MIB - 100)})
            writer.set_tags({"small": "kept"})
            writer.log_metric("loss", 1.0, 0)
            writer.set_status(3)
            writer.close()
        report = sync_spools(tmp_path, token=server.token)
        assert report.ok
        assert [spool.progress.refused for spool in report.spools] == [1] * RUNS
        found = list(client.tracking.search_runs(["0"]))
        assert [run.info.run_id for run in found] == [run_id(number) for number in reversed(range(RUNS))]
        for run in found:
            assert (sorted(run.data.params), run.data.tags["small"]) == (["p0", "p1", "p2"], "kept")
            assert (run.info.status, run.info.refused_count) == ("FINISHED", 1)
        one = client.tracking.get_run(run_id(0))
        assert one.data.params == found[-1].data.params
        with pytest.raises(ResourceExhausted, match="12,582,912 characters together"):
            client.tracking.log_batch(run_id(0), params={"more": "x" * MIB})
        client.tracking.log_batch(run_id(0), params={"p0": one.data.params["p0"]})  # as it is already
        assert peak(server) - before < 450 * MIB
        assert "call_failed" not in server.log

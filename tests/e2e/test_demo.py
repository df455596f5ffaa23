"""`trackway demo` as a newcomer runs it, and what it says when something is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trackway.client import Client
from trackway.testing import LocalServer


def demo(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the demo with profile, spools and data under the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    own = {
        "TRACKWAY_PROFILE": str(folder / "profile.toml"),
        "TRACKWAY_SPOOL_DIR": str(folder / "spools"),
        "COLUMNS": "120",
    }
    script = "from trackway.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, "demo", *arguments],
        env={**kept, **own, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=220,
    )


def test_the_whole_way_with_a_server_of_its_own_and_then_again(tmp_path: Path) -> None:
    done = demo(tmp_path, "--data-dir", str(tmp_path / "data"), "--grpc-port", "0", "--http-port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    points = re.search(r"points durable +([\d,]+), read back", done.stdout)
    assert points is not None
    assert int(points[1].replace(",", "")) > 10_000
    assert re.search(r"accuracy +9\d\.\d%", done.stdout)
    with LocalServer(tmp_path / "data") as server:
        again = demo(tmp_path, TRACKWAY_URI=server.uri, TRACKWAY_TOKEN=server.token)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "started for the demo" not in again.stdout
        assert server.process.poll() is None, "the demo stops only what it started"
        with Client(server.uri, token=server.token) as client:
            stages = {each.version: each.stage for each in client.registry.search_versions(name="digits")}
            assert stages == {1: "Archived", 2: "Production"}
            parents = [run for run in client.tracking.search_runs() if not run.info.parent_run_id]
            assert len(parents) == 2
            for run in parents:
                assert run.inputs.dataset_inputs[0].dataset.name == "digits"
                assert len(run.inputs.dataset_inputs[0].dataset.digest) == 64
                assert len(list(client.tracking.search_runs(parent_run_id=run.info.run_id))) == 4


@pytest.mark.parametrize("arguments", [[], ["--grpc-port", "1"]])
def test_a_configured_server_that_is_not_there_is_one_clear_line(tmp_path: Path, arguments: list[str]) -> None:
    done = demo(tmp_path, *arguments, TRACKWAY_URI="trackway://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "127.0.0.1:1" in done.stderr


def test_a_wrong_key_is_one_clear_line(tmp_path: Path) -> None:
    with LocalServer(tmp_path / "data") as server:
        done = demo(tmp_path, TRACKWAY_URI=server.uri, TRACKWAY_TOKEN="tw_" + "x" * 43)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "TRACKWAY_TOKEN" in done.stderr


def test_a_server_that_cannot_start_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tracking.db").write_bytes(b"no database" * 500)
    done = demo(tmp_path, "--data-dir", str(tmp_path / "data"), "--grpc-port", "0", "--http-port", "0")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "tracking.db" in done.stderr


def test_a_worker_that_dies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trackway.demo import training
    from trackway.demo.data import load_digits
    from trackway.demo.failure import DemoFailure

    monkeypatch.setattr(training, "write_shards", lambda *_: [tmp_path / f"missing-{rank}.npz" for rank in range(4)])
    with pytest.raises(DemoFailure, match=r"worker \d stopped: .*missing-\d\.npz"):
        training.train_distributed(load_digits(), tmp_path, "0" * 32, lambda _: None)

"""Real torch: DataLoader workers by every start method, four ranks of DistributedDataParallel that write one run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support.training import environment
from trackway.client import Client
from trackway.testing import LocalServer

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
# Asked before conftest.py takes the variables of the tester away.
PYTHON = os.environ.get("TRACKWAY_TORCH_PYTHON", "")
RANKS = 4
STEPS = 200
SAMPLES = 64
EPOCHS = 2

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="needs torch, 0.9 GB, in an environment of its own: make test-torch"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as opened:
        yield opened


def run_torch(server: LocalServer, spools: Path, *words: str, **more: str) -> str:
    """What torch's Python prints; it has the client of this checkout and nothing else of it."""
    variables = environment(server, spools, PYTHONPATH=str(ROOT / "client"), OMP_NUM_THREADS="1", **more)
    told = subprocess.run(
        [str(ROOT / PYTHON), *words], env=variables, capture_output=True, text=True, timeout=300, cwd=spools.parent
    )
    assert told.returncode == 0, told.stderr
    assert "Traceback" not in told.stderr, told.stderr
    assert "trackway" not in told.stderr, told.stderr
    return told.stdout


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_data_loader_log(server: LocalServer, client: Client, tmp_path: Path, method: str) -> None:
    words = (str(HERE / "loader_training.py"), method, str(SAMPLES), str(EPOCHS))
    run = run_torch(server, tmp_path / "spools", *words).strip()
    loaded = client.tracking.read_series(run, "loaded")
    assert {series.context["worker"] for series in loaded} == {"0", "1"}
    assert len(loaded) == 2 * EPOCHS  # workers are started for each epoch, and each is a writer of its own
    steps = np.concatenate([series.steps for series in loaded])
    assert sorted(steps.tolist()) == sorted(list(range(SAMPLES)) * EPOCHS)
    for series in loaded:
        assert (series.values == series.steps / 3).all()
        assert (np.diff(series.steps) > 0).all()  # in the order in which the worker logged them
    (loss,) = client.tracking.read_series(run, "loss")
    means = [4 * batch + 1.5 for batch in range(SAMPLES // 4)] * EPOCHS
    assert (loss.steps.tolist(), loss.values.tolist()) == (list(range(len(means))), means)
    assert client.tracking.get_run(run).info.status == "FINISHED"


def test_four_ranks_of_ddp_write_one_run(server: LocalServer, client: Client, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", str(RANKS))
    meeting = ("--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0")
    program = (str(HERE / "ddp_training.py"), str(STEPS), str(out))
    more = {"TRACKWAY_RANK_CONTEXT": "always", "GLOO_SOCKET_IFNAME": "lo"}
    run_torch(server, tmp_path / "spools", *torchrun, *meeting, *program, **more)
    run = (out / "run").read_text()
    series = {one.context["rank"]: one for one in client.tracking.read_series(run, "loss")}
    assert sorted(series) == [str(rank) for rank in range(RANKS)]
    for rank in range(RANKS):
        logged = np.array([float.fromhex(text) for text in json.loads((out / f"{rank}.json").read_text())])
        own = series[str(rank)]
        assert own.steps.tolist() == list(range(STEPS))
        assert own.values.tobytes() == logged.tobytes()
    every = np.stack([series[str(rank)].values for rank in range(RANKS)])
    (over_ranks,) = client.tracking.read_aggregates(run, "loss")
    assert (over_ranks.member_count, over_ranks.context) == (RANKS, {})
    assert over_ranks.steps.tolist() == list(range(STEPS))
    assert (over_ranks.min_values == every.min(axis=0)).all() and (over_ranks.max_values == every.max(axis=0)).all()
    np.testing.assert_allclose(over_ranks.mean_values, every.mean(axis=0), rtol=1e-12)
    weights = client.tracking.read_series(run, "weight")
    assert len(weights) == RANKS
    assert all(one.values.tobytes() == weights[0].values.tobytes() for one in weights)  # DDP keeps them the same
    labels = [writer.labels["rank"] for writer in client.tracking.list_writers(run)]
    assert sorted(labels) == sorted(series)
    assert client.tracking.get_run(run).info.status == "FINISHED"

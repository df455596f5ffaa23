"""One of the distributed trainers: `python -m trackway.demo.worker CONFIG`, a process of its own.

It trains on its shard with its own hyper-parameters and, every few steps, hands its weights over and goes on with the
mean of all workers' (local SGD: Stich 2019, arXiv:1805.09767). Every step is logged twice: to the one run of the whole
training, in the context of its rank, and to a nested run of its own.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import trackway
from trackway.demo.data import Features, Labels, read_shard
from trackway.demo.network import Step, Vector, initial_weights, train_step

if TYPE_CHECKING:
    from trackway._fluent.run import ActiveRun

_FLUSH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker is told."""

    rank: int
    run_id: str
    """The run of the whole training."""
    shard: str
    channel: int
    """File descriptor to the process that averages the weights."""
    learning_rate: float
    batch_size: int
    steps: int
    average_every: int
    seed: int


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a worker says at its end."""

    rank: int
    nested_run_id: str
    shared_points: int
    nested_points: int
    durable: bool
    problem: str


def main() -> int:
    """Train, log, report."""
    config = WorkerConfig(**json.loads(sys.argv[1]))
    with Connection(config.channel) as channel:
        report = train(config, channel)
        channel.send_bytes(json.dumps(asdict(report)).encode())
    return 0


def train(config: WorkerConfig, channel: Connection) -> WorkerReport:
    """The training loop, inside the two runs it writes."""
    x, y = read_shard(Path(config.shard))
    own_run = trackway.start_run(run_name=f"worker-{config.rank}", parent_run_id=config.run_id)
    shared_run = trackway.attach_run(config.run_id, context={"rank": str(config.rank)})
    with own_run, shared_run:
        own_run.log_params(
            {
                "rank": config.rank,
                "learning_rate": config.learning_rate,
                "batch_size": config.batch_size,
                "seed": config.seed,
                "shard_examples": len(y),
            }
        )
        points = _loop(config, channel, x, y, own_run, shared_run)
        states = [run.flush(_FLUSH_SECONDS) for run in (shared_run, own_run)]
    problem = next((state.problem for state in states if not state.durable), "")
    durable = all(state.durable for state in states)
    return WorkerReport(config.rank, own_run.info.run_id, *points, durable=durable, problem=problem)


def _loop(
    config: WorkerConfig, channel: Connection, x: Features, y: Labels, own_run: ActiveRun, shared_run: ActiveRun
) -> tuple[int, int]:
    generator = np.random.default_rng(config.seed)
    weights = initial_weights(seed=0)
    shared_points = nested_points = 0
    for number in range(config.steps):
        chosen = generator.integers(0, len(y), config.batch_size)
        step = train_step(weights, x[chosen], y[chosen])
        rate = config.learning_rate * (1.0 - number / config.steps)
        weights = weights - rate * step.gradient
        shared_points += _log(shared_run, number, _shared_metrics(step))
        nested_points += _log(own_run, number, {"loss": step.loss, "learning_rate": rate})
        if (number + 1) % config.average_every == 0:
            weights = _averaged(channel, weights)
    nested_points += _log(own_run, config.steps, {"shard_accuracy": train_step(weights, x, y).accuracy})
    return shared_points, nested_points


def _shared_metrics(step: Step) -> dict[str, float]:
    return {"loss": step.loss, "accuracy": step.accuracy, "gradient_norm": float(np.linalg.norm(step.gradient))}


def _log(run: ActiveRun, number: int, metrics: dict[str, float]) -> int:
    run.log_metrics(metrics, step=number)
    return len(metrics)


def _averaged(channel: Connection, weights: Vector) -> Vector:
    channel.send_bytes(weights.tobytes())
    return np.frombuffer(channel.recv_bytes(), np.float64)


if __name__ == "__main__":
    sys.exit(main())

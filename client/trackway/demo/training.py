"""Starts the four workers and averages their weights as they ask for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np

from trackway.demo.data import Digits, write_shards
from trackway.demo.failure import DemoFailure
from trackway.demo.network import Vector
from trackway.demo.worker import WorkerConfig, WorkerReport

WORKERS = 4
STEPS = 1500
AVERAGE_EVERY = 10
LEARNING_RATES = (0.2, 0.3, 0.4, 0.5)
BATCH_SIZES = (16, 24, 32, 48)

_ANSWER_SECONDS = 90.0
_EXIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of the training: the mean of the workers' weights, and what each worker says."""

    weights: Vector
    reports: tuple[WorkerReport, ...]


def train_distributed(digits: Digits, folder: Path, run_id: str, progress: Callable[[int], None]) -> Trained:
    """Train in four processes on four shards. `progress` hears the number of steps that all have done.

    Raises DemoFailure with one line where a worker fails.
    """
    configs = _configs(write_shards(digits, folder, WORKERS), run_id)
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(config, folder)) for config in configs]
        return _average_until_done(workers, progress)


@dataclass(frozen=True, slots=True)
class _Worker:
    rank: int
    channel: Connection
    process: subprocess.Popen[bytes]
    errors: Path

    def receive(self) -> bytes:
        try:
            return self.channel.recv_bytes()
        except (EOFError, OSError):
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_EXIT_SECONDS)  # its last words come after its end of the channel is closed
            raise self.failure("stopped") from None

    def failure(self, what: str) -> DemoFailure:
        lines = self.errors.read_text(errors="replace").strip().splitlines()
        return DemoFailure(f"worker {self.rank} {what}: {lines[-1] if lines else 'it said nothing'}")


def _configs(shards: list[Path], run_id: str) -> list[WorkerConfig]:
    return [
        WorkerConfig(
            rank=rank,
            run_id=run_id,
            shard=str(shard),
            channel=-1,
            learning_rate=LEARNING_RATES[rank],
            batch_size=BATCH_SIZES[rank],
            steps=STEPS,
            average_every=AVERAGE_EVERY,
            seed=rank,
        )
        for rank, shard in enumerate(shards)
    ]


@contextmanager
def _worker(config: WorkerConfig, folder: Path) -> Iterator[_Worker]:
    ours, theirs = Pipe()
    errors = folder / f"worker-{config.rank}.err"
    told = json.dumps({**asdict(config), "channel": theirs.fileno()})
    command = [sys.executable, "-m", "trackway.demo.worker", told]
    with ours, errors.open("wb") as stderr:
        with theirs:
            process = subprocess.Popen(command, stderr=stderr, pass_fds=[theirs.fileno()])  # noqa: S603 - our own module
        try:
            yield _Worker(config.rank, ours, process, errors)
            _reap(process)
        finally:
            process.kill()
            process.wait()


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        code = process.wait(_EXIT_SECONDS)
    except subprocess.TimeoutExpired:
        raise DemoFailure(f"a worker did not end within {_EXIT_SECONDS:.0f} s after its report") from None
    if code:
        raise DemoFailure(f"a worker ended with exit code {code}")


def _average_until_done(workers: list[_Worker], progress: Callable[[int], None]) -> Trained:
    mean: Vector | None = None
    for done in range(AVERAGE_EVERY, STEPS + 1, AVERAGE_EVERY):
        mean = np.mean([np.frombuffer(message, np.float64) for message in _from_all(workers)], axis=0)
        for worker in workers:
            worker.channel.send_bytes(mean.tobytes())
        progress(done)
    if mean is None:
        raise DemoFailure("the training has no steps")
    reports = (WorkerReport(**json.loads(message)) for message in _from_all(workers))
    return Trained(mean, tuple(reports))


def _from_all(workers: list[_Worker]) -> list[bytes]:
    messages: dict[int, bytes] = {}
    while missing := [worker for worker in workers if worker.rank not in messages]:
        ready = wait([worker.channel for worker in missing], _ANSWER_SECONDS)
        if not ready:
            raise missing[0].failure(f"has not answered for {_ANSWER_SECONDS:.0f} s")
        messages.update((worker.rank, worker.receive()) for worker in missing if worker.channel in ready)
    return [messages[worker.rank] for worker in workers]

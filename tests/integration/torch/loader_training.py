"""A training whose DataLoader's workers log, too: `loader_training.py METHOD SAMPLES EPOCHS`; prints the run id.

Each worker logs every sample it loads, and the training process what it does with them, at the same time.
"""

from __future__ import annotations

import sys

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

import trackway


class Samples(Dataset[torch.Tensor]):
    """Numbers that are logged where they are loaded."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> torch.Tensor:
        trackway.log_metric("loaded", index / 3, step=index)
        return torch.full((4,), float(index))


class Joining:
    """What a worker does first. A class, since spawned workers get it by pickle."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def __call__(self, worker: int) -> None:
        assert get_worker_info().id == worker
        trackway.attach_run(self.run_id, context={"worker": worker})


def main() -> None:
    """Train a little."""
    method, samples, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with trackway.start_run(run_name=method) as run:
        loader = DataLoader(
            Samples(samples),
            batch_size=4,
            num_workers=2,
            multiprocessing_context=method,
            worker_init_fn=Joining(run.info.run_id),
        )
        step = 0
        for _ in range(epochs):
            for batch in loader:
                trackway.log_metrics({"loss": batch.mean(), "size": batch.shape[0]}, step=step)
                step += 1
    print(run.info.run_id)


if __name__ == "__main__":
    main()

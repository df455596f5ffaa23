"""One rank of a real training with DistributedDataParallel, as torchrun starts it: `ddp_training.py STEPS FOLDER`.

It writes the losses that it logged to FOLDER/RANK.json, as hexadecimal floats, and rank 0 the run id to FOLDER/run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import trackway


def main() -> None:
    """Train, all ranks into one run."""
    steps, folder = int(sys.argv[1]), Path(sys.argv[2])
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    chosen: list[str | None] = [None]
    if rank == 0:
        chosen = [trackway.start_run(run_name="four ranks").info.run_id]
        (folder / "run").write_text(str(chosen[0]))
    dist.broadcast_object_list(chosen)
    if rank != 0:
        trackway.attach_run(chosen[0])

    torch.manual_seed(rank)
    model = DistributedDataParallel(torch.nn.Linear(8, 1))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    logged = []
    for step in range(steps):
        inputs = torch.randn(16, 8)
        loss = ((model(inputs) - inputs.sum(1, keepdim=True)) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        trackway.log_metrics({"loss": loss.detach(), "weight": model.module.weight.detach()[0, 0]}, step=step)
        logged.append(loss.item().hex())
    (folder / f"{rank}.json").write_text(json.dumps(logged))
    trackway.end_run()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()

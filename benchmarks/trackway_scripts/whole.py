"""A whole training process: start a run, one metric, end; the end waits until all is durable."""

from __future__ import annotations

import trackway
from benchmarks.timing import answer


def main() -> None:
    with trackway.start_run() as run:
        trackway.log_metric("loss", 0.5, step=0)
    answer(run_id=run.info.run_id)


if __name__ == "__main__":
    main()

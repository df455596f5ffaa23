"""A whole training process: start a run, one metric, finish; ends with an error unless all is durable."""

from __future__ import annotations

import sys

import trackway
from benchmarks.timing import answer


def main() -> None:
    run = trackway.start_run()
    trackway.log_metric("loss", 0.5, step=0)
    state = run.finish(timeout=60)
    if not state.durable:
        sys.exit(f"not durable: {state}")
    answer(run_id=run.info.run_id)


if __name__ == "__main__":
    main()

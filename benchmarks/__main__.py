"""`python -m benchmarks`: Trackway beside MLflow in one run; a table on the terminal and in benchmarks/results.md.

It changes nothing outside the checkout: data, spools and profile live in a folder that is removed at the end.
Only a full run (no option but --json) rewrites results.md. Exit status 1: a figure FAILED; a missed goal is no failure.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks import (
    deployments,
    disk,
    growth,
    hot_path,
    ingest,
    memory,
    peer,
    reading,
    report,
    resolving,
    rest,
    search,
    start_up,
    uplink,
    writers,
)
from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.machine import machine_lines
from benchmarks.ours import Ours
from benchmarks.processes import ROOT, BenchmarkError

RESULTS = Path(__file__).parent / "results.md"

FIGURES: dict[str, Callable[[Bench], list[Row]]] = {
    "P1": hot_path.log_calls,
    "P2": ingest.bulk_arrays,
    "P3": ingest.training_loop,
    "P4": writers.many_writers,
    "P5": reading.chart,
    "P6": reading.everything,
    "P7": search.searches,
    "P7M": search.searches_of_many,
    "P8": disk.compacted_size,
    "P9": start_up.server_start,
    "P10": start_up.import_cost,
    "P11": start_up.first_metric,
    "P12": start_up.whole_process,
    "P14": resolving.resolve,
    "P16": memory.idle_server,
    "P17": uplink.steady_logging,
    "GROW": growth.growth,
    "REPL": deployments.deployments,
    "REST": rest.rest,
}
APART = frozenset({"P7M"})
"""Measured only where it is named: it takes many minutes, and gigabytes of disk."""
# What starts servers of its own comes first: from then on MLflow's shared server stays in memory.
ORDER = (
    "P9",
    "P10",
    "P16",
    "P11",
    "P12",
    "P1",
    "P2",
    "P3",
    "P4",
    "P5",
    "P6",
    "P7",
    "P8",
    "P14",
    "P17",
    "REST",
    "GROW",
    "REPL",
    "P7M",
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    only: tuple[str, ...]
    quick: bool
    peer: bool
    json: bool

    @property
    def full(self) -> bool:
        return not self.quick and self.peer and set(self.only) >= set(FIGURES) - APART


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    console = Console(stderr=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=ROOT, ignore_cleanup_errors=True) as work:
        machine = machine_lines(Path(work))
        rows, problems = _measure(options, Path(work), console)
    rows.sort(key=lambda row: list(FIGURES).index(row.figure))
    load = os.getloadavg()[0]
    machine += [f"{time.monotonic() - started:.0f} s in all; load average at the end {load:.1f}", *problems]
    _print(options, rows, machine, console)
    return 1 if any(row.failure for row in rows) else 0


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").split("\n\n", maxsplit=1)[0]
    )
    parser.add_argument(
        "--only",
        default=",".join(name for name in FIGURES if name not in APART),
        metavar="P1,P2",
        help=f"figures to measure: {', '.join(FIGURES)} (only where named: {', '.join(sorted(APART))})",
    )
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and points")
    parser.add_argument("--no-peer", action="store_true", help="leave MLflow out")
    parser.add_argument("--json", action="store_true", help="print JSON in base units instead of the table")
    given = parser.parse_args(arguments)
    only = tuple(name.strip().upper() for name in given.only.split(",") if name.strip())
    if unknown := set(only) - set(FIGURES):
        parser.error(f"no figure named {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    return Options(only, given.quick, not given.no_peer, given.json)


def _measure(options: Options, work: Path, console: Console) -> tuple[list[Row], list[str]]:
    """The rows, and what went wrong with the peer."""
    with console.status("benchmarks") as status:

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                console.print(text, style="dim")

        if options.peer:
            peer.ensure_environment(say)
        with closing(Ours(work, say)) as ours, closing(peer.Peer(work, say)) as mlflow:
            bench = Bench(work, ours, mlflow if options.peer else None, options.quick, say)
            rows = [row for name in ORDER if name in options.only for row in _rows(name, bench, say)]
            return rows, bench.problems


def _rows(name: str, bench: Bench, say: Callable[[str], None]) -> list[Row]:
    try:
        return FIGURES[name](bench)
    except BenchmarkError as failure:
        say(f"{name} FAILED: {failure}")
        return [Row(name, (FIGURES[name].__doc__ or name).split("\n")[0], Unit.SECONDS, failure=str(failure))]


def _print(options: Options, rows: list[Row], machine: list[str], console: Console) -> None:
    if options.json:
        print(report.as_json(rows, machine))
    else:
        out = Console() if sys.stdout.isatty() else Console(width=report.WIDE)
        out.print(report.terminal_table(rows, out.width))
        for line in machine:
            out.print(line, style="dim")
    if options.full:
        RESULTS.write_text(report.markdown(rows, machine), encoding="utf-8")
        console.print(f"written: {RESULTS.relative_to(ROOT)}, and the picture beside it")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")

"""`trackway runs compare`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.connection import Json, Uri, connect
from trackway.cli.output import Column, duration, moment, number, print_json, print_line, print_table

if TYPE_CHECKING:
    from trackway.types import ComparedRow, RunComparison, RunInfo

_LONGEST = 200


def compare_runs(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="The runs' ids, two or more.")],
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also what all of them have the same.")] = False,
    contexts: Annotated[
        bool, typer.Option("--contexts", help="Also metrics with a context, such as those of ranks.")
    ] = False,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Show where runs differ: params, source, tags and the last values of metrics, side by side."""
    with connect(uri) as client:
        found = client.tracking.compare_runs(runs, only_differing=not everything, any_context=contexts)
    if as_json:
        print_json(found)
        return
    columns = [Column("", wrap=False), *(Column(title) for title in _titles(found.runs))]
    rows = [*_facts(found, everything=everything), *([row.name, *_cells(row)] for row in found.rows)]
    print_table("Comparison", columns, rows, empty="They differ in nothing.")
    if not found.rows and not everything:
        print_line("Their params, source, tags and last values are the same; --all shows them.")


def _titles(runs: Sequence[RunInfo]) -> list[str]:
    """The runs' names; those that have one name are told apart by the end of their ids."""
    names = Counter(run.run_name for run in runs)
    return [run.run_name if names[run.run_name] == 1 else f"{run.run_name} …{run.run_id[-6:]}" for run in runs]


def _facts(found: RunComparison, *, everything: bool) -> list[list[str]]:
    facts: dict[str, list[str]] = {
        "run": [run.run_id for run in found.runs],
        "experiment": [run.experiment_id for run in found.runs],
        "status": [str(run.status) for run in found.runs],
        "started": [moment(run.start_time_us) for run in found.runs],
        "took": [duration(run.start_time_us, run.end_time_us) for run in found.runs],
    }
    return [[name, *values] for name, values in facts.items() if everything or len(set(values)) > 1]


def _cells(row: ComparedRow) -> list[str]:
    cells = []
    for place, value in enumerate(row.shown):
        cut = row.cut_characters[place] if row.cut_characters else 0
        if value is None:
            cells.append("–")
        elif isinstance(value, str):
            cells.append(f"{value[:_LONGEST]}…" if cut or len(value) > _LONGEST else value)
        else:
            cells.append(number(value))
    return cells

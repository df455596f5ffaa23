"""`trackway import`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.connection import Json, Uri
from trackway.cli.output import print_json, print_line, print_pairs, size
from trackway.errors import TrackwayError

if TYPE_CHECKING:
    from trackway.importing.job import Options
    from trackway.importing.report import Report
    from trackway.importing.source import Source

app = typer.Typer(help="Bring what another tracker holds.", no_args_is_help=True)
INCOMPLETE = 3
_SHOWN = 5


@app.callback()
def importing() -> None:
    """Bring what another tracker holds."""


@app.command("mlflow")
def import_mlflow(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="http(s)://… of a server, sqlite:///… or postgresql://… of its database, or a folder (./mlruns).",
        ),
    ],
    uri: Uri = None,
    experiment: Annotated[
        list[str] | None, typer.Option("--experiment", metavar="NAME", help="This experiment alone; may be repeated.")
    ] = None,
    artifacts: Annotated[
        str,
        typer.Option(
            "--artifacts", metavar="PLACE", help="Where mlflow-artifacts: lie: the server's --artifacts-destination."
        ),
    ] = "",
    artifacts_from: Annotated[
        list[str] | None,
        typer.Option(
            "--artifacts-from",
            metavar="PLACE",
            help="Read files below this folder or s3://BUCKET/PREFIX, too, if the source names it; may be repeated.",
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="Runs at a time.")] = 4,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read everything, send nothing, say what is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import from MLflow. It may be stopped and run again at any time: nothing comes twice.

    Exit code 0: everything is there. 3: all but what the report lists. 1: it could not go on.
    """
    if not source:
        raise typer.BadParameter("name a source: an address, a database or a folder")
    from trackway.importing.job import Options, survey
    from trackway.importing.opening import open_source
    from trackway.importing.report import Report

    options = Options(tuple(experiment or ()), jobs)
    began = time.monotonic()
    with closing(open_source(source, artifacts, artifacts_from or ())) as opened, _progress() as changed:
        report = Report(opened.name, changed=changed)
        problem = None
        try:
            if dry_run:
                survey(opened, options, report)
            else:
                asyncio.run(_import(opened, uri, options, report))
        except TrackwayError as error:
            problem = error
    if as_json:
        print_json(_as_json(report, time.monotonic() - began, "" if problem is None else str(problem)))
    elif problem is None:
        _tell(report, dry_run)
    if problem is not None:
        raise problem
    if not report.complete:
        raise typer.Exit(INCOMPLETE)


async def _import(source: Source, uri: str | None, options: Options, report: Report) -> None:
    from trackway.importing.job import Job
    from trackway.importing.target import Target

    async with Target(uri) as target:
        await Job(source, target, options, report).run()


def _tell(report: Report, dry_run: bool) -> None:
    counts = report.counts
    read = (
        ("experiments", f"{counts['experiments']:,}"),
        ("runs", f"{counts['runs']:,}"),
        ("points", f"{counts['points']:,}" if dry_run else f"{counts['points_sent']:,} sent now"),
        ("params, tags", f"{counts['params']:,}, {counts['tags']:,}"),
        ("data sets", f"{counts['datasets']:,}"),
        ("files", f"{counts['files']:,} ({size(counts['file_bytes'])})"),
        ("logged models", f"{counts['logged_models']:,}"),
        ("models, versions", f"{counts['models']:,}, {counts['versions']:,}"),
    )
    print_pairs(f"{'Would import' if dry_run else 'Imported'} from {report.source}", read)
    moved = {old: new for old, new in report.experiment_ids.items() if old != new}
    print_pairs("Experiments with another id here", sorted(moved.items()))
    for name, numbers in report.version_numbers.items():
        print_pairs(f"Versions of {name} with another number here", [(str(a), str(b)) for a, b in numbers.items()])
    for note in report.notes:
        print_line(f"Note: {note}.")
    if report.left_out:
        told = ", ".join(f"{count:,} {name}" for name, count in report.left_out.items())
        print_line(f"Left out, since there is no place for it here: {told}.")
    if report.miss_count:
        print_line(f"{report.miss_count:,} things could not come:")
    for reason, misses in report.by_reason().items():
        shown = ", ".join(f"{each.what} ({each.where})" for each in misses[:_SHOWN])
        more = f" and {len(misses) - _SHOWN:,} more" if len(misses) > _SHOWN else ""
        print_line(f"  {reason}: {shown}{more}")


def _as_json(report: Report, seconds: float, problem: str) -> dict[str, object]:
    return {
        "source": report.source,
        "complete": report.complete and not problem,
        "problem": problem,
        "seconds": round(seconds, 3),
        "counts": dict(report.counts),
        "experiment_ids": report.experiment_ids,
        "version_numbers": report.version_numbers,
        "missing_count": report.miss_count,
        "missing": report.misses,
        "left_out": dict(report.left_out),
        "notes": report.notes,
    }


@contextmanager
def _progress() -> Iterator[Callable[[Report], None]]:
    if not sys.stderr.isatty():
        yield lambda report: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    more = TextColumn("{task.fields[more]}")
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), more)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, began = bar.add_task("", total=None, more=""), time.monotonic()

        def show(report: Report) -> None:
            counts = report.counts
            rate = counts["points_sent"] / max(time.monotonic() - began, 0.001)
            told = f"{counts['points_sent']:,} points ({rate:,.0f}/s) · {counts['files_sent']:,} files"
            told = f"{told} · {counts['versions']:,} versions"
            bar.update(task, completed=counts["runs"], total=counts["runs_found"] or None, more=told)

        yield show

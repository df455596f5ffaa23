"""`trackway sync`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.connection import Json, Uri
from trackway.cli.output import print_json, print_line

if TYPE_CHECKING:
    from trackway._ingest.sync import SpoolReport, SyncReport


def sync(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]…", help="Spools, or folders that hold some. Default: all of yours.", exists=True
        ),
    ] = None,
    uri: Uri = None,
    ended: Annotated[
        bool, typer.Option("--ended", help="Their processes have ended, on other machines too: close their runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Send what was recorded while no server was there. Harmless to repeat, and beside a training that goes on."""
    from trackway._ingest.sync import sync_spools

    with _progress() as progress:
        report = sync_spools(paths or None, uri=uri, ended=ended, progress=progress)
    if as_json:
        print_json({"ok": report.ok, "spools": [_as_json(spool) for spool in report.spools]})
    else:
        _tell(report)
    if not report.ok:
        raise typer.Exit(1)


def _tell(report: SyncReport) -> None:
    if not report.spools:
        print_line("There is nothing to send.")
        return
    sent = sum(spool.progress.records for spool in report.spools)
    done = [spool for spool in report.spools if not spool.problem]
    runs = len({spool.run_id for spool in done})
    print_line(f"{len(done)} of {len(report.spools)} spools are on the server: {sent:,} records of {runs} runs.")
    for spool in report.spools:
        for line in _remarks(spool):
            print_line(f"  {spool.run_id or spool.directory}: {line}")


def _remarks(spool: SpoolReport) -> list[str]:
    remarks = []
    if spool.problem:
        remarks.append(f"{spool.problem} (it stays in {spool.directory}; --uri sends it to another server)")
    if spool.progress.refused:
        remarks.append(f"the server refused {spool.progress.refused} records; `trackway runs show` tells why")
    if spool.still_open:
        remarks.append("its process is still writing; what it wrote so far is stored")
    return remarks


def _as_json(spool: SpoolReport) -> dict[str, object]:
    return {
        "directory": str(spool.directory),
        "run_id": spool.run_id,
        "records": spool.progress.records,
        "points": spool.progress.points,
        "refused": spool.progress.refused,
        "still_open": spool.still_open,
        "problem": spool.problem,
    }


@contextmanager
def _progress() -> Iterator[Callable[[SyncReport], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sending", total=None)

        def show(report: SyncReport) -> None:
            ended = sum(1 for spool in report.spools if spool.progress.complete or spool.problem or spool.still_open)
            bar.update(task, completed=ended, total=len(report.spools))

        yield show

"""`trackway runs`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli import compare, metrics, notes
from trackway.cli.connection import Json, Limit, Uri, connect, experiment_named
from trackway.cli.console import ConsolePrinter
from trackway.cli.logged_models import print_models_of
from trackway.cli.output import (
    Column,
    duration,
    moment,
    number,
    pairs_text,
    print_json,
    print_json_line,
    print_line,
    print_pairs,
    print_table,
)
from trackway.cli.series import print_series
from trackway.cli.serve import tell

if TYPE_CHECKING:
    from trackway.types import Run

app = typer.Typer(help="Runs: what was trained, and how it went.", no_args_is_help=True)

_LIST_COLUMNS = (
    Column("Run", wrap=False),
    Column("Name", spare=1),
    Column("Status", wrap=False, spare=2),
    Column("Started", wrap=False, spare=5),
    Column("Took", "right", wrap=False, spare=6),
    Column("Metrics", spare=3),
    Column("Params", spare=4),
)


app.command("metrics")(metrics.show_metrics)
app.command("compare")(compare.compare_runs)
app.command("describe")(notes.describe_run)


@app.callback()
def runs() -> None:
    """Runs: what was trained, and how it went."""


@app.command("search")
def search_runs(
    filter_text: Annotated[
        str, typer.Argument(metavar="FILTER", help="Such as: metrics.loss < 0.5 AND params.lr = '0.01'")
    ] = "",
    order_by: Annotated[
        list[str] | None,
        typer.Option("--order-by", "-o", metavar="FIELD", help="Such as: 'metrics.loss DESC'. May be repeated."),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME|ID", help="Only the runs of this experiment.")
    ] = None,
    uri: Uri = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Search runs by what was logged, in any order; the README has the language."""
    with connect(uri) as client:
        chosen = [] if experiment is None else [experiment_named(client, experiment).experiment_id]
        found = client.tracking.search_runs(
            chosen, filter=filter_text, order_by=order_by or (), page_size=min(limit, 1000)
        )
        _print_runs(list(islice(found, limit)), as_json=as_json, empty="No run holds that.")


@app.command("list")
def list_runs(
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME|ID", help="Only the runs of this experiment.")
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--parent", metavar="RUN", help="Only the runs nested in this one.")
    ] = None,
    uri: Uri = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List the runs, latest first."""
    with connect(uri) as client:
        chosen = [] if experiment is None else [experiment_named(client, experiment).experiment_id]
        found = client.tracking.search_runs(chosen, parent_run_id=parent, page_size=min(limit, 1000))
        _print_runs(list(islice(found, limit)), as_json=as_json, empty="There are no runs.")


@app.command("show")
def show_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")], uri: Uri = None, as_json: Json = False
) -> None:
    """Show one run: params, metrics, data sets, logged models, tags and what was refused."""
    with connect(uri) as client:
        found = client.tracking.get_run(run)
        refused = list(client.tracking.list_refused(run)) if found.info.refused_count else []
        if as_json:
            print_json({"run": found, "refused": refused})
            return
        _print_run(found)
        print_models_of(client, found)
    for record in refused[:20]:
        print_line(f"  refused: record {record.sequence} of writer {record.writer_id[:8]}: {record.message}")


@app.command("logs")
def show_logs(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is still written.")] = False,
    rank: Annotated[str | None, typer.Option("--rank", metavar="N", help="Only the process of this rank.")] = None,
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail", "-n", metavar="LINES", min=1, max=2**31 - 1, help="Begin with the last lines of each process."
        ),
    ] = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Show what the processes of a run wrote to their consoles (runs with log_console). --json: an object a line."""
    labels = {} if rank is None else {"rank": rank}
    with connect(uri) as client:
        blocks = client.tracking.read_console(run, labels=labels, last_lines=tail, follow=follow)
        printer, anything = ConsolePrinter(named=rank is None), False
        for block in blocks:
            anything = True
            if as_json:
                print_json_line(block)
            else:
                printer.show(block)
        printer.end()
    if not anything:
        whose = "the run" if rank is None else f"rank {rank} of the run"
        tell(f"nothing was recorded of what {whose} wrote to its console: see log_console")


def _print_runs(found: Sequence[Run], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json(found)
        return
    print_table("Runs", _LIST_COLUMNS, [_row(run) for run in found], empty=empty)


def _row(run: Run) -> tuple[str, ...]:
    name = f"↳ {run.info.run_name}" if run.info.parent_run_id else run.info.run_name
    # MLflow 3 and its autologging log for a model and a data set: beside no other value of a metric, theirs is shown.
    of_models = {each.key: each.last_value for each in run.data.series if "model_id" in each.context}
    metrics = {key: number(value) for key, value in {**of_models, **run.data.metrics}.items()}
    return (
        run.info.run_id,
        name,
        "LOST" if run.info.lost_since_us else run.info.status,
        moment(run.info.start_time_us),
        duration(run.info.start_time_us, run.info.end_time_us),
        pairs_text(metrics),
        pairs_text(run.data.params),
    )


def _print_run(run: Run) -> None:
    info = run.info
    print_pairs(info.run_name or info.run_id, [(name, value) for name, value in _facts(run) if value])
    print_pairs("Params", sorted(run.data.params.items()))
    print_series("Metrics", run.data.series)
    datasets = [
        (each.dataset.name, f"{each.dataset.digest} {each.context}".rstrip()) for each in run.inputs.dataset_inputs
    ]
    print_pairs("Data sets", datasets)
    print_pairs("Tags", sorted(run.data.tags.items()))


def _facts(run: Run) -> list[tuple[str, str]]:
    info = run.info
    return [
        ("run", info.run_id),
        ("experiment", info.experiment_id),
        ("nested in", info.parent_run_id or ""),
        ("status", " ".join(filter(None, (info.status, info.status_message)))),
        ("lost", f"not heard of since {moment(info.lost_since_us)}" if info.lost_since_us else ""),
        ("started", moment(info.start_time_us)),
        ("took", duration(info.start_time_us, info.end_time_us)),
        ("by", info.user_id),
        ("refused", f"{info.refused_count} records were not stored" if info.refused_count else ""),
    ]

"""`trackway runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.connection import Json, Limit, Uri, connect
from trackway.cli.output import (
    Column,
    duration,
    moment,
    number,
    pairs_text,
    print_json,
    print_line,
    print_pairs,
    print_table,
)

if TYPE_CHECKING:
    from trackway.client import Client
    from trackway.types import MetricSummary, Run

app = typer.Typer(help="Runs: what was trained, and how it went.", no_args_is_help=True)

_LIST_COLUMNS = (
    Column("Run", wrap=False),
    Column("Name"),
    Column("Status", wrap=False),
    Column("Started", wrap=False),
    Column("Took", "right", wrap=False),
    Column("Metrics"),
    Column("Params"),
)
_METRIC_COLUMNS = (
    Column("Metric"),
    Column("Context"),
    Column("Last", "right", wrap=False),
    Column("Step", "right", wrap=False),
    Column("Min", "right", wrap=False),
    Column("Max", "right", wrap=False),
    Column("Points", "right", wrap=False),
)


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
        chosen = [] if experiment is None else [_experiment_id(client, experiment)]
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
        chosen = [] if experiment is None else [_experiment_id(client, experiment)]
        found = client.tracking.search_runs(chosen, parent_run_id=parent, page_size=min(limit, 1000))
        _print_runs(list(islice(found, limit)), as_json=as_json, empty="There are no runs.")


@app.command("show")
def show_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")], uri: Uri = None, as_json: Json = False
) -> None:
    """Show one run: params, metrics, data sets, tags and what was refused."""
    with connect(uri) as client:
        found = client.tracking.get_run(run)
        refused = list(client.tracking.list_refused(run)) if found.info.refused_count else []
    if as_json:
        print_json({"run": found, "refused": refused})
        return
    _print_run(found)
    for record in refused[:20]:
        print_line(f"  refused: record {record.sequence} of writer {record.writer_id[:8]}: {record.message}")


def _print_runs(found: Sequence[Run], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json(found)
        return
    print_table("Runs", _LIST_COLUMNS, [_row(run) for run in found], empty=empty)


def _experiment_id(client: Client, name_or_id: str) -> str:
    if name_or_id.isascii() and name_or_id.isdigit():
        return name_or_id
    return client.tracking.get_experiment(name=name_or_id).experiment_id


def _row(run: Run) -> tuple[str, ...]:
    name = f"↳ {run.info.run_name}" if run.info.parent_run_id else run.info.run_name
    metrics = {key: number(value) for key, value in run.data.metrics.items()}
    return (
        run.info.run_id,
        name,
        run.info.status,
        moment(run.info.start_time_us),
        duration(run.info.start_time_us, run.info.end_time_us),
        pairs_text(metrics),
        pairs_text(run.data.params),
    )


def _print_run(run: Run) -> None:
    info = run.info
    print_pairs(info.run_name or info.run_id, [(name, value) for name, value in _facts(run) if value])
    print_pairs("Params", sorted(run.data.params.items()))
    rows = [_metric_row(series) for series in sorted(run.data.series, key=_series_order)]
    print_table("Metrics", _METRIC_COLUMNS, rows, empty="No metrics.")
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
        ("started", moment(info.start_time_us)),
        ("took", duration(info.start_time_us, info.end_time_us)),
        ("by", info.user_id),
        ("refused", f"{info.refused_count} records were not stored" if info.refused_count else ""),
    ]


def _series_order(series: MetricSummary) -> tuple[str, list[tuple[str, str]]]:
    return series.key, sorted(series.context.items())


def _metric_row(series: MetricSummary) -> tuple[str, ...]:
    return (
        series.key,
        _context(series.context),
        number(series.last_value),
        str(series.last_step),
        number(series.min_value),
        number(series.max_value),
        f"{series.count:,}",
    )


def _context(context: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(context.items()))

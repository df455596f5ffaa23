"""`trackway experiments`."""

from __future__ import annotations

from itertools import islice

import typer

from trackway.cli import notes
from trackway.cli.connection import Json, Limit, Uri, connect
from trackway.cli.output import Column, moment, print_json, print_table

app = typer.Typer(help="Experiments: groups of runs.", no_args_is_help=True)

app.command("describe")(notes.describe_experiment)

_COLUMNS = (Column("Id", "right", wrap=False), Column("Name"), Column("Created", wrap=False), Column("Note"))


@app.callback()
def experiments() -> None:
    """Experiments: groups of runs."""


@app.command("list")
def list_experiments(uri: Uri = None, limit: Limit = 50, as_json: Json = False) -> None:
    """List the experiments, newest first."""
    with connect(uri) as client:
        found = list(islice(client.tracking.search_experiments(page_size=min(limit, 1000)), limit))
    if as_json:
        print_json(found)
        return
    rows = [(each.experiment_id, each.name, moment(each.create_time_us), each.description[:200]) for each in found]
    print_table("Experiments", _COLUMNS, rows, empty="There are no experiments.")

"""The commands of `trackway`. Each loads what it needs when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from trackway.cli import auth, demo, doctor, experiments, importing, models, runs, sync, version
from trackway.cli.serve import run_gc, run_server

app = typer.Typer(
    name="trackway",
    help="Track training runs, keep models, and see both from a terminal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("sync")(sync.sync)
app.add_typer(experiments.app, name="experiments")
app.add_typer(runs.app, name="runs")
app.add_typer(models.app, name="models")
app.add_typer(auth.app, name="auth")
app.add_typer(importing.app, name="import")
app.command("doctor")(doctor.doctor)
app.command("version")(version.version)


@app.command(
    "server",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
def server(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Run a server on this machine. `trackway server --help` lists its options."""
    raise typer.Exit(run_server(arguments or []))


@app.command(
    "gc",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)
def collect(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Remove for good what was deleted long ago, and files nobody refers to. `trackway gc --help` lists its options."""
    raise typer.Exit(run_gc(arguments or []))

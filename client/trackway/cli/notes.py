"""`trackway runs describe` and `trackway experiments describe`: notes in Markdown."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from trackway.cli.connection import Json, Uri, connect, experiment_named
from trackway.cli.output import clean, print_json
from trackway.cli.serve import tell

Note = Annotated[str | None, typer.Argument(metavar="TEXT", help="The note, in Markdown. Without one: show it.")]
NoteFile = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="FILE", help="Take the note from a file; -: from standard input.")
]


def describe_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    text: Note = None,
    file: NoteFile = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Show or set the note of a run."""
    note = _given(text, file)
    with connect(uri) as client:
        if note is None:
            _show("run", client.tracking.get_run(run).description, as_json=as_json)
        else:
            client.tracking.describe_run(run, note)


def describe_experiment(
    experiment: Annotated[str, typer.Argument(metavar="NAME|ID", help="The experiment.")],
    text: Note = None,
    file: NoteFile = None,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Show or set the note of an experiment."""
    note = _given(text, file)
    with connect(uri) as client:
        found = experiment_named(client, experiment)
        if note is None:
            _show("experiment", found.description, as_json=as_json)
        else:
            client.tracking.update_experiment(found.experiment_id, description=note)


def _given(text: str | None, file: Path | None) -> str | None:
    if text is not None and file is not None:
        raise typer.BadParameter("give the note as TEXT or in a FILE, not both")
    if file is None:
        return text
    return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")


def _show(what: str, note: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"description": note})
    elif not note:
        tell(f"the {what} has no note: give one as TEXT")
    for line in note.splitlines():
        sys.stdout.write(f"{clean(line)}\n")

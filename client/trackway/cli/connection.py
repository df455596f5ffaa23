"""The client that commands ask, and the options that say which server it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trackway.client import Client
    from trackway.types import Experiment

Uri = Annotated[
    str | None, typer.Option("--uri", metavar="URI", help="Server, e.g. trackway://HOST:7701. Default: as configured.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000_000, help="The greatest number to print.")]


def connect(uri: str | None, workspace: str = "") -> Client:
    """A client of the server that was named, or else of the configured one. Loads gRPC."""
    from trackway.client import Client

    return Client(uri, workspace=workspace) if workspace else Client(uri)


def experiment_named(client: Client, name_or_id: str) -> Experiment:
    """The experiment of a name or, where these are digits, of an id. Raises NotFound, typer.BadParameter."""
    if not name_or_id:
        raise typer.BadParameter("name an experiment, or give its id")
    by_id = name_or_id.isascii() and name_or_id.isdigit()
    return client.tracking.get_experiment(name_or_id if by_id else None, name=None if by_id else name_or_id)

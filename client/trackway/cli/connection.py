"""The client that commands ask, and the options that say which server it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trackway.client import Client

Uri = Annotated[
    str | None, typer.Option("--uri", metavar="URI", help="Server, e.g. trackway://HOST:7701. Default: as configured.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="The greatest number to print.")]


def connect(uri: str | None, workspace: str = "") -> Client:
    """A client of the server that was named, or else of the configured one. Loads gRPC."""
    from trackway.client import Client

    return Client(uri, workspace=workspace) if workspace else Client(uri)

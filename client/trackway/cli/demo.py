"""`trackway demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def demo(
    data_dir: Annotated[
        Path, typer.Option("--data-dir", metavar="DIR", help="Data of a server that the demo starts.")
    ] = Path("trackway-data"),
    grpc_port: Annotated[
        int,
        typer.Option(
            "--grpc-port", min=0, max=65535, help="Its port; 0: any free one, and always a server of its own."
        ),
    ] = 7701,
    http_port: Annotated[int, typer.Option("--http-port", min=0, max=65535, help="Its port for browsers.")] = 7700,
    keep_server: Annotated[
        bool, typer.Option("--keep-server", help="Leave a server running that the demo started.")
    ] = False,
) -> None:
    """Train four workers into one run, register and promote the model, and ask it from a fresh process."""
    from trackway.demo.failure import DemoFailure
    from trackway.demo.server import ServerChoice
    from trackway.demo.story import tell

    try:
        tell(ServerChoice(data_dir, grpc_port, http_port, keep_server))
    except DemoFailure as failure:
        print(f"trackway demo: {failure}", file=sys.stderr)
        raise typer.Exit(1) from None

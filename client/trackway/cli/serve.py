"""Starting a server, without typer, and telling an error in one line."""

from __future__ import annotations

import sys

WRONGLY_WRITTEN = 2
"""The exit code of a command that is written wrongly, or lacks what it needs."""


def run_server(arguments: list[str]) -> int:
    """Run `trackway server`; its exit code."""
    try:
        from trackway_server.app.cli import main as server_main
    except ModuleNotFoundError as error:
        tell(f"{error.name} is missing: install the server with: pip install 'trackway[server]'")
        return WRONGLY_WRITTEN
    return server_main(arguments)


def run_gc(arguments: list[str]) -> int:
    """Run `trackway gc`; its exit code."""
    try:
        from trackway_server.app.collecting import main as collect
    except ModuleNotFoundError as error:
        tell(f"{error.name} is missing: install the server with: pip install 'trackway[server]'")
        return WRONGLY_WRITTEN
    return collect(arguments, "trackway gc")


def tell(message: str) -> None:
    """Say something on standard error."""
    print(f"trackway: {message}", file=sys.stderr)

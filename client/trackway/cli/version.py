"""`trackway version`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from trackway.cli.output import print_json

_SHOWN = ("grpcio", "protobuf", "numpy")


def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the versions of what it runs on.")] = False,
) -> None:
    """Print the version."""
    if as_json:
        print_json({"trackway": _installed("trackway"), "python": platform.python_version(), **_libraries()})
        return
    print(_installed("trackway"))


def _libraries() -> dict[str, str]:
    return {name: _installed(name) for name in _SHOWN}


def _installed(name: str) -> str:
    try:
        return installed_version(name)
    except PackageNotFoundError:
        return "unknown"

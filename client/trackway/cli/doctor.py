"""`trackway doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trackway.cli.connection import Json, Uri, connect
from trackway.cli.output import print_json, print_pairs
from trackway.errors import TrackwayError

if TYPE_CHECKING:
    from trackway.config import ServerAddress


def doctor(
    uri: Uri = None, as_json: Json = False, spools: Annotated[bool, typer.Option(help="Look for unsent spools.")] = True
) -> None:
    """Say which server is used, whether it answers and knows the key, and whether something waits to be sent."""
    from trackway import config

    address = config.resolve(uri)
    facts = {
        "server": address.uri,
        "key": _key(address),
        "profile": config.profile_path(),
        "answers": _answer(uri),
    }
    if spools:
        facts["unsent"] = _unsent()
    if as_json:
        print_json(facts)
    else:
        print_pairs("Trackway", facts.items())
    if facts["answers"] != "yes":
        raise typer.Exit(1)


def _key(address: ServerAddress) -> str:
    if address.oidc_token_file:
        return f"a token of an OIDC issuer, in {address.oidc_token_file}"
    return "found" if address.token else "none (TRACKWAY_TOKEN is not set and the profile has none)"


def _answer(uri: str | None) -> str:
    try:
        with connect(uri) as client:
            client.tracking.get_experiment("0")
    except TrackwayError as error:
        return str(error)
    return "yes"


def _unsent() -> str:
    from pathlib import Path

    from trackway._ingest.discover import find_spools
    from trackway._ingest.spool import default_root

    root = Path(default_root())
    count = len(list(find_spools([root]))) if root.exists() else 0
    return f"{count} spools in {root}" + ("; `trackway sync` sends them" if count else "")

"""Addresses of artifacts as the plugin hands them to MLflow.

| Address                                  | Names                                      |
|------------------------------------------|--------------------------------------------|
| `trackway://HOST:PORT/runs/RUN_ID`       | the artifacts of a run                     |
| `trackway://HOST:PORT/logged-models/m-ID`| the files of a logged model                |
| `trackway://HOST:PORT/models/NAME/3`     | the files of a version of a model          |
| `trackway://HOST:PORT/experiments/ID`    | where those of an experiment's runs belong |

A path of a file may follow. They hold the server, so that they name the same files whatever MLflow's tracking address
is. `trackways://` in the same places is TLS.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from trackway import config
from trackway.errors import InvalidArgument

_FORMS = "trackway://HOST:PORT/runs/RUN_ID/PATH or trackway://HOST:PORT/models/NAME/VERSION/PATH"
_ADDRESS = re.compile(
    r"(trackways?://[^/]+)/"
    r"(runs/[0-9a-f]{32}|logged-models/m-[0-9a-f]{32}|models/[^/]+/[1-9][0-9]{0,9})"
    r"(?:/(.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class OwnedPlace:
    """A folder (empty: the whole) of the files of a run, or of a logged model (its id begins with `m-`)."""

    server: str
    owner: str
    path: str = ""

    @property
    def is_run(self) -> bool:
        """Whether a run owns them."""
        return not self.owner.startswith("m-")


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """A folder (empty: the whole) of the files of a version of a model."""

    server: str
    name: str
    version: int
    path: str = ""


def of_experiment(server: str, experiment_id: str) -> str:
    """The address that MLflow shows as an experiment's artifact location."""
    return f"{server}/experiments/{experiment_id}"


def of_run(server: str, run_id: str) -> str:
    """The address of a run's artifacts."""
    return f"{server}/runs/{run_id}"


def of_logged_model(server: str, model_id: str) -> str:
    """The address of the files of a logged model."""
    return f"{server}/logged-models/{model_id}"


def of_version(server: str, name: str, version: int) -> str:
    """The address of the files of a version."""
    return f"{server}/models/{quote(name, safe='')}/{version}"


def parse(uri: str) -> OwnedPlace | VersionPlace:
    """What an address names. Raises InvalidArgument."""
    found = _ADDRESS.fullmatch(str(uri).rstrip("/"))
    if found is None:
        raise InvalidArgument(f"{uri!r} names no artifacts of a Trackway server: write {_FORMS}")
    server, (kind, *names), path = config.parse_uri(found[1]).uri, found[2].split("/"), below("", found[3] or "")
    if kind != "models":
        return OwnedPlace(server, names[0], path)
    return VersionPlace(server, unquote(names[0]), int(names[1]), path)


def below(folder: str, path: str | None) -> str:
    """`path` within `folder`, in normal form; empty for the root. Raises InvalidArgument where it leads out."""
    normal = posixpath.normpath(path) if path else "."
    if normal.startswith(("/", "../")) or normal == "..":
        raise InvalidArgument(f"the artifact path {path!r} leads out of its folder: write parts joined by '/'")
    return "/".join(part for part in (folder, "" if normal == "." else normal) if part)


def source_of(uri: str, server: str) -> str:
    """An address of MLflow's that a version is to be made of as one that the registry takes: `runs:/RUN_ID/PATH`,
    `models:/m-ID` or `models:/NAME/VERSION`; those of other places stay as they are. Raises InvalidArgument where the
    files are on another server of ours."""
    if not uri.startswith(("trackway://", "trackways://")):
        return uri
    place = parse(uri)
    if place.server != server:
        raise InvalidArgument(f"{uri!r} is on another server than the registry at {server}: log the model there")
    if isinstance(place, VersionPlace):
        return f"models:/{place.name}/{place.version}"
    head = f"runs:/{place.owner}" if place.is_run else f"models:/{place.owner}"
    return f"{head}/{place.path}" if place.path else head

"""What MLflow's addresses of artifacts name: `EXPERIMENT/RUN/artifacts/…`, `EXPERIMENT/models/MODEL/artifacts/…`, and,
for reading alone, `manifests/WORKSPACE/DIGEST/…`, the files of a version of a registered model.

Everything that reaches the ArtifactStore from MLflow's clients goes through `safe_path` or `place_of`; the
ArtifactStore then checks by its own, narrower rules (artifacts/domain/paths.py). Two characters that it has in no name
are common with MLflow: `log_image(key=…)` of MLflow 2 writes names with `%`, and times have colons. They are kept as
characters that look like them and mean nothing to anybody; MLflow's clients are shown their own again (`as_named`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from trackway_server.gateway.mlflow.errors import MlflowError, invalid

_DECODINGS = 10
"""So many times MLflow's server decodes a path before it looks at it."""
_UNSAFE = re.compile(r"[\\#\x00-\x1f\x7f-\x9f\ufffd]|\A/|(?:\A|/)[A-Za-z]:|(?:\A|/)\.\.(?:/|\Z)")
_INSTEAD = {"%": "\N{COMMERCIAL MINUS SIGN}", ":": "\N{MODIFIER LETTER COLON}"}
_KEPT, _NAMED = str.maketrans(_INSTEAD), str.maketrans({kept: named for named, kept in _INSTEAD.items()})
_CONTROL = re.compile("(%(?:0[1-9A-F]|1[0-9A-F]|7F))", re.IGNORECASE)
"""Escapes that MLflow's server does not decode either: the `%17` of a time after a `%`."""
_PLACE = re.compile(
    r"(?P<experiment_id>[0-9]{1,19})/(?:(?P<run_id>[0-9a-f]{32})|models/(?P<model_id>m-[0-9a-f]{32}))"
    r"/artifacts(?:/(?P<path>.+))?",
    re.ASCII | re.DOTALL,
)
_PINNED = re.compile(
    r"manifests/(?P<workspace>[a-z][a-z0-9-]{0,62})/(?P<digest>[0-9a-f]{64})(?:/(?P<path>.+))?", re.ASCII | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class PinnedPlace:
    """A file or folder of a manifest; `digest` is the manifest's, in hexadecimal digits."""

    workspace: str
    digest: str
    path: str
    """Empty: all that is there."""

    @property
    def uri(self) -> str:
        """Where MLflow's clients find it."""
        below = f"/{self.path}" if self.path else ""
        return f"mlflow-artifacts:/manifests/{self.workspace}/{self.digest}{below}"


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder; one of `run_id` and `model_id` is not empty."""

    experiment_id: str
    run_id: str
    model_id: str
    path: str
    """Below the run or the logged model; empty: all that is there."""


def safe_path(given: str) -> str:
    """A path relative to something, decoded as often as MLflow's server does, without a slash at its end.

    It is as it is kept: in Unicode NFC, which file names of a Mac are not, and without `%` and `:`.

    Raises MlflowError(INVALID_PARAMETER_VALUE) for one that could lead elsewhere, or is still encoded.
    """
    path = given
    for _ in range(_DECODINGS):
        decoded = _decoded(path)
        if decoded == path:
            break
        path = decoded
    else:
        raise _unsafe()
    path = unicodedata.normalize("NFC", path)
    if _UNSAFE.search(path):
        raise _unsafe()
    return path.removesuffix("/").translate(_KEPT)


def as_named(path: str) -> str:
    """A kept path in the characters in which MLflow's clients gave it."""
    return path.translate(_NAMED)


def place_of(given: str) -> Place | PinnedPlace:
    """What a path below `mlflow-artifacts:/` names. Raises MlflowError where it is unsafe, or names no such thing."""
    path = safe_path(given)
    if found := _PLACE.fullmatch(path):
        return Place(**found.groupdict(""))
    if found := _PINNED.fullmatch(path):
        return PinnedPlace(**found.groupdict(""))
    shape = "EXPERIMENT/RUN/artifacts/PATH, or EXPERIMENT/models/MODEL/artifacts/PATH"
    raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Artifacts are below {shape}; nothing else is here.")


def _decoded(path: str) -> str:
    try:
        parts = _CONTROL.split(path)
        return "".join(part if number % 2 else unquote_to_bytes(part).decode() for number, part in enumerate(parts))
    except UnicodeError:
        raise _unsafe() from None


def _unsafe() -> MlflowError:
    return invalid("Invalid path")

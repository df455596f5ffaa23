"""What MLflow's addresses of artifacts name: `EXPERIMENT/RUN/artifacts/…`, and `EXPERIMENT/models/MODEL/artifacts/…`.

Everything that reaches the ArtifactStore from MLflow's clients goes through `safe_path` or `place_of`; the
ArtifactStore then checks by its own, narrower rules (artifacts/domain/paths.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from trackway_server.gateway.mlflow.errors import MlflowError, invalid

_DECODINGS = 10
"""So many times MLflow's server decodes a path before it looks at it."""
_UNSAFE = re.compile(r"[\\#\x00-\x1f\x7f-\x9f\ufffd]|\A/|\A[A-Za-z]:|(?:\A|/)\.\.(?:/|\Z)")
_PLACE = re.compile(
    r"(?P<experiment_id>[0-9]{1,19})/(?:(?P<run_id>[0-9a-f]{32})|models/(?P<model_id>m-[0-9a-f]{32}))"
    r"/artifacts(?:/(?P<path>.+))?",
    re.ASCII | re.DOTALL,
)


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
    if _UNSAFE.search(path):
        raise _unsafe()
    return path.removesuffix("/")


def place_of(given: str) -> Place:
    """What a path below `mlflow-artifacts:/` names. Raises MlflowError where it is unsafe, or names no such thing."""
    found = _PLACE.fullmatch(safe_path(given))
    if found is None:
        shape = "EXPERIMENT/RUN/artifacts/PATH, or EXPERIMENT/models/MODEL/artifacts/PATH"
        raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Artifacts are below {shape}; nothing else is here.")
    return Place(**found.groupdict(""))


def _decoded(path: str) -> str:
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeError:
        raise _unsafe() from None


def _unsafe() -> MlflowError:
    return invalid("Invalid path")

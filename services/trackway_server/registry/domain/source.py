"""Where a version is made from.

    runs:/RUN_ID/PATH                                   a folder of artifacts, or one file, of a run
    mlflow-artifacts:/EXPERIMENT_ID/RUN_ID/artifacts/PATH  the same, as MLflow's clients write it
    models:/m-ID                                        a logged model
    mlflow-artifacts:/EXPERIMENT_ID/models/m-ID/artifacts  the same
    models:/NAME/VERSION                                another version

There is no way to name a file of the server, a URL, or anything else, so that neither registering nor resolving can be
made to read or fetch something. Where a version may be without files, other text is taken as mere text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.paths import is_normal_path

_RUN = re.compile(r"runs:/([0-9a-f]{32})/(.+)", re.ASCII | re.DOTALL)
_RUN_ARTIFACTS = re.compile(r"mlflow-artifacts:/[0-9]{1,19}/([0-9a-f]{32})/artifacts/(.+)", re.ASCII | re.DOTALL)
_LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})", re.ASCII)
_LOGGED_MODEL_ARTIFACTS = re.compile(r"mlflow-artifacts:/[0-9]{1,19}/models/(m-[0-9a-f]{32})/artifacts/?", re.ASCII)
_VERSION = re.compile(r"models:/([^/:@#?%\\\x00-\x1f\x7f-\x9f]{1,250})/([1-9][0-9]{0,9})")
_GREATEST_VERSION = 2**31 - 1

# A scheme of one letter would be a drive.
_ELSEWHERE = re.compile(r"([a-z][a-z0-9+.-]+):[^\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", re.ASCII)
_KEPT_HERE = frozenset({"file", "local", "runs", "models", "mlflow-artifacts"})
_PLACEHOLDERS = frozenset({"prompt-template", "dummy-source"})
"""What MLflow's clients give for versions of prompts, which are text and have no files."""

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class RunSource:
    """A folder of artifacts, or one file, of a run."""

    run_id: str
    path: str

    @property
    def uri(self) -> str:
        """`runs:/RUN_ID/PATH`."""
        return f"runs:/{self.run_id}/{self.path}"

    @property
    def owner(self) -> str:
        """What the artifact store calls the run."""
        return f"runs/{self.run_id}"


@dataclass(frozen=True, slots=True)
class LoggedModelSource:
    """All files of a logged model."""

    model_id: str
    path: str = ""

    @property
    def uri(self) -> str:
        """`models:/m-ID`."""
        return f"models:/{self.model_id}"

    @property
    def owner(self) -> str:
        """What the artifact store calls the logged model."""
        return f"models/{self.model_id}"


StoredSource = RunSource | LoggedModelSource
"""Files that the artifact store keeps under an owner and a path."""


@dataclass(frozen=True, slots=True)
class VersionSource:
    """The files of another version of the same workspace."""

    name: str
    number: int

    @property
    def uri(self) -> str:
        """`models:/NAME/VERSION`."""
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True, slots=True)
class ElsewhereSource:
    """Nothing of this server: text for people and for clients that can read it."""

    uri: str


Source = RunSource | LoggedModelSource | VersionSource | ElsewhereSource


def parse_source(source: str) -> RunSource | LoggedModelSource | VersionSource:
    """Read a source of files. Raises DomainError(SOURCE_INVALID)."""
    parsed = _named(source)
    if parsed is None:
        raise source_invalid(
            source,
            "is neither runs:/RUN_ID/PATH with a run id of 32 lower-case hexadecimal digits, nor models:/m-ID, nor "
            "models:/NAME/VERSION; log the model in a run",
        )
    return parsed


def parse_any_source(source: str) -> Source:
    """Read a source of files, or one of another place. Raises DomainError(SOURCE_INVALID)."""
    return _named(source) or _elsewhere(source)


def _named(source: str) -> RunSource | LoggedModelSource | VersionSource | None:
    if shape := _RUN.fullmatch(source) or _RUN_ARTIFACTS.fullmatch(source):
        run_id, path = shape.groups()
        if not is_normal_path(path):
            raise source_invalid(source, "has a path that is not in normal form; give it as the run lists it")
        return RunSource(run_id, path)
    if shape := _LOGGED_MODEL.fullmatch(source) or _LOGGED_MODEL_ARTIFACTS.fullmatch(source):
        return LoggedModelSource(shape[1])
    shape = _VERSION.fullmatch(source)
    if shape is not None and _is_name(shape[1]) and int(shape[2]) <= _GREATEST_VERSION:
        return VersionSource(shape[1], int(shape[2]))
    return None


def _is_name(text: str) -> bool:
    return text == text.strip() and text not in (".", "..")


def _elsewhere(source: str) -> ElsewhereSource:
    if source in _PLACEHOLDERS:
        return ElsewhereSource(source)
    shape = _ELSEWHERE.fullmatch(source)
    if shape is None or shape[1] in _KEPT_HERE or _leads_upwards(source):
        raise source_invalid(
            source,
            "names no model of this server and no place elsewhere; log the model, or give its s3://… or the like",
        )
    return ElsewhereSource(source)


def _leads_upwards(source: str) -> bool:
    """Whether `..` is a part of it, however often it is encoded."""
    while (decoded := unquote(source)) != source:
        source = decoded
    return ".." in re.split(r"[/\\?#]", source)


def source_invalid(source: str, problem: str) -> DomainError:
    """The refusal of a source, in one sentence."""
    shown = source if len(source) <= _SHOWN_CHARACTERS else source[:_SHOWN_CHARACTERS] + "…"
    return DomainError(Reason.SOURCE_INVALID, f"The source {shown!r} {problem}.", source=shown)

"""Artifacts: files that belong to an owner, in a workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.paths import ArtifactPath, after_file, after_folder
from trackway_server.core.errors import DomainError, Reason

_OWNER = re.compile(r"runs/[0-9a-f]{32}|models/m-[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Owner:
    """What files belong to, `runs/RUN_ID` or `models/MODEL_ID` of a logged model, and the workspace that holds it.

    Raises DomainError(INVALID_FIELD) where `name` has another form.
    """

    workspace: str
    name: str

    def __post_init__(self) -> None:
        if not _OWNER.fullmatch(self.name):
            message = "An owner is `runs/` and a run id, or `models/` and the id of a logged model."
            raise DomainError(Reason.INVALID_FIELD, message, field="owner")

    @property
    def is_model(self) -> bool:
        """Whether it is a logged model, and no run."""
        return self.name.startswith("models/")

    @property
    def run_id(self) -> str:
        """The run's id; empty where it is no run."""
        return "" if self.is_model else self.id

    @property
    def id(self) -> str:
        """The run's id, or the logged model's."""
        return self.name.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of an owner. `size_bytes` is its length; `create_time_us` when it was stored."""

    owner: Owner
    path: ArtifactPath
    digest: Digest
    size_bytes: int
    create_time_us: int


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file in a listing."""

    path: ArtifactPath
    digest: Digest
    size_bytes: int

    @property
    def next_start(self) -> str:
        """Where a listing goes on after this entry."""
        return after_file(self.path.text)


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A folder in a listing. Folders are not kept: one exists while a file lies below it."""

    path: ArtifactPath

    @property
    def next_start(self) -> str:
        """Where a listing goes on after this entry and all that lies below it."""
        return after_folder(self.path.text)


Entry = FileEntry | FolderEntry


def not_found(owner: Owner, path: ArtifactPath | None) -> DomainError:
    """The refusal of a path under which nothing is."""
    text = path.text if path else ""
    return DomainError(
        Reason.ARTIFACT_NOT_FOUND, f"{owner.name} has no artifact {text!r}.", owner=owner.name, path=text
    )


def path_conflict(path: ArtifactPath, standing: str) -> DomainError:
    """The refusal of a file where `standing` is in the way: a file as its folder, or a folder in its place."""
    return DomainError(
        Reason.ARTIFACT_PATH_CONFLICT,
        f"{path.text!r} cannot be stored beside {standing!r}: one would be both a file and a folder; choose another.",
        path=path.text,
    )

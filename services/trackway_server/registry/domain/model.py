"""Registered models and their versions, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trackway_server.registry.domain.manifest import Manifest
from trackway_server.registry.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class ModelKey:
    """Identifies a registered model."""

    workspace: str
    name: str


@dataclass(frozen=True, slots=True)
class VersionKey:
    """Identifies a version of a registered model."""

    model: ModelKey
    number: int


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One model for ever: source, run, digest and size never change; stage, description, tags and aliases may.

    The digest is empty where it was made without files.
    """

    key: VersionKey
    source: str
    run_id: str
    manifest_digest: str
    size_bytes: int
    stage: Stage
    description: str
    create_time_us: int
    update_time_us: int
    user: str
    revision: int
    """Sequence of the last event that changed it, and so never the same for two states of it."""
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    run_link: str = ""
    model_id: str = ""
    """The logged model it was made from; empty where it is none."""
    location: str = ""
    """The source of what it was copied from, in one form; empty where an older server made it of its own source."""

    @property
    def etag(self) -> str:
        """Changes with every change of the version."""
        return etag_of(self.revision)


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name under which versions are kept."""

    key: ModelKey
    description: str
    create_time_us: int
    update_time_us: int
    """When it or one of its versions was last changed."""
    revision: int
    """Sequence of the last event that changed its own fields, of which its aliases are some and its versions none."""
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    latest_versions: tuple[ModelVersion, ...]
    """The versions with the greatest number in each stage, by number."""

    @property
    def etag(self) -> str:
        """Changes with every change of the model's own fields."""
        return etag_of(self.revision)


@dataclass(frozen=True, slots=True)
class ModelDraft:
    """A registered model to be made."""

    key: ModelKey
    description: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VersionDraft:
    """A version to be made."""

    model: ModelKey
    source: str
    description: str
    tags: Mapping[str, str]
    request_id: str
    """Makes the call repeatable where it is not empty."""
    run_id: str = ""
    run_link: str = ""
    model_id: str = ""
    files_optional: bool = False
    """Make it also where the source names no files that are here."""
    location: str = ""
    """See ModelVersion."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A version to be moved to a stage."""

    key: VersionKey
    stage: Stage
    displace: bool
    """Move every other version in that stage to Archived."""
    etag: str
    """The version's where it is to be compared; else empty."""


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, why, and when (microseconds since 1970 UTC)."""

    actor: str
    reason: str
    time_us: int


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """What a `request_id` has made: kept for ever, so that a late repetition makes nothing new."""

    number: int
    source: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A version and its files."""

    version: ModelVersion
    manifest: Manifest


def etag_of(revision: int) -> str:
    """The opaque form of a revision."""
    return f"r{revision:x}"

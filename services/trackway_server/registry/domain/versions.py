"""Changing versions. Each function that takes a change is one transaction of the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.events import EventKind
from trackway_server.registry.domain.journal import Journal
from trackway_server.registry.domain.lookup import check_etag, check_model, require_version
from trackway_server.registry.domain.manifest import Manifest
from trackway_server.registry.domain.model import Change, ModelVersion, Transition, VersionDraft, VersionKey
from trackway_server.registry.domain.ports import RegistryTransaction
from trackway_server.registry.domain.stages import LIVE_STAGES, Stage, check_displacing
from trackway_server.registry.domain.tags import check_tags, plan_tags


def find_made(tx: RegistryTransaction, draft: VersionDraft) -> ModelVersion | None:
    """The version that the draft's request id has made before; None where the version is still to be made.

    Raises DomainError: MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND where it was deleted since, INVALID_FIELD where the
    request id belongs to another source.
    """
    made = tx.versions.request(draft.model, draft.request_id) if draft.request_id else None
    if made is None:
        check_model(tx, draft.model)
        return None
    if made.source != draft.source:
        raise DomainError(
            Reason.INVALID_FIELD,
            f"The request id {draft.request_id!r} has made version {made.number} of another source; use a new one.",
            field="request_id",
        )
    return require_version(tx, VersionKey(draft.model, made.number))


def create_version(
    tx: RegistryTransaction, draft: VersionDraft, manifest: Manifest | None, change: Change
) -> ModelVersion:
    """Make the next version of the files pinned (None: without), or answer what the same request id has made.

    Raises as `find_made`.
    """
    if (made := find_made(tx, draft)) is not None:
        return made
    key = VersionKey(draft.model, tx.versions.next_number(draft.model))
    revision = _record_creation(Journal(tx, draft.model, change), key.number, draft, manifest)
    tx.versions.insert(_new_version(key, draft, manifest, revision, change), manifest)
    if draft.request_id:
        tx.versions.remember(key, draft.request_id, draft.source)
    tx.models.touch(draft.model, change.time_us)
    return require_version(tx, key)


def describe_version(
    tx: RegistryTransaction, key: VersionKey, description: str, etag: str, change: Change
) -> ModelVersion:
    """Replace the description. Raises DomainError: MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, ETAG_MISMATCH."""
    version = require_version(tx, key)
    check_etag(etag, version.etag)
    if version.description == description:
        return version
    tx.versions.describe(key, description)
    revision = Journal(tx, key.model, change).version(key.number, EventKind.VERSION_UPDATED)
    return _touched(tx, key, {key.number: revision}, change)


def change_version_tags(
    tx: RegistryTransaction, key: VersionKey, to_set: Mapping[str, str], to_delete: Collection[str], change: Change
) -> ModelVersion:
    """Set and delete tags, all or none.

    Raises DomainError: MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, TAG_NOT_FOUND, LIMIT_EXCEEDED.
    """
    version = require_version(tx, key)
    tags = plan_tags(version.tags, to_set, to_delete)
    if not tags:
        return version
    tx.versions.change_tags(key, tags.to_set, tags.to_delete)
    revision = Journal(tx, key.model, change).tags(key.number, tags.to_set, tags.to_delete)
    return _touched(tx, key, {key.number: revision}, change)


def delete_version(
    tx: RegistryTransaction, key: VersionKey, etag: str, change: Change, *, in_use: bool = False
) -> None:
    """Delete a version and its aliases; `in_use`: also one in a live stage.

    Raises DomainError: MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, ETAG_MISMATCH, MODEL_VERSION_IN_USE.
    """
    version = require_version(tx, key)
    check_etag(etag, version.etag)
    if not in_use:
        check_not_live(version)
    tx.versions.delete(key)
    journal = Journal(tx, key.model, change)
    aliases = [journal.version(key.number, EventKind.ALIAS_DELETED, alias=alias) for alias in version.aliases]
    journal.version(key.number, EventKind.VERSION_DELETED)
    tx.models.touch(key.model, change.time_us, aliases[-1] if aliases else None)


def move_version(tx: RegistryTransaction, transition: Transition, change: Change) -> ModelVersion:
    """Move a version to a stage; with `displace` every other version in that stage goes to Archived with it.

    Raises DomainError: MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, ETAG_MISMATCH, STAGE_INVALID.
    """
    key, stage = transition.key, transition.stage
    if transition.displace:
        check_displacing(stage)
    version = require_version(tx, key)
    check_etag(transition.etag, version.etag)
    others = [other for other in tx.versions.in_stages(key.model, (stage,)) if other != key]
    displaced = others if transition.displace else []
    moved = [] if version.stage is stage else [key]
    if not moved and not displaced:
        return version
    # The newcomer's event comes first, so that a watcher never sees the stage without a version in between.
    revisions = _move(tx, moved, version.stage, stage, change)
    revisions |= _move(tx, displaced, stage, Stage.ARCHIVED, change)
    return _touched(tx, key, revisions, change)


def check_not_live(version: ModelVersion) -> None:
    """Refuse to delete what somebody may be serving. Raises DomainError(MODEL_VERSION_IN_USE)."""
    if version.stage in LIVE_STAGES:
        name, number = version.key.model.name, version.key.number
        raise DomainError(
            Reason.MODEL_VERSION_IN_USE,
            f"Version {number} of {name!r} is in {version.stage.value}; move it to Archived before deleting.",
            name=name,
            version=str(number),
            stage=version.stage.value,
        )


def _record_creation(journal: Journal, number: int, draft: VersionDraft, manifest: Manifest | None) -> int:
    check_tags(draft.tags)
    digest = manifest.digest if manifest else ""
    revision = journal.version(number, EventKind.VERSION_CREATED, source=draft.source, manifest_digest=digest)
    return journal.tags(number, draft.tags, []) if draft.tags else revision


def _new_version(
    key: VersionKey, draft: VersionDraft, manifest: Manifest | None, revision: int, change: Change
) -> ModelVersion:
    return ModelVersion(
        key=key,
        source=draft.source,
        run_id=draft.run_id,
        manifest_digest=manifest.digest if manifest else "",
        size_bytes=manifest.size_bytes if manifest else 0,
        stage=Stage.NONE,
        description=draft.description,
        create_time_us=change.time_us,
        update_time_us=change.time_us,
        user=change.actor,
        revision=revision,
        tags=draft.tags,
        aliases=(),
        run_link=draft.run_link,
        model_id=draft.model_id,
        location=draft.location,
    )


def _move(
    tx: RegistryTransaction, keys: Sequence[VersionKey], origin: Stage, target: Stage, change: Change
) -> dict[int, int]:
    tx.versions.move(keys, target)
    details = {"from_stage": origin.value, "to_stage": target.value}
    return {
        key.number: Journal(tx, key.model, change).version(key.number, EventKind.STAGE_CHANGED, **details)
        for key in keys
    }


def _touched(tx: RegistryTransaction, key: VersionKey, revisions: Mapping[int, int], change: Change) -> ModelVersion:
    tx.versions.touch(key.model, revisions, change.time_us)
    tx.models.touch(key.model, change.time_us)
    return require_version(tx, key)

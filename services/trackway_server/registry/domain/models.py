"""Changing registered models. Each function is one transaction of the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.events import EventKind
from trackway_server.registry.domain.journal import Journal
from trackway_server.registry.domain.lookup import check_etag, require_model
from trackway_server.registry.domain.model import Change, ModelDraft, ModelKey, RegisteredModel
from trackway_server.registry.domain.ports import RegistryTransaction
from trackway_server.registry.domain.tags import check_tags, plan_tags
from trackway_server.registry.domain.versions import check_not_live


def create_model(tx: RegistryTransaction, draft: ModelDraft, change: Change) -> RegisteredModel:
    """Make a registered model. Raises DomainError(MODEL_ALREADY_EXISTS)."""
    if tx.models.exists(draft.key):
        raise _already_exists(draft.key)
    check_tags(draft.tags)
    journal = Journal(tx, draft.key, change)
    revision = journal.model(EventKind.MODEL_CREATED)
    if draft.tags:
        revision = journal.tags(0, draft.tags, [])
    tx.models.insert(draft, revision, change.time_us)
    return require_model(tx, draft.key)


def describe_model(
    tx: RegistryTransaction, key: ModelKey, description: str, etag: str, change: Change
) -> RegisteredModel:
    """Replace the description. Raises DomainError: MODEL_NOT_FOUND, ETAG_MISMATCH."""
    model = require_model(tx, key)
    check_etag(etag, model.etag)
    if model.description == description:
        return model
    tx.models.describe(key, description)
    revision = Journal(tx, key, change).model(EventKind.MODEL_UPDATED)
    tx.models.touch(key, change.time_us, revision)
    return require_model(tx, key)


def change_model_tags(
    tx: RegistryTransaction, key: ModelKey, to_set: Mapping[str, str], to_delete: Collection[str], change: Change
) -> RegisteredModel:
    """Set and delete tags, all or none. Raises DomainError: MODEL_NOT_FOUND, TAG_NOT_FOUND, LIMIT_EXCEEDED."""
    model = require_model(tx, key)
    tags = plan_tags(model.tags, to_set, to_delete)
    if not tags:
        return model
    tx.models.change_tags(key, tags.to_set, tags.to_delete)
    revision = Journal(tx, key, change).tags(0, tags.to_set, tags.to_delete)
    tx.models.touch(key, change.time_us, revision)
    return require_model(tx, key)


def rename_model(tx: RegistryTransaction, key: ModelKey, new_name: str, etag: str, change: Change) -> RegisteredModel:
    """Give a model another name, with all that belongs to it.

    Raises DomainError: MODEL_NOT_FOUND, ETAG_MISMATCH, MODEL_ALREADY_EXISTS.
    """
    model = require_model(tx, key)
    check_etag(etag, model.etag)
    if new_name == key.name:
        return model
    renamed = ModelKey(key.workspace, new_name)
    _check_free(tx, renamed, key.name)
    tx.models.rename(key, new_name)
    names = {"from_name": key.name, "to_name": new_name}
    Journal(tx, key, change).model(EventKind.MODEL_RENAMED, **names)
    revision = Journal(tx, renamed, change).model(EventKind.MODEL_RENAMED, **names)
    tx.models.touch(renamed, change.time_us, revision)
    return require_model(tx, renamed)


def _check_free(tx: RegistryTransaction, name: ModelKey, of_model: str) -> None:
    """Refuse a name that a model has, or under which a number once meant a version of another model than this one."""
    if tx.models.exists(name):
        raise _already_exists(name)
    if not tx.versions.has_had(name):
        return
    last = tx.events.last_of(name)
    if last is None or last.kind is not EventKind.MODEL_RENAMED or last.details["to_name"] != of_model:
        raise DomainError(
            Reason.MODEL_ALREADY_EXISTS,
            f"There were versions of another model under {name.name!r}, and numbers are never used twice; "
            "choose another name.",
            name=name.name,
        )


def _already_exists(key: ModelKey) -> DomainError:
    return DomainError(
        Reason.MODEL_ALREADY_EXISTS,
        f"There is a registered model {key.name!r} already; choose another name or add a version to it.",
        name=key.name,
    )


def delete_model(tx: RegistryTransaction, key: ModelKey, etag: str, change: Change, *, in_use: bool = False) -> None:
    """Delete a model with its versions; `in_use`: also one with versions in a live stage.

    Raises DomainError: MODEL_NOT_FOUND, ETAG_MISMATCH, MODEL_VERSION_IN_USE.
    """
    model = require_model(tx, key)
    check_etag(etag, model.etag)
    for version in () if in_use else model.latest_versions:
        check_not_live(version)
    tx.models.delete(key)
    Journal(tx, key, change).model(EventKind.MODEL_DELETED)

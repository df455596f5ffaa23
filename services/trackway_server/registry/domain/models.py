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
        raise DomainError(
            Reason.MODEL_ALREADY_EXISTS,
            f"There is a registered model {draft.key.name!r} already; choose another name or add a version to it.",
            name=draft.key.name,
        )
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


def delete_model(tx: RegistryTransaction, key: ModelKey, etag: str, change: Change) -> None:
    """Delete a model with its versions. Raises DomainError: MODEL_NOT_FOUND, ETAG_MISMATCH, MODEL_VERSION_IN_USE."""
    model = require_model(tx, key)
    check_etag(etag, model.etag)
    for version in model.latest_versions:
        check_not_live(version)
    tx.models.delete(key)
    Journal(tx, key, change).model(EventKind.MODEL_DELETED)

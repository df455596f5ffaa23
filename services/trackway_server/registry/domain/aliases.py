"""Pointing aliases. Each function is one transaction of the store."""

from __future__ import annotations

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.events import EventKind
from trackway_server.registry.domain.journal import Journal
from trackway_server.registry.domain.lookup import alias_not_found, check_model, require_version
from trackway_server.registry.domain.model import Change, ModelKey, ModelVersion, VersionKey
from trackway_server.registry.domain.ports import RegistryTransaction

MAX_ALIASES = 1_000

NOWHERE = 0
"""Stands for the version of an alias that is not there."""


def set_alias(
    tx: RegistryTransaction, key: VersionKey, alias: str, expected: int | None, change: Change
) -> ModelVersion:
    """Point the alias to the version, where it points to `expected` now (None: wherever).

    Raises DomainError: MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, ALIAS_CONFLICT, LIMIT_EXCEEDED.
    """
    version = require_version(tx, key)
    present = tx.versions.aliased(key.model, alias) or NOWHERE
    _check_expected(key.model, alias, expected, present)
    if present == key.number:
        return version
    _check_room(tx, key.model, present)
    tx.versions.point(key, alias)
    details = {"from_version": str(present)} if present else {}
    revision = Journal(tx, key.model, change).version(key.number, EventKind.ALIAS_SET, alias=alias, **details)
    _touch(tx, key.model, {key.number, present} - {NOWHERE}, revision, change)
    return require_version(tx, key)


def delete_alias(tx: RegistryTransaction, model: ModelKey, alias: str, expected: int | None, change: Change) -> None:
    """Delete the alias, where it points to `expected` now (None: wherever).

    Raises DomainError: MODEL_NOT_FOUND, ALIAS_NOT_FOUND, ALIAS_CONFLICT.
    """
    check_model(tx, model)
    present = tx.versions.aliased(model, alias)
    if present is None:
        raise alias_not_found(model, alias)
    _check_expected(model, alias, expected, present)
    tx.versions.drop_alias(model, alias)
    revision = Journal(tx, model, change).version(present, EventKind.ALIAS_DELETED, alias=alias)
    _touch(tx, model, {present}, revision, change)


def _check_expected(model: ModelKey, alias: str, expected: int | None, present: int) -> None:
    if expected is not None and expected != present:
        where = f"version {present}" if present else "no version"
        raise DomainError(
            Reason.ALIAS_CONFLICT,
            f"The alias {alias!r} of {model.name!r} points to {where}, not where you expect; look and decide anew.",
            name=model.name,
            alias=alias,
            version=str(present),
        )


def _check_room(tx: RegistryTransaction, model: ModelKey, present: int) -> None:
    if present == NOWHERE and tx.versions.count_aliases(model) >= MAX_ALIASES:
        raise DomainError(
            Reason.LIMIT_EXCEEDED,
            f"The registered model {model.name!r} has {MAX_ALIASES} aliases already; delete some first.",
            limit="aliases",
            maximum=str(MAX_ALIASES),
        )


def _touch(tx: RegistryTransaction, model: ModelKey, numbers: set[int], revision: int, change: Change) -> None:
    tx.versions.touch(model, dict.fromkeys(numbers, revision), change.time_us)
    tx.models.touch(model, change.time_us, revision)

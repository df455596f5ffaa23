"""Finding what a caller names, or saying in one sentence what is not there."""

from __future__ import annotations

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.model import ModelKey, ModelVersion, RegisteredModel, VersionKey
from trackway_server.registry.domain.ports import RegistryTransaction


def require_model(tx: RegistryTransaction, key: ModelKey) -> RegisteredModel:
    """The model. Raises DomainError(MODEL_NOT_FOUND)."""
    model = tx.models.find(key)
    if model is None:
        raise model_not_found(key)
    return model


def check_model(tx: RegistryTransaction, key: ModelKey) -> None:
    """Refuse a model that is not there. Raises DomainError(MODEL_NOT_FOUND)."""
    if not tx.models.exists(key):
        raise model_not_found(key)


def require_version(tx: RegistryTransaction, key: VersionKey) -> ModelVersion:
    """The version. Raises DomainError(MODEL_NOT_FOUND) and DomainError(MODEL_VERSION_NOT_FOUND)."""
    version = tx.versions.find(key)
    if version is None:
        check_model(tx, key.model)
        raise version_not_found(key.model, str(key.number))
    return version


def check_etag(given: str, current: str) -> None:
    """Refuse a stale etag; an empty one is not compared. Raises DomainError(ETAG_MISMATCH)."""
    if given and given != current:
        raise DomainError(
            Reason.ETAG_MISMATCH, "It was changed since it was read; read it again and decide anew.", etag=current
        )


def model_not_found(key: ModelKey) -> DomainError:
    """The refusal of a model that is not there."""
    return DomainError(
        Reason.MODEL_NOT_FOUND,
        f"There is no registered model {key.name!r} in workspace {key.workspace!r}; create it first.",
        name=key.name,
    )


def version_not_found(key: ModelKey, version: str) -> DomainError:
    """The refusal of a version that is not there; `version` is a number or the name of a stage."""
    where = f"no version {version}" if version.isdecimal() else f"no version in stage {version!r}"
    return DomainError(
        Reason.MODEL_VERSION_NOT_FOUND,
        f"The registered model {key.name!r} has {where}; list its versions to see what there is.",
        name=key.name,
        version=version,
    )


def alias_not_found(key: ModelKey, alias: str) -> DomainError:
    """The refusal of an alias that is not there."""
    return DomainError(
        Reason.ALIAS_NOT_FOUND,
        f"The registered model {key.name!r} has no alias {alias!r}; set it first.",
        name=key.name,
        alias=alias,
    )

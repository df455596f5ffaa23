"""From what a model server knows (a name and a version, a stage or an alias) to the version and its files."""

from __future__ import annotations

from dataclasses import dataclass

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.lookup import (
    alias_not_found,
    check_model,
    require_version,
    version_not_found,
)
from trackway_server.registry.domain.model import ModelKey, ModelVersion, Resolved, VersionKey
from trackway_server.registry.domain.ports import RegistryTransaction
from trackway_server.registry.domain.source import RunSource, parse_source, source_invalid
from trackway_server.registry.domain.stages import LATEST, parse_stage


@dataclass(frozen=True, slots=True)
class Selector:
    """Names a version in one of three ways; the other two are empty."""

    number: int = 0
    stage: str = ""
    alias: str = ""


def resolve(tx: RegistryTransaction, model: ModelKey, selector: Selector) -> Resolved:
    """The version and its files, from one state of the store.

    Raises DomainError: INVALID_FIELD, STAGE_INVALID, MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, ALIAS_NOT_FOUND; and
    SOURCE_INVALID, DIGEST_MISMATCH or ARTIFACT_PATH_INVALID where what is stored could not have been registered.
    """
    version = _find(tx, model, selector)
    if not version.manifest_digest:
        raise source_invalid(version.source, "had no files here when the version was made; register the model anew")
    check_source(version)
    manifest = tx.versions.manifest(version.key)
    if manifest is None or manifest.digest != version.manifest_digest:
        raise source_invalid(version.source, "has no stored manifest of its digest; register the model anew")
    return Resolved(version, manifest)


def check_source(version: ModelVersion) -> None:
    """Refuse, at use, a stored source that could not have been registered. Raises DomainError(SOURCE_INVALID)."""
    source = parse_source(version.source)
    if isinstance(source, RunSource) and source.run_id != version.run_id:
        raise source_invalid(version.source, f"does not belong to the run {version.run_id}")


def _find(tx: RegistryTransaction, model: ModelKey, selector: Selector) -> ModelVersion:
    if sum(map(bool, (selector.number, selector.stage, selector.alias))) != 1:
        raise DomainError(
            Reason.INVALID_FIELD, "Give exactly one of version, stage and alias to resolve.", field="version"
        )
    if selector.number:
        return require_version(tx, VersionKey(model, selector.number))
    if selector.alias:
        return _find_aliased(tx, model, selector.alias)
    return _find_in_stage(tx, model, selector.stage)


def _find_aliased(tx: RegistryTransaction, model: ModelKey, alias: str) -> ModelVersion:
    number = tx.versions.aliased(model, alias)
    if number is None:
        check_model(tx, model)
        raise alias_not_found(model, alias)
    return require_version(tx, VersionKey(model, number))


def _find_in_stage(tx: RegistryTransaction, model: ModelKey, name: str) -> ModelVersion:
    stages = () if name.lower() == LATEST else (parse_stage(name),)
    found = tx.versions.page(model, stages, before=None, limit=1)
    if not found:
        check_model(tx, model)
        raise version_not_found(model, stages[0].value if stages else LATEST)
    return found[0]

"""What a version to be made is made of: its source, with the run and the logged model that belong to it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from trackway_server.core.admission import Admission
from trackway_server.registry.domain.lookup import model_not_found, require_version
from trackway_server.registry.domain.manifest import Manifest
from trackway_server.registry.domain.model import ModelKey, VersionDraft, VersionKey
from trackway_server.registry.domain.ports import RegistryTransaction
from trackway_server.registry.domain.source import (
    LoggedModelSource,
    RunSource,
    Source,
    VersionSource,
    parse_any_source,
    parse_source,
    source_invalid,
)


def read_source(draft: VersionDraft) -> tuple[VersionDraft, Source]:
    """The source, and the draft with its location and the run or the logged model that it names.

    Raises DomainError(SOURCE_INVALID), also where the draft names others.
    """
    source = parse_any_source(draft.source) if draft.files_optional else parse_source(draft.source)
    draft = replace(draft, location=source.uri)
    match source:
        case RunSource(run_id):
            return _belonging(draft, run_id, draft.model_id), source
        case LoggedModelSource(model_id):
            return _belonging(draft, draft.run_id, model_id), source
        case _:
            return draft, source


def copied(
    tx: RegistryTransaction, draft: VersionDraft, source: VersionSource, admission: Admission | None
) -> tuple[VersionDraft, Manifest | None]:
    """The files of another version that the caller may read, and the draft with its location, run and logged model.

    Raises DomainError: MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, SOURCE_INVALID where the draft names another run or
    logged model, and where the version has no files and the draft needs some.
    """
    model = ModelKey(draft.model.workspace, source.name)
    if admission is not None and not admission.role_on(model.workspace, partial(tx.bindings.role, model)):
        raise model_not_found(model)
    version = require_version(tx, VersionKey(model, source.number))
    manifest = tx.versions.manifest(version.key)
    if manifest is None and not draft.files_optional:
        raise source_invalid(draft.source, "is a version without files; register the model anew")
    draft = replace(draft, location=version.location or version.source)
    return _belonging(draft, version.run_id or draft.run_id, version.model_id or draft.model_id), manifest


def _belonging(draft: VersionDraft, run_id: str, model_id: str) -> VersionDraft:
    if draft.run_id not in ("", run_id):
        raise source_invalid(draft.source, f"does not belong to the run {draft.run_id}; leave out run_id")
    if draft.model_id not in ("", model_id):
        raise source_invalid(draft.source, f"does not belong to the logged model {draft.model_id}; leave out model_id")
    return replace(draft, run_id=run_id, model_id=model_id)

"""What may be done with logged models. All functions run within one transaction.

A model lies in an experiment, and who may do what with the experiment's runs may do that with it. Its metrics are those
that runs log for it, of its workspace alone: nobody adds to a model of a workspace in which they have no role.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from trackway_server.core.admission import Admission, Admits
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.ports import Series
from trackway_server.metrics.domain.reading import SummarisedSeries, summarised
from trackway_server.tracking.domain import bindings, experiments
from trackway_server.tracking.domain.changes import MAX_TEXT
from trackway_server.tracking.domain.logged_models import (
    LoggedModel,
    LoggedModelStatus,
    ModelInfo,
    ModelsQuery,
    ModelStart,
    measured,
)
from trackway_server.tracking.domain.model import TagsChange
from trackway_server.tracking.domain.model_deletions import check_not_gone
from trackway_server.tracking.domain.names import random_run_name
from trackway_server.tracking.domain.ports import TrackingUnit

_NOT_IN_NAME = frozenset("/:.%\"'")


def create(unit: TrackingUnit, model_id: str, start: ModelStart, now_us: int, admission: Admission) -> ModelInfo:
    """Make a model, or answer the one made with the same content before.

    Raises LOGGED_MODEL_ALREADY_EXISTS where the content was another, EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED,
    INVALID_FIELD, LIMIT_EXCEEDED; LOGGED_MODEL_DELETED where a model of that id was deleted for good.
    """
    workspace = experiments.workspace_of(unit, start.experiment_id, admission.admits)
    known, digest = unit.models.get(model_id), start.digest()
    if known is not None:
        if (known.workspace, known.start_digest) != (workspace, digest):
            message = f"Another logged model has the id {model_id}; choose a new one."
            raise DomainError(Reason.LOGGED_MODEL_ALREADY_EXISTS, message, model_id=model_id)
        return known
    check_not_gone(unit, model_id)
    experiment = experiments.get_experiment(unit, workspace, start.experiment_id, "")
    experiments.check_active(experiment)
    if _NOT_IN_NAME & set(start.name):
        message = "The name of a logged model must be without '/', ':', '.', '%' and quotes."
        raise DomainError(Reason.INVALID_FIELD, message, field="name")
    _check_room(0, start.params, start.tags)
    model = ModelInfo(
        model_id,
        workspace,
        experiment.experiment_id,
        start.name or random_run_name(),
        start.model_type,
        start.source_run_id,
        LoggedModelStatus.PENDING,
        "",
        now_us,
        now_us,
        digest,
    )
    unit.models.add(model)
    if start.params:
        unit.models.add_params(model_id, start.params)
    if start.tags:
        unit.models.put_tags(model_id, start.tags)
    return model


def find(unit: TrackingUnit, model_id: str, admits: Admits) -> ModelInfo:
    """A model, a deleted one too. Raises LOGGED_MODEL_NOT_FOUND, also where the caller is not admitted to it."""
    model = unit.models.get(model_id)
    if model is None or not admits(model.workspace, partial(unit.bindings.role, model.experiment_id)):
        message = f"There is no logged model {model_id} on this server."
        raise DomainError(Reason.LOGGED_MODEL_NOT_FOUND, message, model_id=model_id)
    return model


def not_measurable(unit: TrackingUnit, model_ids: Collection[str], admits: Admits) -> dict[str, DomainError]:
    """Of these models those for which the caller may log no metrics, with the reason: they are not there, or the
    caller's role on their experiments is none or too small."""
    refusals = {}
    for model_id in sorted(model_ids):
        try:
            find(unit, model_id, admits)
        except DomainError as refused:
            refusals[model_id] = refused
    return refusals


def finalize(
    unit: TrackingUnit, model_id: str, status: LoggedModelStatus, message: str, now_us: int, admits: Admits
) -> ModelInfo:
    """Say how the making ended. Raises LOGGED_MODEL_NOT_FOUND, LOGGED_MODEL_DELETED."""
    changed = replace(_writable(unit, model_id, admits), status=status, status_message=message, update_time_us=now_us)
    unit.models.save(changed)
    return changed


def delete(unit: TrackingUnit, model_id: str, now_us: int, admits: Admits) -> None:
    """Delete a model softly; a deleted one stays so. Raises LOGGED_MODEL_NOT_FOUND."""
    model = find(unit, model_id, admits)
    if not model.deleted:
        unit.models.save(replace(model, deleted=True, update_time_us=now_us))


def update_tags(unit: TrackingUnit, model_id: str, change: TagsChange, admits: Admits) -> ModelInfo:
    """Delete tags, then set tags.

    Raises LOGGED_MODEL_NOT_FOUND, LOGGED_MODEL_DELETED, TAG_NOT_FOUND, LIMIT_EXCEEDED.
    """
    model = _writable(unit, model_id, admits)
    known = unit.models.tags([model_id]).get(model_id, {})
    for key in change.delete:
        if key not in known:
            raise DomainError(Reason.TAG_NOT_FOUND, f"The logged model has no tag {key!r}.", key=key)
    if change.delete:
        unit.models.delete_tags(model_id, change.delete)
    if change.set:
        _check_room(unit.models.text_sizes([model_id]).get(model_id, 0), change.set)
        unit.models.put_tags(model_id, change.set)
    return model


def log_params(unit: TrackingUnit, model_id: str, params: Mapping[str, str], admits: Admits) -> None:
    """Set params. Raises LOGGED_MODEL_NOT_FOUND, LOGGED_MODEL_DELETED, PARAM_IMMUTABLE, LIMIT_EXCEEDED."""
    _writable(unit, model_id, admits)
    known = unit.models.params([model_id]).get(model_id, {})
    for key, value in params.items():
        if known.get(key, value) != value:
            message = f"The param {key!r} of the logged model has another value already; log it under another key."
            raise DomainError(Reason.PARAM_IMMUTABLE, message, key=key)
    new = {key: value for key, value in params.items() if key not in known}
    if new:
        _check_room(unit.models.text_sizes([model_id]).get(model_id, 0), new)
        unit.models.add_params(model_id, new)


def confined(unit: TrackingUnit, query: ModelsQuery, admission: Admission) -> ModelsQuery:
    """The query, confined to what the caller reaches of its workspace. Raises WORKSPACE_NOT_FOUND."""
    return replace(query, bound_to=bindings.reach(unit, query.workspace, admission))


def access_to(unit: TrackingUnit, model_id: str, admission: Admission) -> tuple[ModelInfo, int]:
    """A model, and the caller's role on it. Raises LOGGED_MODEL_NOT_FOUND."""
    model = find(unit, model_id, admission.admits)
    return model, admission.role_on(model.workspace, partial(unit.bindings.role, model.experiment_id))


def load(unit: TrackingUnit, infos: Sequence[ModelInfo], series: Sequence[Series]) -> list[LoggedModel]:
    """Models with what was recorded of them, in the order given; `series` are theirs."""
    model_ids = [info.model_id for info in infos]
    params, tags = unit.models.params(model_ids), unit.models.tags(model_ids)
    metrics: dict[str, list[SummarisedSeries]] = {}
    for one in summarised(unit.metrics, list(series)):
        on = measured(one.context)
        if on is not None:
            metrics.setdefault(on.model_id, []).append(one)
    return [
        LoggedModel(info, params.get(info.model_id, {}), tags.get(info.model_id, {}), metrics.get(info.model_id, ()))
        for info in infos
    ]


def page_of(unit: TrackingUnit, infos: Sequence[ModelInfo]) -> list[ModelInfo]:
    """The first of some models, at least one, as many as have no more text together than one may have: see runs."""
    sizes, text = unit.models.text_sizes([info.model_id for info in infos]), 0
    for count, info in enumerate(infos):
        text += sizes.get(info.model_id, 0)
        if count and text > MAX_TEXT:
            return list(infos[:count])
    return list(infos)


def _writable(unit: TrackingUnit, model_id: str, admits: Admits) -> ModelInfo:
    model = find(unit, model_id, admits)
    if model.deleted:
        message = f"The logged model {model_id} is deleted; make another one."
        raise DomainError(Reason.LOGGED_MODEL_DELETED, message, model_id=model_id)
    return model


def _check_room(known: int, *added: Mapping[str, str]) -> None:
    size = sum(len(value) for values in added for value in values.values())
    if known + size > MAX_TEXT:
        raise DomainError(
            Reason.LIMIT_EXCEEDED,
            f"The params and tags of a logged model may have {MAX_TEXT:,} characters together, and this one has "
            f"{known:,}; store what is large as an artifact.",
            limit="logged_model_text",
            maximum=str(MAX_TEXT),
        )

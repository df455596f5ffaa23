"""Logged models, brought to the server: under their ids, each with its files, params, tags and state.

Their metrics, and which runs read and make them, are the runs' (`run.py`). What is there already is left as it is, so
that this may be repeated; what was cut off goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import cast

from trackway import errors, types
from trackway.importing.files_of import FATAL, MALFORMED, bring_files
from trackway.importing.measured import model_id_here
from trackway.importing.plan import is_run_id, line
from trackway.importing.report import Report
from trackway.importing.source import Source, SourceLoggedModel
from trackway.importing.tags import set_tags
from trackway.importing.target import Target
from trackway.logged_model import LoggedModel

ID_TAG = "trackway.import.model_id"
"""The source's id, where it is none that a server takes."""
_MOST = 500


async def bring_logged_model(
    target: Target, source: Source, model: SourceLoggedModel, experiment_id: str, report: Report
) -> bool:
    """Bring a logged model; whether it is there. What of it cannot come is noted. Raises errors that end the import."""
    where = f"logged model {model.model_id}"
    try:
        there = await _made(target, model, experiment_id)
        if there.experiment_id != experiment_id:
            told = f"on the server it is in experiment {there.experiment_id}, where it stays"
            report.miss("experiment", where, told)
        await _params(target, model, there, report)
        tags = dict(model.tags) | ({ID_TAG: model.model_id} if there.model_id != model.model_id else {})
        setting = partial(_set, target, there.model_id)
        await set_tags(setting, tags, there.tags, where, report)
        await _files(target, source, model, there, report)
        if (model.status, model.status_message) != (there.status, there.status_message):
            status = cast(types.LoggedModelStatus, model.status)
            await target.client.logged_models.finalize(there.model_id, status, message=model.status_message)
    except FATAL:
        raise
    except errors.TrackwayError as error:
        report.miss("logged model", model.model_id, error.message, error.reason)
        return False
    except MALFORMED as error:
        report.miss("logged model", model.model_id, f"it is malformed: {type(error).__name__}")
        return False
    report.count(logged_models=1, logged_model_params=len(model.params))
    return True


async def _made(target: Target, model: SourceLoggedModel, experiment_id: str) -> LoggedModel:
    """The model of this id, made if need be. Raises FailedPrecondition where the server has another one of it, or has
    deleted it: a source may name any id, and steers no model that is not its own."""
    models, model_id = target.client.logged_models, model_id_here(model.model_id)
    name, model_type = line(model.name, _MOST), line(model.model_type, _MOST)
    run_id = model.run_id if is_run_id(model.run_id) else ""
    try:
        there = await models.get(model_id)
    except errors.NotFound:
        return await models.create(
            experiment_id, name=name, model_type=model_type, source_run_id=run_id, model_id=model_id
        )
    if there.lifecycle_stage == "deleted":
        raise errors.FailedPrecondition("it is deleted on the server, where deleted logged models do not come back")
    if ((name or there.name), model_type, run_id) != (there.name, there.model_type or "", there.source_run_id or ""):
        raise errors.FailedPrecondition("the server has another logged model of this id, which stays as it is")
    return there


async def _params(target: Target, model: SourceLoggedModel, there: LoggedModel, report: Report) -> None:
    where, log = f"logged model {model.model_id}", target.client.logged_models.log_params
    new: dict[str, str] = {}
    for key, value in model.params.items():
        if key not in there.params:
            new[key] = value
        elif there.params[key] != value:
            told = "it has another value on the server: params are for ever"
            report.miss(f"param {key!r}", where, told)
    if not new:
        return
    try:
        await log(there.model_id, new)
    except (errors.InvalidArgument, errors.ResourceExhausted):
        for key, value in sorted(new.items()):
            try:
                await log(there.model_id, {key: value})
            except (errors.InvalidArgument, errors.ResourceExhausted) as error:
                report.miss(f"param {key!r}", where, error.message.rstrip("."), error.reason)


async def _set(target: Target, model_id: str, tags: Mapping[str, str]) -> object:
    return await target.client.logged_models.update_tags(model_id, set_tags=tags)


async def _files(target: Target, source: Source, model: SourceLoggedModel, there: LoggedModel, report: Report) -> None:
    try:
        place = await asyncio.to_thread(source.files, model.artifact_uri)
        await bring_files(target, there.model_id, place, "", report)
    except FATAL:
        raise
    except errors.TrackwayError as error:
        report.miss("files", f"logged model {model.model_id}", error.message, error.reason)

"""What versions of registered models and logged models say of one another in MLflow's API."""

from __future__ import annotations

import json
from typing import Any

import grpc
import structlog

from trackway.api.registry.v1.resources_pb2 import ModelVersion
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.resources_pb2 import LoggedModel
from trackway_server.gateway.mlflow.errors import reason_of
from trackway_server.gateway.mlflow.model_points import models_json
from trackway_server.gateway.mlflow.session import Session

VERSIONS_TAG = "mlflow.modelVersions"

_log = structlog.get_logger(__name__)


async def note_version(session: Session, version: ModelVersion) -> None:
    """Note on the logged model that a version was made of it, as MLflow's server does, where its maker may.

    A version without the note is better than a refusal after it was made: its maker would make another one.
    """
    if not version.model_id:
        return
    try:
        known = (await _model(session, version.model_id)).tags.get(VERSIONS_TAG, "")
        noted = _with(known, {"name": version.name, "version": version.version})
        change = pb.UpdateLoggedModelTagsRequest(model_id=version.model_id, set={VERSIONS_TAG: noted})
        await session.call("UpdateLoggedModelTags", change)
    except grpc.aio.AioRpcError as error:
        _log.info("version_not_noted", model_id=version.model_id, reason=_named(error))


async def of_model(session: Session, version: ModelVersion) -> dict[str, Any]:
    """The params and metrics of the logged model that a version was made of, where the caller may read it."""
    if not version.model_id:
        return {}
    try:
        data = (await models_json(session, [await _model(session, version.model_id)]))[0]["data"]
    except grpc.aio.AioRpcError as error:
        _log.debug("model_of_version_not_read", model_id=version.model_id, reason=_named(error))
        return {}
    params = [{"name": one["key"], "value": one["value"]} for one in data.get("params", ())]
    metrics = data.get("metrics", [])
    return {**({"model_params": params} if params else {}), **({"model_metrics": metrics} if metrics else {})}


async def _model(session: Session, model_id: str) -> LoggedModel:
    found: LoggedModel = (await session.call("GetLoggedModel", pb.GetLoggedModelRequest(model_id=model_id))).model
    return found


def _with(known: str, version: dict[str, str | int]) -> str:
    """The note with one version more, once; what is no list is somebody's own text, and gives way."""
    try:
        versions = json.loads(known or "[]")
    except ValueError:
        versions = []
    if not isinstance(versions, list):
        versions = []
    return json.dumps(versions if version in versions else [*versions, version])


def _named(error: grpc.aio.AioRpcError) -> str:
    reason = reason_of(error)
    return error.code().name if reason is None else reason.name

"""The routes of logged models (MLflow 3)."""

from __future__ import annotations

import re
from typing import Any

import grpc

from trackway.api.artifacts.v1.artifact_store_service_pb2 import ListArtifactsRequest
from trackway.api.artifacts.v1.resources_pb2 import ListEntry
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.resources_pb2 import LifecycleStage, LoggedModel
from trackway_server.core.errors import Reason
from trackway_server.core.ids import new_id
from trackway_server.gateway.mlflow.artifact_paths import as_named, safe_path
from trackway_server.gateway.mlflow.entities import LOGGED_MODEL_STATUSES, logged_model_json, logged_model_uri
from trackway_server.gateway.mlflow.errors import MlflowError, invalid, reason_of
from trackway_server.gateway.mlflow.model_points import models_json
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_PAGE = 100
_MOST = 1000
_FILES = 10_000
_METRIC = re.compile(r"(metrics?)\.(.+)", re.DOTALL)

Answer = dict[str, Any]


async def create(session: Session) -> Answer:
    """A model, PENDING, with a name of the server's where it is given none."""
    asked = session.parameters
    request = pb.CreateLoggedModelRequest(
        model_id=f"m-{new_id()}",
        experiment_id=asked.text("experiment_id"),
        name=asked.text("name", ""),
        model_type=asked.text("model_type", ""),
        source_run_id=asked.text("source_run_id", ""),
        params=asked.pairs("params"),
        tags=asked.pairs("tags"),
    )
    made = await session.call("CreateLoggedModel", request)
    return {"model": logged_model_json(made.model)}


async def get(session: Session) -> Answer:
    """One that is not deleted, or any with `allow_deleted`."""
    found = await _found(session, allow_deleted=session.parameters.flag("allow_deleted", False))
    return {"model": (await models_json(session, [found]))[0]}


async def finalize(session: Session) -> Answer:
    """Say how its making ended."""
    asked = session.parameters
    if not asked.has("status"):
        raise invalid("Missing value for required parameter 'status'.")
    status = asked.choice("status", LOGGED_MODEL_STATUSES, "")
    request = pb.FinalizeLoggedModelRequest(
        model_id=_id(session), status=status.replace("LOGGED_MODEL_", "LOGGED_MODEL_STATUS_")
    )
    ended = await session.call("FinalizeLoggedModel", request)
    return {"model": (await models_json(session, [ended.model]))[0]}


async def delete(session: Session) -> Answer:
    """Softly."""
    await session.call("DeleteLoggedModel", pb.DeleteLoggedModelRequest(model_id=_id(session)))
    return {}


async def set_tags(session: Session) -> Answer:
    """Several tags."""
    request = pb.UpdateLoggedModelTagsRequest(model_id=_id(session), set=session.parameters.pairs("tags"))
    await session.call("UpdateLoggedModelTags", request)
    return {}


async def delete_tag(session: Session) -> Answer:
    """One tag, which must be there."""
    model_id, key = _id(session), session.parameters.text("tag_key")
    try:
        await session.call("UpdateLoggedModelTags", pb.UpdateLoggedModelTagsRequest(model_id=model_id, delete=[key]))
    except grpc.aio.AioRpcError as error:
        if reason_of(error) is Reason.TAG_NOT_FOUND:
            message = f"No tag with key {key!r} found for model with ID {model_id!r}."
            raise MlflowError("RESOURCE_DOES_NOT_EXIST", message) from None
        raise
    return {}


async def log_params(session: Session) -> Answer:
    """Several params, each for ever."""
    request = pb.LogLoggedModelParamsRequest(model_id=_id(session), params=session.parameters.pairs("params"))
    await session.call("LogLoggedModelParams", request)
    return {}


async def search(session: Session) -> Answer:
    """Those of some experiments that a filter chooses, newest first where no order is given."""
    asked = session.parameters
    experiment_ids = asked.texts("experiment_ids")
    if not experiment_ids:
        raise invalid("Missing value for required parameter 'experiment_ids'.")
    most = asked.whole("max_results", _PAGE) or _PAGE
    if most < 0:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied: it must be positive.")
    page = pb.SearchLoggedModelsRequest(
        workspace=session.workspace,
        experiment_ids=experiment_ids,
        filter=asked.text("filter", ""),
        datasets=map(_dataset, asked.objects("datasets")),
        order_by=map(_order, asked.objects("order_by")),
        page_size=min(most, _MOST),
        page_token=asked.text("page_token", ""),
    )
    found = await session.call("SearchLoggedModels", page)
    listed = await models_json(session, found.models)
    more = {"next_page_token": found.next_page_token} if found.next_page_token else {}
    return {**({"models": listed} if listed else {}), **more}


async def list_artifacts(session: Session) -> Answer:
    """One folder of its files, with a token for the next page where it has more than 10,000 entries."""
    asked = session.parameters
    model = await _found(session, allow_deleted=False)
    request = ListArtifactsRequest(
        owner=f"models/{model.model_id}",
        path=safe_path(asked.text("artifact_directory_path", "")),
        workspace=model.workspace,
        page_size=_FILES,
        page_token=asked.text("page_token", ""),
    )
    found = await session.artifacts("ListArtifacts", request)
    files = sorted(map(_file_info, found.entries), key=lambda file: str(file["path"]))
    more = {"next_page_token": found.next_page_token} if found.next_page_token else {}
    return {"root_uri": logged_model_uri(model), **({"files": files} if files else {}), **more}


async def _found(session: Session, *, allow_deleted: bool) -> LoggedModel:
    model_id = _id(session)
    model: LoggedModel = (await session.call("GetLoggedModel", pb.GetLoggedModelRequest(model_id=model_id))).model
    if model.lifecycle_stage == LifecycleStage.LIFECYCLE_STAGE_DELETED and not allow_deleted:
        raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Logged model with ID '{model_id}' not found.")
    return model


def _dataset(asked: Parameters) -> pb.DatasetFilter:
    if not asked.has("dataset_name"):
        raise invalid("`dataset_name` in the `datasets` clause must be specified.")
    return pb.DatasetFilter(dataset_name=asked.text("dataset_name"), dataset_digest=asked.text("dataset_digest", ""))


def _order(asked: Parameters) -> pb.LoggedModelOrder:
    """A term of the order. The name of a metric is taken as it is, whatever its characters."""
    name = asked.text("field_name")
    if (metric := _METRIC.fullmatch(name)) and not metric[2].startswith(("`", '"')):
        name = f"{metric[1]}.`{metric[2]}`"
    dataset = _dataset(asked) if asked.has("dataset_name") else None
    return pb.LoggedModelOrder(field=f"{name} {'ASC' if asked.flag('ascending', True) else 'DESC'}", dataset=dataset)


def _file_info(entry: ListEntry) -> dict[str, Any]:
    """MLflow's FileInfo."""
    path = as_named(entry.path)
    if entry.is_folder:
        return {"path": path, "is_dir": True}
    return {"path": path, "is_dir": False, "file_size": entry.size_bytes}


def _id(session: Session) -> str:
    return session.parameters.text("model_id")


ROUTES: Routes = {
    "/logged-models": {"POST": create},
    "/logged-models/search": {"POST": search},
    "/logged-models/{model_id}": {"GET": get, "PATCH": finalize, "DELETE": delete},
    "/logged-models/{model_id}/tags": {"PATCH": set_tags},
    "/logged-models/{model_id}/tags/{tag_key:path}": {"DELETE": delete_tag},
    "/logged-models/{model_id}/params": {"POST": log_params},
    "/logged-models/{model_id}/artifacts/directories": {"GET": list_artifacts},
}

"""The routes of experiments."""

from __future__ import annotations

from typing import Any

import grpc

from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.core.errors import Reason
from trackway_server.gateway.mlflow.entities import VIEWS, experiment_json
from trackway_server.gateway.mlflow.errors import MlflowError, invalid, of_call, reason_of
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_MOST = 50_000
_PAGE = 1000

Answer = dict[str, Any]


async def create(session: Session) -> Answer:
    """An `artifact_location` is not taken: files are where this server keeps them."""
    asked = session.parameters
    request = pb.CreateExperimentRequest(name=asked.text("name"), tags=asked.pairs("tags"), workspace=session.workspace)
    made = await session.call("CreateExperiment", request)
    return {"experiment_id": made.experiment.experiment_id}


async def get(session: Session) -> Answer:
    """One by id, a deleted one too."""
    request = pb.GetExperimentRequest(experiment_id=session.parameters.text("experiment_id"))
    found = await session.call("GetExperiment", request)
    return {"experiment": experiment_json(found.experiment)}


async def get_by_name(session: Session) -> Answer:
    """One by name, a deleted one too."""
    request = pb.GetExperimentRequest(name=session.parameters.text("experiment_name"), workspace=session.workspace)
    found = await session.call("GetExperiment", request)
    return {"experiment": experiment_json(found.experiment)}


async def search(session: Session) -> Answer:
    """Those of a workspace that a filter chooses, newest first where no order is given."""
    asked = session.parameters
    most = asked.whole("max_results", 0)
    if not 1 <= most <= _MOST:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied. It must be 1 to {_MOST}.")
    page = pb.SearchExperimentsRequest(
        workspace=session.workspace,
        view="VIEW_TYPE_" + asked.choice("view_type", VIEWS, "ACTIVE_ONLY"),
        page_size=min(most, _PAGE),
        page_token=asked.text("page_token", ""),
        filter=asked.text("filter", ""),
        order_by=asked.texts("order_by"),
    )
    found = await session.call("SearchExperiments", page)
    listed = [experiment_json(experiment) for experiment in found.experiments]
    return {"experiments": listed, **({"next_page_token": found.next_page_token} if found.next_page_token else {})}


async def update(session: Session) -> Answer:
    """Rename one that is not deleted."""
    asked = session.parameters
    request = pb.UpdateExperimentRequest(experiment_id=asked.text("experiment_id"), new_name=asked.text("new_name"))
    try:
        await session.call("UpdateExperiment", request)
    except grpc.aio.AioRpcError as error:
        if reason_of(error) is Reason.EXPERIMENT_DELETED:
            raise MlflowError("INVALID_STATE", of_call(error).message) from None
        raise
    return {}


async def delete(session: Session) -> Answer:
    """Softly, with its runs."""
    await session.call("DeleteExperiment", pb.DeleteExperimentRequest(experiment_id=_id(session)))
    return {}


async def restore(session: Session) -> Answer:
    """Undo that."""
    await session.call("RestoreExperiment", pb.RestoreExperimentRequest(experiment_id=_id(session)))
    return {}


async def set_tag(session: Session) -> Answer:
    """One tag."""
    asked = session.parameters
    tags = {asked.text("key"): asked.text("value", "")}
    await session.call("UpdateExperiment", pb.UpdateExperimentRequest(experiment_id=_id(session), set_tags=tags))
    return {}


async def delete_tag(session: Session) -> Answer:
    """One tag, which must be there."""
    keys = [session.parameters.text("key")]
    await session.call("UpdateExperiment", pb.UpdateExperimentRequest(experiment_id=_id(session), delete_tags=keys))
    return {}


def _id(session: Session) -> str:
    return session.parameters.text("experiment_id")


ROUTES: Routes = {
    "/experiments/create": {"POST": create},
    "/experiments/get": {"GET": get},
    "/experiments/get-by-name": {"GET": get_by_name},
    "/experiments/search": {"GET": search, "POST": search},
    "/experiments/update": {"POST": update},
    "/experiments/delete": {"POST": delete},
    "/experiments/restore": {"POST": restore},
    "/experiments/set-experiment-tag": {"POST": set_tag},
    "/experiments/delete-experiment-tag": {"POST": delete_tag},
}

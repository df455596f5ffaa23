"""The routes of experiments."""

from __future__ import annotations

from typing import Any

from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.core.errors import Reason
from trackway_server.gateway.mlflow.entities import VIEWS, experiment_json
from trackway_server.gateway.mlflow.errors import in_words, invalid
from trackway_server.gateway.mlflow.keys import tag_key, tags_of
from trackway_server.gateway.mlflow.lengths import tag_value
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_LONGEST_NAME = 500
_MOST = 50_000
_PAGE = 1000

Answer = dict[str, Any]


async def create(session: Session) -> Answer:
    """An `artifact_location` is not taken: files are where this server keeps them."""
    asked = session.parameters
    name, tags = _name(asked, "name"), tags_of(asked, "tags")
    asked.text("artifact_location", "")
    request = pb.CreateExperimentRequest(name=name, tags=tags, workspace=session.workspace)
    with in_words({Reason.EXPERIMENT_ALREADY_EXISTS: f"Experiment(name={name}) already exists."}):
        made = await session.call("CreateExperiment", request)
    return {"experiment_id": made.experiment.experiment_id}


async def get(session: Session) -> Answer:
    """One by id, a deleted one too."""
    request = pb.GetExperimentRequest(experiment_id=session.parameters.experiment_id())
    found = await session.call("GetExperiment", request)
    return {"experiment": experiment_json(found.experiment)}


async def get_by_name(session: Session) -> Answer:
    """One by name, a deleted one too."""
    name = session.parameters.text("experiment_name")
    request = pb.GetExperimentRequest(name=name, workspace=session.workspace)
    with in_words({Reason.EXPERIMENT_NOT_FOUND: f"Could not find experiment with name '{name}'"}):
        found = await session.call("GetExperiment", request)
    return {"experiment": experiment_json(found.experiment)}


async def search(session: Session) -> Answer:
    """Those of a workspace that a filter chooses, newest first where no order is given."""
    asked = session.parameters
    most = asked.page_size(0, _MOST)
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
    return _given({"experiments": listed, "next_page_token": found.next_page_token})


async def update(session: Session) -> Answer:
    """Rename one that is not deleted."""
    asked = session.parameters
    request = pb.UpdateExperimentRequest(experiment_id=_id(session), new_name=_name(asked, "new_name"))
    with in_words({Reason.EXPERIMENT_DELETED: "Cannot rename a non-active experiment."}, "INVALID_STATE"):
        await session.call("UpdateExperiment", request)
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
    asked, experiment_id = session.parameters, _id(session)
    tags = {tag_key(asked): tag_value(asked)}
    await session.call("UpdateExperiment", pb.UpdateExperimentRequest(experiment_id=experiment_id, set_tags=tags))
    return {}


async def delete_tag(session: Session) -> Answer:
    """One tag, which must be there."""
    experiment_id, key = _id(session), session.parameters.text("key")
    request = pb.UpdateExperimentRequest(experiment_id=experiment_id, delete_tags=[key])
    with in_words({Reason.TAG_NOT_FOUND: f"No tag with name: {key} in experiment with id {experiment_id}"}):
        await session.call("UpdateExperiment", request)
    return {}


def _given(answer: Answer) -> Answer:
    return {name: value for name, value in answer.items() if value}


def _id(session: Session) -> str:
    return session.parameters.experiment_id()


def _name(asked: Parameters, parameter: str) -> str:
    name = asked.text(parameter)
    if len(name) > _LONGEST_NAME:
        raise invalid(f"'name' exceeds the maximum length of {_LONGEST_NAME} characters")
    return name


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

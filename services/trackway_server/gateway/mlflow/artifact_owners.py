"""Where the ArtifactStore keeps what MLflow's clients name: an owner in a workspace, which the caller may reach."""

from __future__ import annotations

from dataclasses import dataclass

from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway_server.gateway.mlflow.artifact_paths import Place, place_of, safe_path
from trackway_server.gateway.mlflow.errors import MlflowError
from trackway_server.gateway.mlflow.session import Session


@dataclass(frozen=True, slots=True)
class Kept:
    """A file or folder of the ArtifactStore."""

    workspace: str
    experiment_id: str
    owner: str
    path: str
    """Empty: all that the owner has."""


async def kept_at(session: Session, given: str) -> Kept:
    """What a path below `mlflow-artifacts:/` names. Raises MlflowError, and grpc.aio.AioRpcError where the caller may
    not see the run."""
    return await _kept(session, place_of(given))


async def kept_of_run(session: Session, run_id: str, path: str) -> Kept:
    """A path of a run. Raises as `kept_at`."""
    return await _kept(session, Place("", run_id, "", safe_path(path)))


async def kept_of_model(session: Session, model_id: str, path: str) -> Kept:
    """A path of a logged model. Raises as `kept_at`."""
    return await _kept(session, Place("", "", model_id, safe_path(path)))


async def _kept(session: Session, place: Place) -> Kept:
    if place.model_id:
        found = await session.call(
            "GetLoggedModelAccess", tracking.GetLoggedModelAccessRequest(model_id=place.model_id)
        )
        what, owner = f"Logged model with ID '{place.model_id}'", f"models/{place.model_id}"
    else:
        found = await session.call("GetRunAccess", tracking.GetRunAccessRequest(run_id=place.run_id))
        what, owner = f"Run with id={place.run_id}", f"runs/{place.run_id}"
    if place.experiment_id not in ("", found.experiment_id):
        message = f"{what} not found in experiment {place.experiment_id}"
        raise MlflowError("RESOURCE_DOES_NOT_EXIST", message)
    return Kept(found.workspace, found.experiment_id, owner, place.path)

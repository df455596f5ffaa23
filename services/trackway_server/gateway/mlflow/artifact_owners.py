"""Where the ArtifactStore keeps what MLflow's clients name: an owner in a workspace, which the caller may reach, or a
manifest, of which the ArtifactStore itself says whether the caller may read it."""

from __future__ import annotations

from dataclasses import dataclass

from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway_server.gateway.mlflow.artifact_paths import PinnedPlace, Place, place_of, safe_path
from trackway_server.gateway.mlflow.errors import MlflowError, invalid
from trackway_server.gateway.mlflow.session import Session


@dataclass(frozen=True, slots=True)
class Kept:
    """A file or folder of the ArtifactStore."""

    workspace: str
    experiment_id: str
    owner: str
    path: str
    """Empty: all that the owner has."""
    manifest_digest: str = ""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file or folder of a manifest, which is there for reading alone."""

    workspace: str
    manifest_digest: str
    path: str
    """Empty: all that the manifest has."""
    owner: str = ""


async def kept_at(session: Session, given: str) -> Kept:
    """What a path below `mlflow-artifacts:/` names, to write there. Raises MlflowError, and grpc.aio.AioRpcError where
    the caller may not see the run."""
    place = place_of(given)
    if isinstance(place, PinnedPlace):
        raise invalid("The files of a version never change; log them to a run, and register another version.")
    return await _kept(session, place)


async def readable_at(session: Session, given: str) -> Kept | Pinned:
    """What a path below `mlflow-artifacts:/` names, to read it. Raises as `kept_at`."""
    place = place_of(given)
    if isinstance(place, PinnedPlace):
        return Pinned(place.workspace, f"sha256:{place.digest}", place.path)
    return await _kept(session, place)


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

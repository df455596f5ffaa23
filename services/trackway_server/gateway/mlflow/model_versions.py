"""The routes of versions of registered models."""

from __future__ import annotations

from typing import Any

from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1.resources_pb2 import ModelVersion
from trackway.api.tracking.v1.tracking_service_pb2 import GetRunRequest
from trackway_server.core.errors import Reason
from trackway_server.gateway.mlflow.artifact_paths import PinnedPlace
from trackway_server.gateway.mlflow.model_links import note_version, of_model
from trackway_server.gateway.mlflow.registered_models import unless, version_number
from trackway_server.gateway.mlflow.registry_entities import version_json
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_MOST = 200_000
_DEFAULT = 10_000
_PAGE = 1000

Answer = dict[str, Any]


async def create(session: Session) -> Answer:
    """The next one. Its files are pinned where the source has some here; MLflow's clients may give one without."""
    asked = session.parameters
    request = pb.CreateVersionRequest(
        name=asked.text("name"),
        source=asked.text("source"),
        run_id=asked.text("run_id", ""),
        run_link=asked.text("run_link", ""),
        model_id=asked.text("model_id", ""),
        description=asked.text("description", ""),
        tags=asked.pairs("tags"),
        workspace=session.workspace,
        files_optional=True,
    )
    made = await session.registry("CreateVersion", request)
    await note_version(session, made.version)
    return {"model_version": version_json(made.version)}


async def get(session: Session) -> Answer:
    """One by number, with params and metrics of the logged model that it was made of."""
    version = await _version(session)
    return {"model_version": {**version_json(version), **await of_model(session, version)}}


async def update(session: Session) -> Answer:
    """The description."""
    request = pb.UpdateVersionRequest(
        name=_name(session),
        version=version_number(session),
        description=session.parameters.text("description", ""),
        workspace=session.workspace,
    )
    changed = await session.registry("UpdateVersion", request)
    return {"model_version": version_json(changed.version)}


async def transition(session: Session) -> Answer:
    """To another stage, and with `archive_existing_versions` the others of that stage to Archived."""
    request = pb.TransitionStageRequest(
        name=_name(session),
        version=version_number(session),
        stage=session.parameters.text("stage"),
        archive_existing_versions=session.parameters.flag("archive_existing_versions"),
        workspace=session.workspace,
    )
    moved = await session.registry("TransitionStage", request)
    return {"model_version": version_json(moved.version)}


async def delete(session: Session) -> Answer:
    """One with its aliases, in whatever stage. Its number is never used again."""
    request = pb.DeleteVersionRequest(
        name=_name(session), version=version_number(session), workspace=session.workspace, in_use=True
    )
    await session.registry("DeleteVersion", request)
    return {}


async def search(session: Session) -> Answer:
    """Those that a filter chooses, changed last first where no order is given."""
    asked = session.parameters
    page = pb.SearchVersionsRequest(
        workspace=session.workspace,
        filter=asked.text("filter", ""),
        order_by=asked.texts("order_by"),
        page_size=min(asked.page_size(_DEFAULT, _MOST), _PAGE),
        page_token=asked.text("page_token", ""),
    )
    found = await session.registry("SearchVersions", page)
    more = {"next_page_token": found.next_page_token} if found.next_page_token else {}
    versions = [version_json(version) for version in found.versions]
    return {**({"model_versions": versions} if versions else {}), **more}


async def get_download_uri(session: Session) -> Answer:
    """Where MLflow's clients find the files: those that are pinned, where they are kept here, whatever becomes of the
    run's."""
    version = await _version(session)
    if version.manifest_digest:
        digest = version.manifest_digest.removeprefix("sha256:")
        return {"artifact_uri": PinnedPlace(version.workspace, digest, "").uri}
    location = version.location or version.source
    scheme, _, rest = location.partition(":/")
    if scheme != "runs":
        return {"artifact_uri": location}
    run_id, _, path = rest.partition("/")
    run = (await session.call("GetRun", GetRunRequest(run_id=run_id))).run
    return {"artifact_uri": f"mlflow-artifacts:/{run.experiment_id}/{run_id}/artifacts/{path}"}


async def set_tag(session: Session) -> Answer:
    """One tag."""
    asked = session.parameters
    tags = {asked.text("key"): asked.text("value", "")}
    request = pb.ChangeVersionTagsRequest(
        name=_name(session), version=version_number(session), set=tags, workspace=session.workspace
    )
    await session.registry("ChangeVersionTags", request)
    return {}


async def delete_tag(session: Session) -> Answer:
    """One tag, if it is there."""
    request = pb.ChangeVersionTagsRequest(
        name=_name(session),
        version=version_number(session),
        delete=[session.parameters.text("key")],
        workspace=session.workspace,
    )
    await unless(session.registry("ChangeVersionTags", request), Reason.TAG_NOT_FOUND)
    return {}


async def _version(session: Session) -> ModelVersion:
    request = pb.GetVersionRequest(name=_name(session), version=version_number(session), workspace=session.workspace)
    found: ModelVersion = (await session.registry("GetVersion", request)).version
    return found


def _name(session: Session) -> str:
    return session.parameters.text("name")


ROUTES: Routes = {
    "/model-versions/create": {"POST": create},
    "/model-versions/get": {"GET": get},
    "/model-versions/update": {"PATCH": update},
    "/model-versions/transition-stage": {"POST": transition},
    "/model-versions/delete": {"DELETE": delete},
    "/model-versions/search": {"GET": search},
    "/model-versions/get-download-uri": {"GET": get_download_uri},
    "/model-versions/set-tag": {"POST": set_tag},
    "/model-versions/delete-tag": {"DELETE": delete_tag},
}

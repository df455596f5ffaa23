"""The routes of registered models and their aliases."""

from __future__ import annotations

from typing import Any

import grpc

from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway_server.core.errors import Reason
from trackway_server.gateway.mlflow.errors import MlflowError, invalid, of_call, reason_of
from trackway_server.gateway.mlflow.registry_entities import model_json, version_json
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

STAGES = ("None", "Staging", "Production", "Archived")
_MOST = 1000
_PAGE = 100
_GREATEST_VERSION = 2**31 - 1

Answer = dict[str, Any]


async def create(session: Session) -> Answer:
    """One without versions."""
    asked = session.parameters
    request = pb.CreateModelRequest(
        name=asked.text("name"),
        description=asked.text("description", ""),
        tags=asked.pairs("tags"),
        workspace=session.workspace,
    )
    made = await session.registry("CreateModel", request)
    return {"registered_model": model_json(made.model)}


async def get(session: Session) -> Answer:
    """One with the latest version of each stage and its aliases."""
    return {"registered_model": model_json(await _model(session))}


async def rename(session: Session) -> Answer:
    """With all its versions."""
    asked = session.parameters
    request = pb.RenameModelRequest(
        name=asked.text("name"), new_name=asked.text("new_name"), workspace=session.workspace
    )
    renamed = await session.registry("RenameModel", request)
    return {"registered_model": model_json(renamed.model)}


async def update(session: Session) -> Answer:
    """The description."""
    asked = session.parameters
    request = pb.UpdateModelRequest(
        name=asked.text("name"), description=asked.text("description", ""), workspace=session.workspace
    )
    changed = await session.registry("UpdateModel", request)
    return {"registered_model": model_json(changed.model)}


async def delete(session: Session) -> Answer:
    """With all its versions, in whatever stage."""
    request = pb.DeleteModelRequest(name=_name(session), workspace=session.workspace, in_use=True)
    await session.registry("DeleteModel", request)
    return {}


async def search(session: Session) -> Answer:
    """Those that a filter chooses, by name where no order is given."""
    asked = session.parameters
    page = pb.SearchModelsRequest(
        workspace=session.workspace,
        filter=asked.text("filter", ""),
        order_by=asked.texts("order_by"),
        page_size=asked.page_size(_PAGE, _MOST),
        page_token=asked.text("page_token", ""),
    )
    found = await session.registry("SearchModels", page)
    more = {"next_page_token": found.next_page_token} if found.next_page_token else {}
    models = [model_json(model) for model in found.models]
    return {**({"registered_models": models} if models else {}), **more}


async def latest_versions(session: Session) -> Answer:
    """The greatest version of each stage, of those named or of all."""
    wanted = {stage.lower() for stage in session.parameters.texts("stages")}
    if unknown := wanted - {stage.lower() for stage in STAGES}:
        raise invalid(f"Invalid Model Version stage: {min(unknown)}. Value must be one of {', '.join(STAGES)}.")
    newest = (await _model(session)).latest_versions
    shown = [version_json(each) for each in newest if not wanted or each.stage.lower() in wanted]
    return {"model_versions": shown} if shown else {}


async def set_tag(session: Session) -> Answer:
    """One tag."""
    asked = session.parameters
    tags = {asked.text("key"): asked.text("value", "")}
    request = pb.ChangeModelTagsRequest(name=_name(session), set=tags, workspace=session.workspace)
    await session.registry("ChangeModelTags", request)
    return {}


async def delete_tag(session: Session) -> Answer:
    """One tag, if it is there."""
    keys = [session.parameters.text("key")]
    request = pb.ChangeModelTagsRequest(name=_name(session), delete=keys, workspace=session.workspace)
    await unless(session.registry("ChangeModelTags", request), Reason.TAG_NOT_FOUND)
    return {}


async def set_alias(session: Session) -> Answer:
    """Point an alias to a version, wherever it pointed before."""
    request = pb.SetAliasRequest(
        name=_name(session),
        alias=session.parameters.text("alias"),
        version=version_number(session),
        workspace=session.workspace,
    )
    await session.registry("SetAlias", request)
    return {}


async def delete_alias(session: Session) -> Answer:
    """One alias, if it is there."""
    alias = session.parameters.text("alias")
    request = pb.DeleteAliasRequest(name=_name(session), alias=alias, workspace=session.workspace)
    await unless(session.registry("DeleteAlias", request), Reason.ALIAS_NOT_FOUND)
    return {}


async def get_by_alias(session: Session) -> Answer:
    """The version that an alias points to, and with `latest` the greatest."""
    alias, model = session.parameters.text("alias"), await _model(session)
    if alias.lower() == "latest":
        if not model.latest_versions:
            raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Latest version not found for model {model.name}.")
        return {"model_version": version_json(max(model.latest_versions, key=lambda each: each.version))}
    if alias not in model.aliases:
        raise invalid(f"Registered model alias {alias} not found.")
    request = pb.GetVersionRequest(name=model.name, version=model.aliases[alias], workspace=session.workspace)
    found = await session.registry("GetVersion", request)
    return {"model_version": version_json(found.version)}


def version_number(session: Session) -> int:
    """`version`. Raises MlflowError where it is none that a version could have."""
    number = session.parameters.whole("version")
    if not 1 <= number <= _GREATEST_VERSION:
        raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Model Version (version={number}) not found.")
    return number


async def unless(call: Any, *accepted: Reason) -> None:
    """A call that may be refused for these reasons."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        if reason_of(error) not in accepted:
            raise of_call(error) from None


async def _model(session: Session) -> Any:
    request = pb.GetModelRequest(name=_name(session), workspace=session.workspace)
    return (await session.registry("GetModel", request)).model


def _name(session: Session) -> str:
    return session.parameters.text("name")


ROUTES: Routes = {
    "/registered-models/create": {"POST": create},
    "/registered-models/get": {"GET": get},
    "/registered-models/rename": {"POST": rename},
    "/registered-models/update": {"PATCH": update},
    "/registered-models/delete": {"DELETE": delete},
    "/registered-models/search": {"GET": search},
    "/registered-models/get-latest-versions": {"GET": latest_versions, "POST": latest_versions},
    "/registered-models/set-tag": {"POST": set_tag},
    "/registered-models/delete-tag": {"DELETE": delete_tag},
    "/registered-models/alias": {"POST": set_alias, "DELETE": delete_alias, "GET": get_by_alias},
}

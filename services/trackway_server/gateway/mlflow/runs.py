"""The routes of runs, but for their metrics."""

from __future__ import annotations

import json
from time import monotonic
from typing import Any

from trackway.api.metrics.v1.ingest_pb2 import ParamsSet, RunStart, TagsChange
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.resources_pb2 import RunStatus
from trackway_server.core.errors import Reason
from trackway_server.core.ids import new_id
from trackway_server.gateway.connect.codec import strict_json
from trackway_server.gateway.mlflow.entities import STATUSES, VIEWS, run_info_json, run_json
from trackway_server.gateway.mlflow.errors import in_words, invalid
from trackway_server.gateway.mlflow.keys import param_key, tag_key, tags_of
from trackway_server.gateway.mlflow.lengths import param_value, tag_value
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

RUN_NAME_TAG = "mlflow.runName"
LOGGED_MODELS_TAG = "mlflow.log-model.history"
_MOST = 50_000
_PAGE = 1000
_ANSWER_BYTES = 8 << 20
"""After so much, as Tracking sends it, an answer ends with the page; in JSON it is some times that."""

Answer = dict[str, Any]


async def create(session: Session) -> Answer:
    """A run, RUNNING, with a name of the server's where it is given none."""
    asked = session.parameters
    tags, name = tags_of(asked, "tags"), asked.text("run_name", "")
    tagged = tags.get(RUN_NAME_TAG, name)
    if name and tagged != name:
        raise invalid(
            f"Both 'run_name' argument and '{RUN_NAME_TAG}' tag are specified, but with different values "
            f"(run_name='{name}', {RUN_NAME_TAG}='{tagged}')."
        )
    start = RunStart(
        experiment_id=asked.experiment_id("0"),
        run_name=name,
        user_id=asked.text("user_id", ""),
        start_time_us=1000 * _time(session, "start_time"),
        tags=tags,
    )
    request = pb.CreateRunRequest(run_id=new_id(), workspace=session.workspace, start=start)
    made = await session.call("CreateRun", request)
    return {"run": {name: value for name, value in run_json(made.run).items() if name != "outputs"}}


async def get(session: Session) -> Answer:
    """One with its latest metrics, params, tags and data sets."""
    found = await session.call("GetRun", pb.GetRunRequest(run_id=session.parameters.run_id()))
    return {"run": run_json(found.run)}


async def search(session: Session) -> Answer:
    """Those of some experiments that a filter chooses, latest first where no order is given.

    As many as are asked for, and fewer, with a token, where they are too large for one answer or take too long.
    """
    asked = session.parameters
    most = asked.page_size(_PAGE, _MOST)
    experiment_ids = asked.experiment_ids()
    if not experiment_ids:
        return {}
    page = pb.SearchRunsRequest(
        workspace=session.workspace,
        experiment_ids=experiment_ids,
        view="VIEW_TYPE_" + asked.choice("run_view_type", VIEWS, "ACTIVE_ONLY"),
        filter=asked.text("filter", ""),
        order_by=asked.texts("order_by"),
        page_token=asked.text("page_token", ""),
    )
    listed: list[dict[str, Any]] = []
    size, until = 0, monotonic() + session.timeout_s
    while True:
        page.page_size = min(most - len(listed), _PAGE)
        found = await session.call("SearchRuns", page)
        listed += [run_json(run) for run in found.runs]
        page.page_token, size = found.next_page_token, size + found.ByteSize()
        if not page.page_token or len(listed) >= most or size >= _ANSWER_BYTES or monotonic() >= until:
            return _given({"runs": listed, "next_page_token": page.page_token})


async def update(session: Session) -> Answer:
    """Status, end and name. Of a run that has ended, the end alone may change; one that goes on has none."""
    asked, run_id = session.parameters, session.parameters.run_id()
    status = "RUN_STATUS_" + asked.choice("status", STATUSES, "UNSPECIFIED")
    end_time_us = 1000 * _time(session, "end_time")
    if end_time_us and not asked.has("status"):
        ended = (await session.call("GetRun", pb.GetRunRequest(run_id=run_id))).run
        status = RunStatus.Name(ended.status) if ended.end_time_us else status
    request = pb.UpdateRunRequest(
        run_id=run_id,
        status=status,
        end_time_us=end_time_us,
        run_name=asked.text("run_name", ""),
    )
    changed = await session.call("UpdateRun", request)
    return {"run_info": run_info_json(changed.run)}


async def delete(session: Session) -> Answer:
    """Softly."""
    await session.call("DeleteRun", pb.DeleteRunRequest(run_id=session.parameters.run_id()))
    return {}


async def restore(session: Session) -> Answer:
    """Undo that."""
    await session.call("RestoreRun", pb.RestoreRunRequest(run_id=session.parameters.run_id()))
    return {}


async def log_param(session: Session) -> Answer:
    """One param, for ever."""
    asked, run_id = session.parameters, session.parameters.run_id()
    params = ParamsSet(params={param_key(asked): param_value(asked)})
    await session.call("LogBatch", pb.LogBatchRequest(run_id=run_id, params=params))
    return {}


async def set_tag(session: Session) -> Answer:
    """One tag."""
    asked, run_id = session.parameters, session.parameters.run_id()
    tags = TagsChange(set={tag_key(asked): tag_value(asked)})
    await session.call("LogBatch", pb.LogBatchRequest(run_id=run_id, tags=tags))
    return {}


async def delete_tag(session: Session) -> Answer:
    """One tag, which must be there."""
    asked = session.parameters
    run_id, key = asked.run_id(), asked.text("key")
    request = pb.LogBatchRequest(run_id=run_id, tags=TagsChange(delete=[key]))
    with in_words({Reason.TAG_NOT_FOUND: f"No tag with name: {key} in run with id {run_id}"}):
        await session.call("LogBatch", request)
    return {}


async def log_model(session: Session) -> Answer:
    """Note a model in a tag of the run, after those that are noted there, as clients of MLflow 1 and 2 do."""
    asked = session.parameters
    run_id, model = asked.run_id(), _model(asked.text("model_json"))
    found = await session.call("GetRun", pb.GetRunRequest(run_id=run_id))
    try:
        noted = strict_json(found.run.tags.get(LOGGED_MODELS_TAG, "[]").encode())
    except ValueError:
        noted = None
    if not isinstance(noted, list):
        raise invalid(f"The tag {LOGGED_MODELS_TAG} of the run is no list in JSON; delete it.")
    tags = TagsChange(set={LOGGED_MODELS_TAG: json.dumps([*noted, model])})
    await session.call("LogBatch", pb.LogBatchRequest(run_id=run_id, tags=tags))
    return {}


def _model(text: str) -> Answer:
    """What of an MLmodel file is noted."""
    try:
        model = strict_json(text.encode())
    except ValueError:
        raise invalid(f"Malformed model info. \n {text} \n is not a valid JSON.") from None
    if not isinstance(model, dict):
        raise invalid("Malformed model info: it must be a JSON object.")
    if missing := {"artifact_path", "flavors", "utc_time_created", "run_id"} - model.keys():
        raise invalid(f"Model json is missing mandatory fields: {', '.join(sorted(missing))}")
    flavors = model["flavors"] if isinstance(model["flavors"], dict) else {}
    noted = {
        name: model[name] for name in ("run_id", "artifact_path", "utc_time_created", "model_uuid") if name in model
    }
    return {**noted, "flavors": {name: _without_config(flavor) for name, flavor in flavors.items()}}


def _without_config(flavor: Any) -> Any:
    return {key: value for key, value in flavor.items() if key != "config"} if isinstance(flavor, dict) else flavor


def _given(answer: Answer) -> Answer:
    return {name: value for name, value in answer.items() if value}


def _time(session: Session, name: str) -> int:
    """A time in milliseconds; 0 where there is none."""
    value = session.parameters.whole(name, 0)
    if not 0 <= value < 2**53:
        raise invalid(f"Invalid value {value} for parameter '{name}' supplied: it must be milliseconds since 1970.")
    return value


ROUTES: Routes = {
    "/runs/create": {"POST": create},
    "/runs/get": {"GET": get},
    "/runs/search": {"POST": search},
    "/runs/update": {"POST": update},
    "/runs/delete": {"POST": delete},
    "/runs/restore": {"POST": restore},
    "/runs/log-parameter": {"POST": log_param},
    "/runs/set-tag": {"POST": set_tag},
    "/runs/delete-tag": {"POST": delete_tag},
    "/runs/log-model": {"POST": log_model},
}

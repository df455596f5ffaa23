"""The routes of runs, but for their metrics."""

from __future__ import annotations

from typing import Any

from trackway.api.metrics.v1.ingest_pb2 import ParamsSet, RunStart, TagsChange
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.core.ids import new_id
from trackway_server.gateway.mlflow.entities import STATUSES, VIEWS, run_info_json, run_json
from trackway_server.gateway.mlflow.errors import invalid
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

RUN_NAME_TAG = "mlflow.runName"
_MOST = 50_000
_PAGE = 1000

Answer = dict[str, Any]


async def create(session: Session) -> Answer:
    """A run, RUNNING, with a name of the server's where it is given none."""
    asked = session.parameters
    tags, name = asked.pairs("tags"), asked.text("run_name", "")
    if name and tags.get(RUN_NAME_TAG, name) != name:
        raise invalid(f"Both 'run_name' argument and '{RUN_NAME_TAG}' tag are specified, but with different values.")
    start = RunStart(
        experiment_id=asked.text("experiment_id", "0"),
        run_name=name,
        user_id=asked.text("user_id", ""),
        start_time_us=1000 * _time(session, "start_time"),
        tags=tags,
    )
    request = pb.CreateRunRequest(run_id=new_id(), workspace=session.workspace, start=start)
    made = await session.call("CreateRun", request)
    return {"run": run_json(made.run)}


async def get(session: Session) -> Answer:
    """One with its latest metrics, params, tags and data sets."""
    found = await session.call("GetRun", pb.GetRunRequest(run_id=session.parameters.run_id()))
    return {"run": run_json(found.run)}


async def search(session: Session) -> Answer:
    """Those of some experiments that a filter chooses, latest first where no order is given."""
    asked = session.parameters
    most = asked.whole("max_results", _PAGE)
    if not 1 <= most <= _MOST:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied. It must be 1 to {_MOST}.")
    experiment_ids = asked.texts("experiment_ids")
    if not experiment_ids:
        return {}
    page = pb.SearchRunsRequest(
        workspace=session.workspace,
        experiment_ids=experiment_ids,
        view="VIEW_TYPE_" + asked.choice("run_view_type", VIEWS, "ACTIVE_ONLY"),
        filter=asked.text("filter", ""),
        order_by=asked.texts("order_by"),
        page_size=min(most, _PAGE),
        page_token=asked.text("page_token", ""),
    )
    found = await session.call("SearchRuns", page)
    listed = [run_json(run) for run in found.runs]
    return {"runs": listed, **({"next_page_token": found.next_page_token} if found.next_page_token else {})}


async def update(session: Session) -> Answer:
    """Status, end and name."""
    asked = session.parameters
    status = asked.choice("status", STATUSES, "UNSPECIFIED")
    request = pb.UpdateRunRequest(
        run_id=asked.run_id(),
        status=f"RUN_STATUS_{status}",
        end_time_us=1000 * _time(session, "end_time"),
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
    asked = session.parameters
    params = ParamsSet(params={asked.text("key"): asked.text("value", "")})
    await session.call("LogBatch", pb.LogBatchRequest(run_id=asked.run_id(), params=params))
    return {}


async def set_tag(session: Session) -> Answer:
    """One tag."""
    asked = session.parameters
    tags = TagsChange(set={asked.text("key"): asked.text("value", "")})
    await session.call("LogBatch", pb.LogBatchRequest(run_id=asked.run_id(), tags=tags))
    return {}


async def delete_tag(session: Session) -> Answer:
    """One tag, which must be there."""
    asked = session.parameters
    tags = TagsChange(delete=[asked.text("key")])
    await session.call("LogBatch", pb.LogBatchRequest(run_id=asked.run_id(), tags=tags))
    return {}


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
}

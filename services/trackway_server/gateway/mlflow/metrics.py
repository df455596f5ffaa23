"""The routes that write metrics.

Each request is a writer. Its id is made of the run, the sender and the points, so a request that is sent again, as
MLflow's client does when an answer was lost, is known by its id, and its points are stored once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from trackway.api.metrics.v1 import ingest_pb2 as ingest
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.gateway.mlflow.errors import invalid
from trackway_server.gateway.mlflow.keys import param_key, tags_of
from trackway_server.gateway.mlflow.lengths import param_value
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.points import Points, append_of, points_of
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_MOST = {"metrics": 1000, "params": 100, "tags": 100, "metrics, params, and tags": 1000}
_LABELS = {"by": "MLflow REST"}

Answer = dict[str, Any]


async def log_metric(session: Session) -> Answer:
    """One point."""
    run_id = session.parameters.run_id()
    await _log(session, pb.LogBatchRequest(run_id=run_id), points_of([session.parameters]))
    return {}


async def log_batch(session: Session) -> Answer:
    """Params, tags and points, all or none of them."""
    asked = session.parameters
    run_id = asked.run_id()
    metrics = asked.objects("metrics")
    points = points_of(metrics) if metrics else None
    params, tags = asked.objects("params"), asked.objects("tags")
    _check_count(metrics=len(metrics), params=len(params), tags=len(tags))
    request = pb.LogBatchRequest(
        run_id=run_id,
        params=ingest.ParamsSet(params=_params(params)),
        tags=ingest.TagsChange(set=tags_of(asked, "tags")),
    )
    await _log(session, request, points)
    return {}


async def _log(session: Session, request: pb.LogBatchRequest, points: Points | None) -> None:
    if points is not None:
        request.points.CopyFrom(append_of(points))
        request.writer_id = _writer_id(session, request)
        request.writer_labels.update(_LABELS)
    await session.call("LogBatch", request)


def _params(params: Iterable[Parameters]) -> dict[str, str]:
    pairs = [(param_key(one), param_value(one)) for one in params]
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = Counter(key for key, _ in pairs)
        raise invalid(
            f"Duplicate parameter keys have been submitted: {[key for key in keys for _ in range(keys[key] - 1)]}. "
            "Please ensure the request contains only one param value per param key."
        )
    return found


def _check_count(**counts: int) -> None:
    in_all = {"metrics, params, and tags": sum(counts.values())}
    for name, count in (counts | in_all).items():
        if count > _MOST[name]:
            raise invalid(
                f"A batch logging request can contain at most {_MOST[name]} {name}. Got {count} {name}. "
                f"Please split up {name} across multiple requests and try again."
            )


def _writer_id(session: Session, request: pb.LogBatchRequest) -> str:
    content = request.points.SerializeToString(deterministic=True)
    return hashlib.sha256(b"\0".join([request.run_id.encode(), session.sender.encode(), content])).hexdigest()[:32]


ROUTES: Routes = {
    "/runs/log-metric": {"POST": log_metric},
    "/runs/log-batch": {"POST": log_batch},
}

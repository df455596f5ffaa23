"""The routes that write metrics. Points go the way of all points, through `Ingest`: each request is a writer.

The writer's id is made of the run, the sender and the points. So a request that is sent again, as MLflow's client does
when an answer was lost, is known by its id, and its points are stored once.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc

from trackway.api.common.v1.errors_pb2 import ErrorReason
from trackway.api.metrics.v1 import ingest_pb2 as ingest
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.validation import validate
from trackway_server.gateway.mlflow.entities import DATASET_DIGEST, DATASET_NAME, MODEL_ID
from trackway_server.gateway.mlflow.errors import MlflowError, invalid, of_refusal
from trackway_server.gateway.mlflow.keys import metric_key, param_key, tags_of
from trackway_server.gateway.mlflow.lengths import param_value
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_MOST = {"metrics": 1000, "params": 100, "tags": 100, "metrics, params, and tags": 1000}
_CONTEXT = (MODEL_ID, DATASET_NAME, DATASET_DIGEST)

Answer = dict[str, Any]
SeriesName = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Point:
    """One point, with its time in microseconds."""

    series: SeriesName
    value: float
    time_us: int
    step: int


async def log_metric(session: Session) -> Answer:
    """One point."""
    run_id = session.parameters.run_id()
    await _store(session, run_id, _records([_point(session.parameters)]))
    return {}


async def log_batch(session: Session) -> Answer:
    """Params and tags, all or none of them; then the points, all or none of them."""
    asked = session.parameters
    run_id = asked.run_id()
    points = [_point(one) for one in asked.objects("metrics")]
    params, tags = asked.objects("params"), asked.objects("tags")
    _check_count(metrics=len(points), params=len(params), tags=len(tags))
    records = _records(points)
    if params or tags:
        request = pb.LogBatchRequest(
            run_id=run_id,
            params=ingest.ParamsSet(params=_params(params)),
            tags=ingest.TagsChange(set=tags_of(asked, "tags")),
        )
        await session.call("LogBatch", request)
    if points:
        await _store(session, run_id, records)
    elif not (params or tags):
        await session.call("LogBatch", pb.LogBatchRequest(run_id=run_id))  # it must be there all the same
    return {}


def _point(asked: Parameters) -> Point:
    key, value, timestamp = metric_key(asked), asked.number("value"), asked.whole("timestamp")
    if not 0 <= timestamp < 2**53:
        raise invalid(
            f"Invalid value {timestamp} for parameter '{asked.path('timestamp')}' supplied: metric '{key}' "
            f"(value={value}). Timestamp must be a nonnegative long (64-bit integer) "
        )
    if asked.has(DATASET_NAME) is not asked.has(DATASET_DIGEST):
        raise invalid("Both dataset_name and dataset_digest must be provided if one is provided")
    context = tuple((name, asked.text(name)) for name in _CONTEXT if asked.has(name))
    return Point((key, context), value, 1000 * timestamp, asked.whole("step", 0))


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


async def _store(session: Session, run_id: str, records: list[ingest.Record]) -> None:
    append = ingest.AppendRecords(first_sequence=0, record_count=len(records), records=records)
    opening = ingest.OpenWriter(
        subject_id=run_id,
        writer_id=_writer_id(session, run_id, append),
        epoch=time.time_ns() // 1000,
        labels={"by": "MLflow REST"},
        workspace=session.workspace,
        brief=True,
    )
    call = session.stream("Ingest")
    try:
        await call.write(ingest.IngestRequest(open=opening))
        opened = await _next(call, run_id)
        if opened.opened.durable_sequence < len(records):
            await call.write(ingest.IngestRequest(append=append))
            await call.done_writing()
            acknowledged = (await _next(call, run_id)).acknowledged
            if acknowledged.refused:
                raise _refused(acknowledged.refused[0], run_id)
        else:
            await call.done_writing()
    finally:
        call.cancel()


async def _next(call: Any, run_id: str) -> ingest.IngestResponse:
    """The next answer of the stream. Raises MlflowError for one that refuses, grpc.aio.AioRpcError."""
    answer = await call.read()
    if answer is grpc.aio.EOF:
        raise MlflowError("INTERNAL_ERROR", "The tracking service ended the stream without an answer.")
    assert isinstance(answer, ingest.IngestResponse)
    if answer.HasField("refused"):
        raise _refused(answer.refused, run_id)
    return answer


def _refused(refusal: Any, run_id: str) -> MlflowError:
    name = ErrorReason.Name(refusal.reason).removeprefix("ERROR_REASON_")
    return of_refusal(DomainError(Reason.__members__.get(name, Reason.INTERNAL), refusal.message, run_id=run_id))


def _records(points: list[Point]) -> list[ingest.Record]:
    """The definitions of the series, then blocks of them, each of which is one record.

    Raises DomainError where one breaks a limit: the service would refuse that record alone, and store the others.
    """
    by_series: dict[SeriesName, list[Point]] = {}
    for point in points:
        by_series.setdefault(point.series, []).append(point)
    by_series = {name: _ties_by_value(of_series) for name, of_series in by_series.items()}
    definitions = [
        ingest.Record(
            sequence_offset=number,
            series=ingest.SeriesDefinition(series_id=number, key=key, context=dict(context)),
        )
        for number, (key, context) in enumerate(by_series)
    ]
    # Series that were logged at the same steps and times, as a dict of metrics is, are the columns of one block.
    by_rows: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for number, of_series in enumerate(by_series.values()):
        by_rows.setdefault(tuple((point.step, point.time_us) for point in of_series), []).append(number)
    columns = list(by_series.values())
    blocks = [
        ingest.Record(
            sequence_offset=len(by_series) + number,
            points=_block(series_ids, [columns[series_id] for series_id in series_ids]),
        )
        for number, series_ids in enumerate(by_rows.values())
    ]
    for record in definitions + blocks:
        validate(record)
    return definitions + blocks


def _rank(point: Point) -> float:
    return 0.0 if math.isnan(point.value) else point.value


def _ties_by_value(points: list[Point]) -> list[Point]:
    """The points, but those of one step and time by value: of these, MLflow's latest is the greatest."""
    at: dict[tuple[int, int], list[int]] = {}
    for number, point in enumerate(points):
        at.setdefault((point.step, point.time_us), []).append(number)
    for places in at.values():
        if len(places) > 1:
            rising = sorted((points[place] for place in places), key=_rank)
            for place, point in zip(places, rising, strict=True):
                points[place] = point
    return points


def _block(series_ids: list[int], columns: list[list[Point]]) -> ingest.PointBlock:
    """Series that have the same steps and times."""
    points = columns[0]
    times, steps = [point.time_us for point in points], [point.step for point in points]
    return ingest.PointBlock(
        row_count=len(points),
        one_record=True,
        series_ids=series_ids,
        first_time_us=times[0],
        time_deltas=[after - before for before, after in itertools.pairwise(times)],
        first_step=steps[0],
        step_deltas=[_wrapped(after - before) for before, after in itertools.pairwise(steps)],
        values=[point.value for row in zip(*columns, strict=True) for point in row],
    )


def _wrapped(delta: int) -> int:
    """Modulo 2^64, as a signed number of 64 bits."""
    return (delta + 2**63) % 2**64 - 2**63


def _writer_id(session: Session, run_id: str, append: ingest.AppendRecords) -> str:
    content = append.SerializeToString(deterministic=True)
    return hashlib.sha256(b"\0".join([run_id.encode(), session.sender.encode(), content])).hexdigest()[:32]


ROUTES: Routes = {
    "/runs/log-metric": {"POST": log_metric},
    "/runs/log-batch": {"POST": log_batch},
}

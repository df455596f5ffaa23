"""The routes of metrics. Points go the way that all points go, through `Ingest`: each request is a writer of its own.

The writer's id is made of the run, the sender and the points. So a request that is sent again, as MLflow's client does
when an answer was lost, is known by its id, and its points are stored once.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc

from trackway.api.common.v1.errors_pb2 import ErrorReason
from trackway.api.metrics.v1 import ingest_pb2 as ingest
from trackway.api.metrics.v1.series_pb2 import PointColumns, SeriesSelection
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.validation import validate
from trackway_server.gateway.mlflow.entities import DATASET_DIGEST, DATASET_NAME, MODEL_ID, metric_json
from trackway_server.gateway.mlflow.errors import MlflowError, invalid, of_refusal, reason_of
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_MOST = {"metrics": 1000, "params": 100, "tags": 100}
_MOST_IN_ALL = 1000
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
    await _store(session, session.parameters.run_id(), _records([_point(session.parameters)]))
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
            tags=ingest.TagsChange(set=asked.pairs("tags")),
        )
        await session.call("LogBatch", request)
    if points:
        await _store(session, run_id, records)
    elif not (params or tags):
        await session.call("GetRun", pb.GetRunRequest(run_id=run_id))  # it must be there all the same
    return {}


async def get_history(session: Session) -> Answer:
    """The points of a key in all its series, in the order of time and step; a page of them where `max_results` asks."""
    asked = session.parameters
    chosen = SeriesSelection(keys=[asked.text("metric_key")], any_context=True)
    request = pb.ReadSeriesRequest(run_ids=[asked.run_id()], series=chosen)
    most, first = asked.whole("max_results", 0), _offset(asked.text("page_token", ""))
    if most < 0:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied: it must be greater than 0.")
    try:
        columns = [answer.points async for answer in session.stream("ReadSeries", request)]
    except grpc.aio.AioRpcError as error:
        if reason_of(error) in {Reason.SERIES_NOT_FOUND, Reason.RUN_NOT_FOUND}:
            return {}  # of what is not there, MLflow has no history, and says no more
        raise
    return await asyncio.to_thread(_page, columns, first, most)


def _page(columns: Iterable[PointColumns], first: int, most: int) -> Answer:
    rows = [
        (time_us, step, value, one.key, one.context)
        for one in columns
        for time_us, step, value in zip(one.times_us, one.steps, one.values, strict=True)
    ]
    rows.sort(key=lambda row: row[:2])
    end = first + most if most else len(rows)
    shown = [metric_json(key, value, time_us, step, context) for time_us, step, value, key, context in rows[first:end]]
    more = {"next_page_token": base64.urlsafe_b64encode(str(end).encode()).decode()} if end < len(rows) else {}
    return {"metrics": shown, **more}


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        return int(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)[:18])
    except (binascii.Error, ValueError):
        raise invalid("Invalid page token.") from None


def _point(asked: Parameters) -> Point:
    timestamp = asked.whole("timestamp")
    if not 0 <= timestamp < 2**53:
        raise invalid(f"Invalid value {timestamp} for parameter 'timestamp' supplied: it must be milliseconds.")
    context = tuple((name, asked.text(name)) for name in _CONTEXT if asked.has(name))
    return Point((asked.text("key"), context), asked.number("value"), 1000 * timestamp, asked.whole("step", 0))


def _params(params: Iterable[Parameters]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in params:
        key, value = one.text("key"), one.text("value", "")
        if found.setdefault(key, value) != value:
            raise invalid(f"Duplicate parameter keys have been submitted: [{key!r}] with different values.")
    return found


def _check_count(**counts: int) -> None:
    for name, count in counts.items():
        if count > _MOST[name]:
            raise invalid(
                f"A batch logging request can contain at most {_MOST[name]} {name}. Got {count} {name}. "
                f"Please split up {name} across multiple requests and try again."
            )
    if sum(counts.values()) > _MOST_IN_ALL:
        raise invalid(f"A batch logging request can contain at most {_MOST_IN_ALL} metrics, params and tags in all.")


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
        opened = await _next(call)
        if opened.opened.durable_sequence < len(records):
            await call.write(ingest.IngestRequest(append=append))
            await call.done_writing()
            acknowledged = (await _next(call)).acknowledged
            if acknowledged.refused:
                raise _refused(acknowledged.refused[0].reason, acknowledged.refused[0].message)
        else:
            await call.done_writing()
    finally:
        call.cancel()


async def _next(call: Any) -> ingest.IngestResponse:
    """The next answer of the stream. Raises MlflowError for one that refuses, grpc.aio.AioRpcError."""
    answer = await call.read()
    if answer is grpc.aio.EOF:
        raise MlflowError("INTERNAL_ERROR", "The tracking service ended the stream without an answer.")
    assert isinstance(answer, ingest.IngestResponse)
    if answer.HasField("refused"):
        raise _refused(answer.refused.reason, answer.refused.message)
    return answer


def _refused(reason: ErrorReason, message: str) -> MlflowError:
    name = ErrorReason.Name(reason).removeprefix("ERROR_REASON_")
    return of_refusal(DomainError(Reason.__members__.get(name, Reason.INTERNAL), message))


def _records(points: list[Point]) -> list[ingest.Record]:
    """The definitions of the series, then for each series a block that is one record.

    Raises DomainError where one breaks a limit: the service would refuse that record alone, and store the others.
    """
    by_series: dict[SeriesName, list[Point]] = {}
    for point in points:
        by_series.setdefault(point.series, []).append(point)
    definitions = [
        ingest.Record(
            sequence_offset=number,
            series=ingest.SeriesDefinition(series_id=number, key=key, context=dict(context)),
        )
        for number, (key, context) in enumerate(by_series)
    ]
    blocks = [
        ingest.Record(sequence_offset=len(by_series) + number, points=_block(number, of_series))
        for number, of_series in enumerate(by_series.values())
    ]
    for record in definitions + blocks:
        validate(record)
    return definitions + blocks


def _block(series_id: int, points: list[Point]) -> ingest.PointBlock:
    times, steps = [point.time_us for point in points], [point.step for point in points]
    return ingest.PointBlock(
        row_count=len(points),
        one_record=True,
        series_ids=[series_id],
        first_time_us=times[0],
        time_deltas=[after - before for before, after in itertools.pairwise(times)],
        first_step=steps[0],
        step_deltas=[_wrapped(after - before) for before, after in itertools.pairwise(steps)],
        values=[point.value for point in points],
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
    "/metrics/get-history": {"GET": get_history},
}

"""The routes that read metrics' points: all of them, or a sample of them for charts.

Points are ordered and counted as MLflow does: NaN stands where 0 stands, and points that are the same in every field
are one. Of which model or data set a point is, MLflow's history does not say, and its clients count on that: where they
log a model, the metrics of its step are written once more, as the model's, those of another model among them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import repeat
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, TypeAlias

import grpc
import numpy as np
import numpy.typing as npt

from trackway.api.metrics.v1.series_pb2 import PointColumns, PointRange, SeriesSelection
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.core.errors import Reason
from trackway_server.core.rpc.status import error_info
from trackway_server.gateway.mlflow.entities import METRIC, metric_json
from trackway_server.gateway.mlflow.errors import MlflowError, invalid, reason_of
from trackway_server.gateway.mlflow.parameters import DOCS
from trackway_server.gateway.mlflow.pretty import Table, printed_number
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_MOST_RUNS = 100
_MOST_POINTS = 25_000
_MOST_SAMPLED = 2500
_MOST_READ = 4_000_000
"""Points of a run's key that are held to order them, in some 400 MB; here a run may have far more."""
_MOST_SHOWN = 1_000_000
"""Points of one answer, which are some 500 MB while it is written."""
_RUN_ID = re.compile(r"[0-9a-f]{32}")

Answer = dict[str, Any]
Indices: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Points:
    """The points of a run's key as columns, whatever their contexts."""

    key: str
    steps: npt.NDArray[np.int64]
    times_us: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    @classmethod
    def of(cls, columns: Sequence[PointColumns]) -> _Points:
        """The points of all columns, which are of one key."""
        return cls(
            columns[0].key,
            np.concatenate([np.array(one.steps, np.int64) for one in columns]),
            np.concatenate([np.array(one.times_us, np.int64) for one in columns]),
            np.concatenate([np.array(one.values, np.float64) for one in columns]),
        )

    def ordered(self, *, by_step: bool) -> Indices:
        """Which points there are, by step and time or by time and step, then value; each once."""
        unknown = np.isnan(self.values)
        value = np.where(unknown, 0.0, self.values)
        first, second = (self.steps, self.times_us) if by_step else (self.times_us, self.steps)
        order = np.lexsort((unknown, value, second, first))
        same = np.ones(max(len(order) - 1, 0), bool)
        for column in (self.steps, self.times_us, value, unknown):
            same &= column[order][1:] == column[order][:-1]
        return order[np.concatenate([[True], ~same])] if len(order) else order

    def table(self, chosen: Indices) -> Table:
        """The same, printed."""
        values = self.values[chosen]
        printed = map(repr if np.isfinite(values).all() else printed_number, values.tolist())
        times, steps = (self.times_us[chosen] // 1000).tolist(), self.steps[chosen].tolist()
        return Table(METRIC, list(zip(repeat(quoted(self.key)), printed, times, steps)))

    def shown(self, chosen: Indices) -> list[Answer]:
        """MLflow's Metric for each chosen point."""
        rows = zip(
            self.values[chosen].tolist(),
            self.times_us[chosen].tolist(),
            self.steps[chosen].tolist(),
            strict=True,
        )
        return [metric_json(self.key, value, time, step, {}) for value, time, step in rows]


async def get_history(session: Session) -> Answer:
    """The points of a key, by time and step; a page of them where `max_results` asks."""
    asked = session.parameters
    run_id = asked.text("run_id", "") or asked.text("run_uuid", "") or asked.text("run_id")
    key = asked.text("metric_key")
    most = asked.whole("max_results", 0)
    if asked.has("max_results") and not 0 < most < 2**31:
        raise invalid(f"Invalid value {most} for parameter 'max_results' supplied. It must be a positive integer.")
    first = _offset(asked.text("page_token", ""))
    async with aclosing(_of_runs(session, [run_id], key, PointRange())) as runs:
        async for columns in runs:
            return await asyncio.to_thread(_page, columns, first, most)
    return {}


def _page(columns: Sequence[PointColumns], first: int, most: int) -> Answer:
    points = _Points.of(columns)
    order = points.ordered(by_step=False)
    end = first + most if most else len(order)
    if min(end, len(order)) - first > _MOST_SHOWN:
        raise _too_many(_MOST_SHOWN, "ask for pages with max_results")
    more = {"next_page_token": base64.urlsafe_b64encode(str(end).encode()).decode()} if end < len(order) else {}
    shown = points.table(order[first:end])
    return {**({"metrics": shown} if shown else {}), **more}


async def get_bulk(session: Session) -> Answer:
    """The points of a key of several runs, run by run, up to 25,000."""
    asked = session.parameters
    run_ids = asked.texts("run_id")
    if not run_ids:
        raise invalid("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(run_ids) > _MOST_RUNS:
        raise invalid(
            f"GetMetricHistoryBulk request cannot specify more than {_MOST_RUNS} run_ids. "
            f"Received {len(run_ids)} run_ids."
        )
    if not asked.has("metric_key"):
        raise invalid("GetMetricHistoryBulk request must specify a metric_key.")
    key, most = asked.text("metric_key"), min(asked.whole("max_results", _MOST_POINTS), _MOST_POINTS)
    found: list[Answer] = []
    async with aclosing(_of_runs(session, run_ids, key, PointRange())) as runs:
        async for columns in runs:
            found += await asyncio.to_thread(_whole, columns, most - len(found))
            if len(found) >= most:
                break
    return {"metrics": found}


def _whole(columns: Sequence[PointColumns], most: int) -> list[Answer]:
    points = _Points.of(columns)
    return [_of_run(one, columns[0].subject_id) for one in points.shown(points.ordered(by_step=False)[: max(most, 0)])]


async def get_bulk_interval(session: Session) -> Answer:
    """A sample of a key's points for each of several runs, evenly spread over their number, first and last among it."""
    asked = session.parameters
    run_ids, key = asked.texts("run_ids"), asked.text("metric_key")
    if not run_ids:
        asked.text("run_ids")
    if len(run_ids) > _MOST_RUNS:
        raise invalid(
            f"GetMetricHistoryBulkInterval request must specify at most {_MOST_RUNS} run_ids. "
            f"Received {len(run_ids)} run_ids. {DOCS}"
        )
    most = asked.whole("max_results", _MOST_SAMPLED)
    if not 1 <= most <= _MOST_SAMPLED:
        raise invalid(f"max_results must be between 1 and {_MOST_SAMPLED}. {DOCS}")
    found: dict[str, list[Answer]] = {}
    async with aclosing(_of_runs(session, run_ids, key, _steps(session))) as runs:
        async for columns in runs:
            found[columns[0].subject_id] = await asyncio.to_thread(_sample, columns, most)
    listed = [one for run_id in run_ids for one in found.get(run_id, ())]
    return {"metrics": listed} if listed else {}


def _sample(columns: Sequence[PointColumns], most: int) -> list[Answer]:
    """The first point of each of `most` equal parts, but of the last part the last."""
    points = _Points.of(columns)
    order = points.ordered(by_step=True)
    count = len(order)
    if count > most:
        size, longer = divmod(count, most)
        parts = np.arange(most)
        firsts = parts * size + np.minimum(parts, longer)
        firsts[-1] = count - 1
        order = order[firsts]
    return [_of_run(one, columns[0].subject_id) for one in points.shown(order)]


def _steps(session: Session) -> PointRange:
    asked = session.parameters
    first, last = asked.has("start_step"), asked.has("end_step")
    if first is not last:
        raise invalid("If either start step or end step are specified, both must be specified.")
    if not first:
        return PointRange()
    start, end = asked.whole("start_step"), asked.whole("end_step")
    if start > end:
        raise invalid(f"end_step must be greater than start_step. Found start_step={start} and end_step={end}.")
    return PointRange(min_step=start, max_step=end)


def _too_many(most: int, instead: str) -> MlflowError:
    return MlflowError("RESOURCE_EXHAUSTED", f"More than {most:,} points are too many for one answer; {instead}.")


def _of_run(metric: Answer, run_id: str) -> Answer:
    return {**{name: metric[name] for name in ("key", "value", "timestamp", "step")}, "run_id": run_id}


async def _of_runs(
    session: Session, run_ids: Sequence[str], key: str, steps: PointRange
) -> AsyncGenerator[list[PointColumns], None]:
    """The points of a key, run by run, by id; of what is not there, MLflow has no history, and says no more."""
    wanted = {one for one in run_ids if _RUN_ID.fullmatch(one)}
    while wanted:
        request = pb.ReadSeriesRequest(
            run_ids=sorted(wanted), series=SeriesSelection(keys=[key], any_context=True), range=steps
        )
        call = session.stream("ReadSeries", request)
        try:
            columns: list[PointColumns] = []
            count = 0
            async for answer in call:
                if columns and columns[0].subject_id != answer.points.subject_id:
                    yield columns
                    columns, count = [], 0
                columns.append(answer.points)
                count += len(answer.points.steps)
                if count > _MOST_READ:
                    raise _too_many(_MOST_READ, "name steps, or read them with trackway's client, as columns")
            if columns:
                yield columns
            return
        except grpc.aio.AioRpcError as error:
            missing = _missing_run(error)
            if reason_of(error) is not Reason.SERIES_NOT_FOUND and missing not in wanted:
                raise
            wanted = wanted - {missing} if missing else set()
        finally:
            call.cancel()


def _missing_run(error: grpc.aio.AioRpcError) -> str:
    """The run that is not there, found before any point is read; empty where that is not what was refused."""
    info = error_info(error.trailing_metadata() or ())
    return info.metadata.get("run_id", "") if info is not None and reason_of(error) is Reason.RUN_NOT_FOUND else ""


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        return abs(int(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)[:18]))
    except (binascii.Error, ValueError):
        raise invalid("Invalid page token.") from None


ROUTES: Routes = {
    "/metrics/get-history": {"GET": get_history},
    "/metrics/get-history-bulk": {"GET": get_bulk},
    "/metrics/get-history-bulk-interval": {"GET": get_bulk_interval},
}

"""The RPCs of the TrackingService that look over many runs at once: comparisons, and the data sets they read."""

from __future__ import annotations

from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.rpc.call import Call
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking import convert
from trackway_server.tracking.domain import bindings
from trackway_server.tracking.domain.comparing import Comparison, add_texts, read_infos
from trackway_server.tracking.domain.model import Run
from trackway_server.tracking.domain.ports import TrackingUnit

_MAX_DATASETS = 1000
_MAX_SERIES = 100_000


class OverviewRpcs:
    """Mixed into TrackingService."""

    _store: Transactions[TrackingUnit]
    _queries: MetricQueries

    async def CompareRuns(self, request: rpc.CompareRunsRequest, call: Call) -> rpc.CompareRunsResponse:
        """Answer what runs have in common and where they differ."""
        infos = await self._store.read(lambda unit: read_infos(unit, request.run_ids, call.admits))
        run_ids = [info.run_id for info in infos]
        comparison = Comparison(run_ids, request.only_differing)
        context = None if request.any_context else ""
        comparison.add_series(await self._queries.of_subjects(run_ids, context=context, limit=_MAX_SERIES))
        await self._store.read(lambda unit: add_texts(unit, comparison))
        rows = comparison.rows()
        return rpc.CompareRunsResponse(
            runs=[convert.run_to_proto(Run(info, {}, {}, ()), ()) for info in infos],
            rows=map(convert.row_to_proto, rows),
        )

    async def SearchDatasets(self, request: rpc.SearchDatasetsRequest, call: Call) -> rpc.SearchDatasetsResponse:
        """Answer the data sets that runs read."""
        query = convert.datasets_query_from_proto(request, call.named_workspace(request.workspace))
        found = await self._store.read(
            lambda unit: unit.used_datasets(bindings.confined(unit, query, call), _MAX_DATASETS + 1)
        )
        return rpc.SearchDatasetsResponse(
            datasets=map(convert.used_dataset_to_proto, found[:_MAX_DATASETS]), has_more=len(found) > _MAX_DATASETS
        )

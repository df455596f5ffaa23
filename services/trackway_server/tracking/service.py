"""The TrackingService: each method converts, calls the domain in one transaction, and converts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import TypeAlias, cast

from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1 import resources_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.clock import Clock
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.page_tokens import decode_token, encode_token
from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import column_types
from trackway_server.metrics.bucket_reads import BucketsWanted
from trackway_server.metrics.convert import chunk_to_proto, summary_to_proto
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.positions import Position, decode_position, encode_position
from trackway_server.metrics.endpoint import IngestEndpoint
from trackway_server.metrics.following import Follower
from trackway_server.metrics.once import note_stored, whole_points
from trackway_server.metrics.query import BySubject, MetricQueries, folded
from trackway_server.metrics.read_convert import (
    DEFAULT_BUCKETS,
    aggregate_to_proto,
    axis_from_proto,
    bounds_from_proto,
    buckets_to_proto,
    selection_from_proto,
    values_to_proto,
)
from trackway_server.metrics.series_reads import Membership, SeriesReads
from trackway_server.tracking import convert
from trackway_server.tracking.console import ConsoleReader
from trackway_server.tracking.domain import batches, bindings, experiments, runs
from trackway_server.tracking.domain.model import Run
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.search import EXPERIMENTS, RUNS, FoundRun
from trackway_server.tracking.freshness import Freshness
from trackway_server.tracking.logged_models import LoggedModelRpcs
from trackway_server.tracking.overviews import OverviewRpcs
from trackway_server.tracking.roles import RoleRpcs
from trackway_server.tracking.run_pages import RunPage, RunPages

_PAGE = 100
_SERIES_PAGE = 1000
_MAX_SERIES_OF_RUN = 10_000

_RunRead: TypeAlias = tuple[Run, BySubject | None]
"""A run with its series; None where some are to be folded first."""


class TrackingService(RoleRpcs, OverviewRpcs, LoggedModelRpcs):
    """Answers the RPCs of tracking_service.proto, whose comments say what each does and refuses."""

    def __init__(
        self,
        store: Transactions[TrackingUnit],
        queries: MetricQueries,
        ingest: IngestEndpoint,
        clock: Clock,
        follower: Follower[TrackingUnit],
    ) -> None:
        self._store = store
        self._follower = follower
        self._queries = queries
        self._reads = SeriesReads(queries)
        self._ingest = ingest
        self._clock = clock
        self._console = ConsoleReader(store)
        self._freshness = Freshness(store, queries)
        self._pages = RunPages(queries, self._metrics_of_models)

    async def upgrade(self) -> None:
        """Fill in the background what searches need and an older server has not stored."""
        await self._freshness.upgrade()

    async def CreateExperiment(self, request: rpc.CreateExperimentRequest, call: Call) -> rpc.CreateExperimentResponse:
        """Make an experiment."""
        workspace, now_us = call.workspace(request.workspace), self._clock.now_us()
        made = await self._store.write(
            lambda unit: experiments.create_experiment(unit, workspace, request.name, dict(request.tags), now_us)
        )
        return rpc.CreateExperimentResponse(experiment=convert.experiment_to_proto(made))

    async def GetExperiment(self, request: rpc.GetExperimentRequest, call: Call) -> rpc.GetExperimentResponse:
        """Answer one experiment."""
        workspace = call.named_workspace(request.workspace)
        found = await self._store.read(
            lambda unit: bindings.visible_experiment(unit, workspace, request.experiment_id, request.name, call)
        )
        return rpc.GetExperimentResponse(experiment=convert.experiment_to_proto(found))

    async def SearchExperiments(
        self, request: rpc.SearchExperimentsRequest, call: Call
    ) -> rpc.SearchExperimentsResponse:
        """Answer experiments that a filter chooses."""
        workspace, view = call.named_workspace(request.workspace), convert.view_from_proto(request.view)
        search = EXPERIMENTS.search(request.filter, request.order_by, self._clock.now_us())
        after, size = decode_token(request, request.page_token, *_types(search)), request.page_size or _PAGE
        found = await self._store.read(
            lambda unit: unit.search_experiments(
                workspace, view, search, after, size + 1, bindings.reach(unit, workspace, call)
            )
        )
        return rpc.SearchExperimentsResponse(
            experiments=[convert.experiment_to_proto(one.experiment) for one in found[:size]],
            next_page_token=encode_token(request, found[size - 1].place) if len(found) > size else "",
        )

    async def UpdateExperiment(self, request: rpc.UpdateExperimentRequest, call: Call) -> rpc.UpdateExperimentResponse:
        """Rename an experiment and change its tags."""
        now_us, renames = self._clock.now_us(), bool(request.new_name)
        changed = await self._store.write(
            lambda unit: experiments.update_experiment(
                unit,
                bindings.workspace_to_change(unit, request.experiment_id, call, renames=renames),
                request.experiment_id,
                request.new_name,
                dict(request.set_tags),
                list(request.delete_tags),
                now_us,
            )
        )
        return rpc.UpdateExperimentResponse(experiment=convert.experiment_to_proto(changed))

    async def DeleteExperiment(self, request: rpc.DeleteExperimentRequest, call: Call) -> rpc.DeleteExperimentResponse:
        """Delete an experiment softly, with its runs."""
        experiment_id, now_us = request.experiment_id, self._clock.now_us()
        await self._store.write(
            lambda unit: experiments.delete_experiment(
                unit, experiments.workspace_of(unit, experiment_id, call.admits), experiment_id, now_us
            )
        )
        return rpc.DeleteExperimentResponse()

    async def RestoreExperiment(
        self, request: rpc.RestoreExperimentRequest, call: Call
    ) -> rpc.RestoreExperimentResponse:
        """Undo DeleteExperiment."""
        experiment_id, now_us = request.experiment_id, self._clock.now_us()
        await self._store.write(
            lambda unit: experiments.restore_experiment(
                unit, experiments.workspace_of(unit, experiment_id, call.admits), experiment_id, now_us
            )
        )
        return rpc.RestoreExperimentResponse()

    async def CreateRun(self, request: rpc.CreateRunRequest, call: Call) -> rpc.CreateRunResponse:
        """Make a run."""
        workspace, now_us = call.named_workspace(request.workspace), self._clock.now_us()
        start = convert.start_from_proto(request.start)
        read = await self._store.write(
            lambda unit: _run_read(unit, bindings.create_run(unit, workspace, request.run_id, start, now_us, call))
        )
        return rpc.CreateRunResponse(run=await self._run_to_proto(read))

    async def GetRun(self, request: rpc.GetRunRequest, call: Call) -> rpc.GetRunResponse:
        """Answer one run."""
        run_id = request.run_id
        read = await self._store.read(
            lambda unit: _run_read(unit, runs.load_runs(unit, [runs.admitted_run(unit, run_id, call.admits)])[0])
        )
        return rpc.GetRunResponse(run=await self._run_to_proto(read))

    async def SearchRuns(self, request: rpc.SearchRunsRequest, call: Call) -> rpc.SearchRunsResponse:
        """Answer runs that a filter chooses."""
        query = convert.runs_query_from_proto(request, call.named_workspace(request.workspace))
        search = RUNS.search(request.filter, request.order_by, self._clock.now_us())
        after, size = decode_token(request, request.page_token, *_types(search)), request.page_size or _PAGE
        await self._freshness.prepare(search)

        def read(unit: TrackingUnit) -> tuple[list[FoundRun], RunPage]:
            look = self._pages.look(unit)
            found = unit.search_runs(bindings.confined(unit, query, call), search, after, size + 1)
            return found, self._pages.read(unit, look, [one.run for one in found[:size]])

        found, page = await self._store.read(read)
        answer = rpc.SearchRunsResponse()
        for message in await self._pages.messages(page):
            answer.runs.add().MergeFromString(message)
        if len(found) > len(page.infos):
            answer.next_page_token = encode_token(request, found[len(page.infos) - 1].place)
        return answer

    async def UpdateRun(self, request: rpc.UpdateRunRequest, call: Call) -> rpc.UpdateRunResponse:
        """Change state and name of a run."""
        run_id, now_us = request.run_id, self._clock.now_us()
        change = convert.status_change_from_proto(request)
        read = await self._store.write(
            lambda unit: _run_read(
                unit,
                runs.update_run(
                    unit, runs.workspace_of(unit, run_id, call.admits), run_id, change, request.run_name, now_us
                ),
            )
        )
        self._follower.bell.ring(run_id)
        return rpc.UpdateRunResponse(run=await self._run_to_proto(read))

    async def DeleteRun(self, request: rpc.DeleteRunRequest, call: Call) -> rpc.DeleteRunResponse:
        """Delete a run softly."""
        run_id = request.run_id
        await self._store.write(
            lambda unit: runs.delete_run(unit, runs.workspace_of(unit, run_id, call.admits), run_id)
        )
        return rpc.DeleteRunResponse()

    async def RestoreRun(self, request: rpc.RestoreRunRequest, call: Call) -> rpc.RestoreRunResponse:
        """Undo DeleteRun."""
        run_id = request.run_id
        await self._store.write(
            lambda unit: runs.restore_run(unit, runs.workspace_of(unit, run_id, call.admits), run_id)
        )
        return rpc.RestoreRunResponse()

    async def LogBatch(self, request: rpc.LogBatchRequest, call: Call) -> rpc.LogBatchResponse:
        """Set params and tags, note data sets and models, and store points."""
        run_id, now_us = request.run_id, self._clock.now_us()
        batch = convert.batch_from_proto(request)
        points = None
        if request.HasField("points"):
            points = await whole_points(
                self._ingest,
                request.points,
                run_id,
                request.writer_id,
                request.writer_labels,
                call.principal.name,
            )
        started = perf_counter()
        stored = await self._store.write(lambda unit: batches.log_batch(unit, run_id, batch, points, now_us, call))
        if stored and points is not None:
            note_stored(self._ingest, points, perf_counter() - started)
        return rpc.LogBatchResponse()

    async def ListRefusedRecords(
        self, request: rpc.ListRefusedRecordsRequest, call: Call
    ) -> rpc.ListRefusedRecordsResponse:
        """Answer records that were not stored."""
        await self._check_run(request.run_id, call)
        found = await self._store.read(lambda unit: unit.refusals(request.run_id))
        return rpc.ListRefusedRecordsResponse(records=[convert.refused_to_proto(one) for one in found])

    async def ListWriters(self, request: rpc.ListWritersRequest, call: Call) -> rpc.ListWritersResponse:
        """Answer the processes that write a run."""
        await self._check_run(request.run_id, call)
        size = request.page_size or _PAGE
        place = decode_token(request, request.page_token, str)
        after = "" if place is None else cast(str, place[0])
        found = await self._store.read(lambda unit: unit.metrics.writers(request.run_id, after, size + 1))
        more = encode_token(request, [found[size - 1].writer_id]) if len(found) > size else ""
        return rpc.ListWritersResponse(
            writers=[convert.writer_to_proto(one) for one in found[:size]], next_page_token=more
        )

    async def ListSeries(self, request: rpc.ListSeriesRequest, call: Call) -> rpc.ListSeriesResponse:
        """Answer the summaries of a run's series."""
        await self._check_run(request.run_id, call)
        place = decode_token(request, request.page_token, int)
        after = 0 if place is None else cast(int, place[0])
        page = await self._queries.page(request.run_id, request.key, after, request.page_size or _SERIES_PAGE)
        return rpc.ListSeriesResponse(
            series=[summary_to_proto(one) for one in page.series],
            next_page_token="" if page.following is None else encode_token(request, [page.following]),
        )

    async def ReadSeries(
        self, request: rpc.ReadSeriesRequest, call: Call
    ) -> AsyncGenerator[rpc.ReadSeriesResponse, None]:
        """Stream points of series."""
        await self._check_runs(request.run_ids, call)
        selection, bounds = selection_from_proto(request.series), bounds_from_proto(request.range)
        async with aclosing(self._reads.points(request.run_ids, selection, bounds)) as chunks:
            async for chunk in chunks:
                yield rpc.ReadSeriesResponse(points=chunk_to_proto(chunk))

    async def ReadConsole(
        self, request: rpc.ReadConsoleRequest, call: Call
    ) -> AsyncGenerator[rpc.ReadConsoleResponse, None]:
        """Stream console output of a run."""
        run_id, query = request.run_id, convert.console_query_from_proto(request)
        items = self._console.read(query, lambda unit: runs.workspace_of(unit, run_id, call.admits))
        async with aclosing(items):
            async for item in items:
                yield convert.console_to_proto(item)

    async def ReadBuckets(
        self, request: rpc.ReadBucketsRequest, call: Call
    ) -> AsyncGenerator[rpc.ReadBucketsResponse, None]:
        """Stream series as buckets."""
        await self._check_runs(request.run_ids, call)
        selection, bounds = selection_from_proto(request.series), bounds_from_proto(request.range)
        most = request.max_buckets or DEFAULT_BUCKETS
        wanted = BucketsWanted(bounds, axis_from_proto(request.axis), most, request.by_writer)
        async with aclosing(self._reads.buckets(request.run_ids, selection, wanted)) as answers:
            async for bucketed in answers:
                yield rpc.ReadBucketsResponse(buckets=buckets_to_proto(bucketed))

    async def ReadAggregates(
        self, request: rpc.ReadAggregatesRequest, call: Call
    ) -> AsyncGenerator[rpc.ReadAggregatesResponse, None]:
        """Stream aggregates of series."""
        await self._check_runs(request.run_ids, call)
        selection, bounds = selection_from_proto(request.series), bounds_from_proto(request.range)
        membership = Membership(frozenset(request.across_context_keys), request.across_writers)
        answers = self._reads.aggregates(request.run_ids, selection, bounds, membership, request.max_buckets)
        async with aclosing(answers):
            async for aggregated in answers:
                yield rpc.ReadAggregatesResponse(aggregate=aggregate_to_proto(aggregated))

    async def ReadValues(
        self, request: rpc.ReadValuesRequest, call: Call
    ) -> AsyncGenerator[rpc.ReadValuesResponse, None]:
        """Stream values of series at steps."""
        await self._check_runs(request.run_ids, call)
        selection, exact = selection_from_proto(request.series), request.match == rpc.STEP_MATCH_EXACT
        async with aclosing(self._reads.values(request.run_ids, selection, request.steps, exact=exact)) as answers:
            async for valued in answers:
                yield rpc.ReadValuesResponse(values=values_to_proto(valued))

    async def Follow(self, request: rpc.FollowRequest, call: Call) -> AsyncGenerator[rpc.FollowResponse, None]:
        """Stream points of series, first those that are there, then those that come."""
        await self._check_runs(request.run_ids, call)
        run_ids, selection = list(request.run_ids), selection_from_proto(request.series)
        position = Position()
        if request.position:
            position = decode_position(request.position, run_ids, selection)
        only_new = request.only_new and not request.position
        messages = self._follower.follow(run_ids, selection, position, only_new=only_new, until_end=request.until_end)
        async with aclosing(messages):
            async for message in messages:
                yield rpc.FollowResponse(
                    points=[chunk_to_proto(chunk) for chunk in message.points],
                    position=encode_position(message.position, run_ids, selection),
                    caught_up=message.caught_up,
                )

    def Ingest(
        self, requests: AsyncIterator[ingest_pb2.IngestRequest], call: Call
    ) -> AsyncGenerator[ingest_pb2.IngestResponse, None]:
        """Take records of one writer."""
        return self._ingest.answer(requests, call)

    async def _check_run(self, run_id: str, call: Call) -> None:
        await self._check_runs([run_id], call)

    async def _check_runs(self, run_ids: Sequence[str], call: Call) -> None:
        def check(unit: TrackingUnit) -> None:
            for run_id in dict.fromkeys(run_ids):
                runs.workspace_of(unit, run_id, call.admits)

        await self._store.read(check)

    async def _run_to_proto(self, read: _RunRead) -> pb.Run:
        """The run with the summaries of all its series, up to 10,000."""
        run, metrics = read
        run_id = run.info.run_id
        if metrics is None:
            metrics = await self._queries.of_subjects([run_id], context=None, limit=_MAX_SERIES_OF_RUN)
        return convert.run_to_proto(run, metrics[run_id])


def _run_read(unit: TrackingUnit, run: Run) -> _RunRead:
    return run, folded(unit.metrics, [run.info.run_id], None, _MAX_SERIES_OF_RUN)


def _types(search: Search) -> list[type[int] | type[float] | type[str]]:
    return [each for order in search.orders for each in column_types(order)]

"""Experiments, runs and their metrics."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from trackway import errors, types
from trackway._ids import new_id
from trackway._rpc import convert, series
from trackway._rpc.arguments import names, noted, texts
from trackway._rpc.connection import Connection
from trackway._rpc.console import Console
from trackway._rpc.follow import Follow
from trackway._rpc.paging import Pages
from trackway._rpc.status import has_expired
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1 import resources_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub


class AsyncTracking:
    """Experiments, runs and their metrics. Every method raises the errors of `trackway.errors`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _stub(self) -> Any:
        return self._connection.stub(TrackingServiceStub)

    async def create_experiment(
        self, name: str, *, tags: Mapping[str, str] | None = None, description: str | None = None
    ) -> types.Experiment:
        """Make an experiment; `description` is a note in Markdown. Raises AlreadyExists where the name is taken, maybe
        by a deleted one."""
        request = pb.CreateExperimentRequest(
            name=name, workspace=self._connection.workspace, tags=noted(tags, description)
        )
        response: pb.CreateExperimentResponse = await self._connection.unary(self._stub.CreateExperiment, request)
        return convert.experiment(response.experiment)

    async def get_experiment(self, experiment_id: str | None = None, *, name: str | None = None) -> types.Experiment:
        """One experiment by id or by name, a deleted one too. Raises NotFound."""
        if (experiment_id is None) == (name is None):
            raise errors.InvalidArgument("name one experiment: give either experiment_id or name")
        request = pb.GetExperimentRequest(
            experiment_id=experiment_id or "", name=name or "", workspace=self._connection.workspace
        )
        response: pb.GetExperimentResponse = await self._connection.unary(self._stub.GetExperiment, request)
        return convert.experiment(response.experiment)

    def search_experiments(
        self,
        filter: str = "",  # noqa: A002 the language's word
        *,
        order_by: Iterable[str] = (),
        view: types.View = "active",
        page_size: int = 100,
    ) -> AsyncIterator[types.Experiment]:
        """The experiments that a filter chooses, such as `name LIKE 'vision/%' AND tags.team = 'a'`, or all.

        They come in the order of `order_by` (`name`, `last_update_time DESC`), then newest first. Pages of at most
        1,000 are fetched as they are read. Raises InvalidArgument where the filter is not understood, with the place.
        """
        chosen, terms = convert.view(view), names(order_by)

        async def fetch(token: str) -> tuple[Sequence[types.Experiment], str]:
            request = pb.SearchExperimentsRequest(
                workspace=self._connection.workspace,
                filter=filter,
                order_by=terms,
                view=chosen,
                page_size=page_size,
                page_token=token,
            )
            response: pb.SearchExperimentsResponse = await self._connection.unary(self._stub.SearchExperiments, request)
            return [convert.experiment(message) for message in response.experiments], response.next_page_token

        return Pages(fetch)

    async def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        set_tags: Mapping[str, str] | None = None,
        delete_tags: Iterable[str] = (),
        description: str | None = None,
    ) -> types.Experiment:
        """Rename an experiment, set its note (Markdown), set and delete its tags. Raises NotFound also for a tag that
        is not there."""
        request = pb.UpdateExperimentRequest(
            experiment_id=experiment_id,
            new_name=name or "",
            set_tags=noted(set_tags, description),
            delete_tags=names(delete_tags),
        )
        response: pb.UpdateExperimentResponse = await self._connection.unary(self._stub.UpdateExperiment, request)
        return convert.experiment(response.experiment)

    async def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment and its runs softly. Raises FailedPrecondition for `Default`."""
        request = pb.DeleteExperimentRequest(experiment_id=experiment_id)
        await self._connection.unary(self._stub.DeleteExperiment, request)

    async def restore_experiment(self, experiment_id: str) -> None:
        """Undo `delete_experiment`, for the runs that were deleted with it too."""
        request = pb.RestoreExperimentRequest(experiment_id=experiment_id)
        await self._connection.unary(self._stub.RestoreExperiment, request)

    async def create_run(
        self,
        *,
        experiment_id: str | None = None,
        experiment_name: str | None = None,
        run_name: str | None = None,
        run_id: str | None = None,
        user_id: str | None = None,
        start_time_us: int | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> types.Run:
        """Make a run that is RUNNING, in `Default` where no experiment is named. `description` is a note in Markdown.

        An experiment that is named and not there is made. The run's id is chosen here unless given; a call with the id
        and content of a run that is there answers that run. The start is now unless given.
        """
        start = ingest_pb2.RunStart(
            experiment_id=experiment_id or "",
            experiment_name=experiment_name or "",
            run_name=run_name or "",
            user_id=user_id or "",
            start_time_us=time.time_ns() // 1000 if start_time_us is None else start_time_us,
            tags=noted(tags, description),
        )
        request = pb.CreateRunRequest(run_id=run_id or new_id(), workspace=self._connection.workspace, start=start)
        response: pb.CreateRunResponse = await self._connection.unary(self._stub.CreateRun, request)
        return convert.run(response.run)

    async def get_run(self, run_id: str) -> types.Run:
        """One run, a deleted one too, with all its series (up to 10,000). Raises NotFound."""
        response: pb.GetRunResponse = await self._connection.unary(self._stub.GetRun, pb.GetRunRequest(run_id=run_id))
        return convert.run(response.run)

    def search_runs(
        self,
        experiment_ids: Iterable[str] = (),
        *,
        filter: str = "",  # noqa: A002 the language's word
        order_by: Iterable[str] = (),
        view: types.View = "active",
        parent_run_id: str | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[types.Run]:
        """The runs of the experiments (of all where none is named) that a filter chooses, or all of them.

        A filter says for instance `metrics.loss < 0.5 AND (params.lr = '0.01' OR tags.team IN ('a', 'b'))`, an order
        `["metrics.loss", "start_time DESC"]`; runs equal in it, and all without one, come latest start first. The
        README has the language. `parent_run_id` chooses the runs nested in that one. Their metrics are those without a
        context. Pages of at most 1,000 are fetched as they are read. Raises InvalidArgument where the filter is not
        understood, with the place.
        """
        wanted, terms, chosen = names(experiment_ids), names(order_by), convert.view(view)

        async def fetch(token: str) -> tuple[Sequence[types.Run], str]:
            request = pb.SearchRunsRequest(
                workspace=self._connection.workspace,
                experiment_ids=wanted,
                filter=filter,
                order_by=terms,
                view=chosen,
                parent_run_id=parent_run_id or "",
                page_size=page_size,
                page_token=token,
            )
            response: pb.SearchRunsResponse = await self._connection.unary(self._stub.SearchRuns, request)
            return [convert.run(message) for message in response.runs], response.next_page_token

        return Pages(fetch)

    async def update_run(
        self,
        run_id: str,
        *,
        status: types.RunStatus | None = None,
        status_message: str = "",
        end_time_us: int | None = None,
        run_name: str | None = None,
    ) -> types.Run:
        """Change state, end and name of a run. Where the new state is an end, the end is now unless given."""
        request = pb.UpdateRunRequest(
            run_id=run_id,
            status=_status(status),
            status_message=status_message,
            end_time_us=end_time_us or 0,
            run_name=run_name or "",
        )
        response: pb.UpdateRunResponse = await self._connection.unary(self._stub.UpdateRun, request)
        return convert.run(response.run)

    async def delete_run(self, run_id: str) -> None:
        """Delete a run softly."""
        await self._connection.unary(self._stub.DeleteRun, pb.DeleteRunRequest(run_id=run_id))

    async def restore_run(self, run_id: str) -> None:
        """Undo `delete_run`."""
        await self._connection.unary(self._stub.RestoreRun, pb.RestoreRunRequest(run_id=run_id))

    async def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Set params, all or none, each for ever. Raises FailedPrecondition where one has another value already."""
        await self.log_batch(run_id, params=params)

    async def set_tags(self, run_id: str, tags: Mapping[str, object]) -> None:
        """Set tags, all or none."""
        await self.log_batch(run_id, set_tags=tags)

    async def describe_run(self, run_id: str, description: str) -> None:
        """Set the note of a run, in Markdown."""
        await self.log_batch(run_id, set_tags=noted(None, description))

    async def delete_tags(self, run_id: str, keys: Iterable[str]) -> None:
        """Delete tags, all or none. Raises NotFound where one is not there."""
        await self.log_batch(run_id, delete_tags=keys)

    async def log_dataset(
        self, run_id: str, dataset: types.Dataset, *, context: str = "", tags: Mapping[str, object] | None = None
    ) -> None:
        """Note that the run reads a data set, what for, and what else is to be said of that. The same name and digest
        twice is one input."""
        await self.log_batch(run_id, datasets=[types.DatasetInput(dataset, context, texts(tags))])

    async def search_datasets(self, experiment_ids: Iterable[str]) -> list[types.DatasetSummary]:
        """The different data sets that runs of at most 20 experiments read, and what for; the first 1,000, by
        experiment, name, digest and context."""
        request = pb.SearchDatasetsRequest(workspace=self._connection.workspace, experiment_ids=names(experiment_ids))
        response: pb.SearchDatasetsResponse = await self._connection.unary(self._stub.SearchDatasets, request)
        return [convert.dataset_summary(message) for message in response.datasets]

    async def compare_runs(
        self, run_ids: Iterable[str], *, only_differing: bool = False, any_context: bool = False
    ) -> types.RunComparison:
        """At most 100 runs beside one another: a row for each param, tag and metric that any of them has, and whether
        they differ in it. `any_context` has rows for series with a context (ranks, subsets), too. Runs of any
        experiments; raises NotFound with the first that is not there for you."""
        request = pb.CompareRunsRequest(run_ids=names(run_ids), only_differing=only_differing, any_context=any_context)
        response: pb.CompareRunsResponse = await self._connection.unary(self._stub.CompareRuns, request)
        return convert.comparison(response)

    async def log_batch(
        self,
        run_id: str,
        *,
        params: Mapping[str, object] | None = None,
        set_tags: Mapping[str, object] | None = None,
        delete_tags: Iterable[str] = (),
        datasets: Iterable[types.DatasetInput] = (),
        model_inputs: Iterable[types.LoggedModelInput] = (),
        model_outputs: Iterable[types.LoggedModelOutput] = (),
    ) -> None:
        """Set params, set and delete tags and note data sets and models in one transaction: all of it or nothing."""
        request = pb.LogBatchRequest(
            run_id=run_id,
            params=ingest_pb2.ParamsSet(params=texts(params)),
            tags=ingest_pb2.TagsChange(set=texts(set_tags), delete=names(delete_tags)),
            dataset_inputs=[convert.dataset_message(each) for each in datasets],
            model_inputs=[ingest_pb2.ModelInput(model_id=each.model_id) for each in model_inputs],
            model_outputs=[ingest_pb2.ModelOutput(model_id=each.model_id, step=each.step) for each in model_outputs],
        )
        await self._connection.unary(self._stub.LogBatch, request)

    def list_series(self, run_id: str, key: str | None = None) -> AsyncIterator[types.MetricSummary]:
        """The summaries of a run's series, of one metric or of all, by key and context."""

        async def fetch(token: str) -> tuple[Sequence[types.MetricSummary], str]:
            request = pb.ListSeriesRequest(run_id=run_id, key=key or "", page_size=1000, page_token=token)
            response: pb.ListSeriesResponse = await self._connection.unary(self._stub.ListSeries, request)
            return [convert.summary(message) for message in response.series], response.next_page_token

        return Pages(fetch)

    async def latest_metrics(self, run_id: str) -> Mapping[str, float]:
        """The last value of every series without a context, by key."""
        return {each.key: each.last_value async for each in self.list_series(run_id) if not each.context}

    async def read_series(
        self,
        run_id: str | Iterable[str],
        key: str | Iterable[str] | None = None,
        *,
        context: Mapping[str, str] | None = None,
        steps: types.Range | None = None,
        times_us: types.Range | None = None,
    ) -> list[types.MetricSeries]:
        """The points of metrics as columns, one entry for each run, key, context and writer, sorted by those.

        Of one run or several, of one key, several, or (None) all. `context` chooses one context (`{}`: the points
        logged without one); None takes every one. `steps` and `times_us` choose points, from the first to the second,
        both included; None in them is no bound. Raises NotFound where there is no such series.
        """
        request = pb.ReadSeriesRequest(
            run_ids=series.several(run_id),
            series=series.selection(key, context),
            range=series.points_range(steps, times_us),
        )
        answers = await self._all(self._stub.ReadSeries, request)
        return series.points([answer.points for answer in answers])

    async def read_buckets(
        self,
        run_id: str | Iterable[str],
        key: str | Iterable[str] | None = None,
        *,
        context: Mapping[str, str] | None = None,
        steps: types.Range | None = None,
        times_us: types.Range | None = None,
        max_buckets: int = 1000,
        axis: types.MetricAxis = "step",
        by_writer: bool = False,
    ) -> list[types.MetricBuckets]:
        """Series for a chart, each as `max_buckets` buckets or fewer, in which every spike is kept.

        Series and points are chosen as in `read_series`; all writers of a series are together, unless `by_writer`.
        Series that have no point there are left out.
        """
        request = pb.ReadBucketsRequest(
            run_ids=series.several(run_id),
            series=series.selection(key, context),
            range=series.points_range(steps, times_us),
            axis=series.axis_number(axis),
            max_buckets=max_buckets,
            by_writer=by_writer,
        )
        answers = await self._all(self._stub.ReadBuckets, request)
        return [series.buckets(answer.buckets) for answer in answers]

    async def read_aggregates(
        self,
        run_id: str | Iterable[str],
        key: str | Iterable[str] | None = None,
        *,
        context: Mapping[str, str] | None = None,
        steps: types.Range | None = None,
        times_us: types.Range | None = None,
        across: str | Iterable[str] = "rank",
        across_writers: bool = False,
        max_buckets: int | None = None,
    ) -> list[types.MetricAggregate]:
        """Minimum, mean and maximum of series that belong together, by step; one entry for each run, key and context.

        Together come series of a run and key whose contexts differ only in the keys `across`; with `across_writers`,
        each writer of a series counts apart. Each counts once a step, with its last value there. With `max_buckets`
        there are buckets of steps instead, in which every point counts. Series and points are chosen as in
        `read_series`.
        """
        request = pb.ReadAggregatesRequest(
            run_ids=series.several(run_id),
            series=series.selection(key, context),
            range=series.points_range(steps, times_us),
            across_context_keys=series.several(across),
            across_writers=across_writers,
            max_buckets=max_buckets or 0,
        )
        answers = await self._all(self._stub.ReadAggregates, request)
        return series.aggregates([answer.aggregate for answer in answers])

    async def read_values(
        self,
        run_id: str | Iterable[str],
        steps: int | Iterable[int],
        key: str | Iterable[str] | None = None,
        *,
        match: types.StepMatch,
        context: Mapping[str, str] | None = None,
    ) -> list[types.MetricValues]:
        """What series had at some steps; those that had nothing are left out. Series are chosen as in `read_series`.

        `match` says which point answers for a step: `exact`, one at that very step, or `at_or_before`, the one with the
        greatest step up to it.
        """
        request = pb.ReadValuesRequest(
            run_ids=series.several(run_id),
            series=series.selection(key, context),
            steps=[steps] if isinstance(steps, int) else list(steps),
            match=series.match_number(match),
        )
        answers = await self._all(self._stub.ReadValues, request)
        return [series.values(answer.values) for answer in answers]

    def follow(
        self,
        run_id: str | Iterable[str],
        key: str | Iterable[str] | None = None,
        *,
        context: Mapping[str, str] | None = None,
        position: bytes | None = None,
        only_new: bool = False,
        until_end: bool = False,
    ) -> AsyncIterator[types.MetricUpdate]:
        """The points of metrics as they are stored: those that are there, then those that come, none lost, none twice.

        Series are chosen as in `read_series`, also those that are made later. `position`, of an update, goes on after
        it, as the iterator itself does when the connection breaks. `only_new` leaves out what is stored already;
        `until_end` ends when every run has ended and everything stored has been answered.
        """
        request = pb.FollowRequest(
            run_ids=series.several(run_id),
            series=series.selection(key, context),
            position=position or b"",
            only_new=only_new,
            until_end=until_end,
        )
        return Follow(self._connection, request)

    def read_console(
        self,
        run_id: str,
        *,
        labels: Mapping[str, object] | None = None,
        last_lines: int | None = None,
        follow: bool = False,
    ) -> AsyncIterator[types.ConsoleBlock]:
        """What the processes of a run wrote to their consoles, those of several mixed by time as far as that is cheap.

        `labels` chooses processes, such as `{"rank": 1}`; `last_lines` begins with so many lines of each; `follow` goes
        on with what is still written, also after a lost connection. Raises NotFound.
        """
        return Console(self._connection, run_id, labels=texts(labels), last_lines=last_lines or 0, follow=follow)

    async def _all(self, method: Any, request: Any) -> list[Any]:
        """All answers of a stream that ends by itself."""
        try:
            return [answer async for answer in self._connection.stream(method, request)]
        except errors.Unauthenticated as refused:
            if not has_expired(refused):
                raise
        # It was opened with an old token; a new one lasts longer.
        return [answer async for answer in self._connection.stream(method, request)]

    def list_writers(self, run_id: str) -> AsyncIterator[types.Writer]:
        """The processes that write a run, and how far each has come."""

        async def fetch(token: str) -> tuple[Sequence[types.Writer], str]:
            request = pb.ListWritersRequest(run_id=run_id, page_size=1000, page_token=token)
            response: pb.ListWritersResponse = await self._connection.unary(self._stub.ListWriters, request)
            return [convert.writer(message) for message in response.writers], response.next_page_token

        return Pages(fetch)

    async def list_refused(self, run_id: str) -> list[types.RefusedRecord]:
        """The oldest 1,000 records of a run that were not stored; `run.info.refused_count` counts all."""
        request = pb.ListRefusedRecordsRequest(run_id=run_id)
        response: pb.ListRefusedRecordsResponse = await self._connection.unary(self._stub.ListRefusedRecords, request)
        return [convert.refused_record(message) for message in response.records]


def _status(status: str | None) -> str:
    if status is None:
        return "RUN_STATUS_UNSPECIFIED"
    known = [name.removeprefix("RUN_STATUS_") for name, number in resources_pb2.RunStatus.items() if number]
    if status not in known:
        raise errors.InvalidArgument(f"{status!r} is no status of a run: write one of {', '.join(known)}")
    return f"RUN_STATUS_{status}"

"""Experiments, runs and their metrics, synchronously."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from trackway import types
from trackway._rpc.tracking import AsyncTracking
from trackway._sync.iteration import blocks, items, updates
from trackway._sync.mirror import mirrors
from trackway._sync.portal import Portal


@mirrors(AsyncTracking)
class Tracking:
    def __init__(self, original: AsyncTracking, portal: Portal) -> None:
        self._async = original
        self._portal = portal

    def create_experiment(
        self, name: str, *, tags: Mapping[str, str] | None = None, description: str | None = None
    ) -> types.Experiment:
        return self._portal.call(self._async.create_experiment, name, tags=tags, description=description)

    def get_experiment(self, experiment_id: str | None = None, *, name: str | None = None) -> types.Experiment:
        return self._portal.call(self._async.get_experiment, experiment_id, name=name)

    def search_experiments(
        self,
        filter: str = "",  # noqa: A002 the language's word
        *,
        order_by: Iterable[str] = (),
        view: types.View = "active",
        page_size: int = 100,
    ) -> Iterator[types.Experiment]:
        return items(
            self._portal,
            self._async.search_experiments(filter, order_by=order_by, view=view, page_size=page_size),
        )

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        set_tags: Mapping[str, str] | None = None,
        delete_tags: Iterable[str] = (),
        description: str | None = None,
    ) -> types.Experiment:
        return self._portal.call(
            self._async.update_experiment,
            experiment_id,
            name=name,
            set_tags=set_tags,
            delete_tags=delete_tags,
            description=description,
        )

    def delete_experiment(self, experiment_id: str) -> None:
        self._portal.call(self._async.delete_experiment, experiment_id)

    def restore_experiment(self, experiment_id: str) -> None:
        self._portal.call(self._async.restore_experiment, experiment_id)

    def create_run(
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
        return self._portal.call(
            self._async.create_run,
            experiment_id=experiment_id,
            experiment_name=experiment_name,
            run_name=run_name,
            run_id=run_id,
            user_id=user_id,
            start_time_us=start_time_us,
            tags=tags,
            description=description,
        )

    def get_run(self, run_id: str) -> types.Run:
        return self._portal.call(self._async.get_run, run_id)

    def search_runs(
        self,
        experiment_ids: Iterable[str] = (),
        *,
        filter: str = "",  # noqa: A002 the language's word
        order_by: Iterable[str] = (),
        view: types.View = "active",
        parent_run_id: str | None = None,
        page_size: int = 100,
    ) -> Iterator[types.Run]:
        return items(
            self._portal,
            self._async.search_runs(
                experiment_ids,
                filter=filter,
                order_by=order_by,
                view=view,
                parent_run_id=parent_run_id,
                page_size=page_size,
            ),
        )

    def update_run(
        self,
        run_id: str,
        *,
        status: types.RunStatus | None = None,
        status_message: str = "",
        end_time_us: int | None = None,
        run_name: str | None = None,
    ) -> types.Run:
        return self._portal.call(
            self._async.update_run,
            run_id,
            status=status,
            status_message=status_message,
            end_time_us=end_time_us,
            run_name=run_name,
        )

    def delete_run(self, run_id: str) -> None:
        self._portal.call(self._async.delete_run, run_id)

    def restore_run(self, run_id: str) -> None:
        self._portal.call(self._async.restore_run, run_id)

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        self._portal.call(self._async.log_params, run_id, params)

    def set_tags(self, run_id: str, tags: Mapping[str, object]) -> None:
        self._portal.call(self._async.set_tags, run_id, tags)

    def describe_run(self, run_id: str, description: str) -> None:
        self._portal.call(self._async.describe_run, run_id, description)

    def delete_tags(self, run_id: str, keys: Iterable[str]) -> None:
        self._portal.call(self._async.delete_tags, run_id, keys)

    def log_dataset(
        self, run_id: str, dataset: types.Dataset, *, context: str = "", tags: Mapping[str, object] | None = None
    ) -> None:
        self._portal.call(self._async.log_dataset, run_id, dataset, context=context, tags=tags)

    def search_datasets(self, experiment_ids: Iterable[str]) -> list[types.DatasetSummary]:
        return self._portal.call(self._async.search_datasets, experiment_ids)

    def compare_runs(
        self, run_ids: Iterable[str], *, only_differing: bool = False, any_context: bool = False
    ) -> types.RunComparison:
        return self._portal.call(
            self._async.compare_runs, run_ids, only_differing=only_differing, any_context=any_context
        )

    def log_batch(
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
        self._portal.call(
            self._async.log_batch,
            run_id,
            params=params,
            set_tags=set_tags,
            delete_tags=delete_tags,
            datasets=datasets,
            model_inputs=model_inputs,
            model_outputs=model_outputs,
        )

    def list_series(self, run_id: str, key: str | None = None) -> Iterator[types.MetricSummary]:
        return items(self._portal, self._async.list_series(run_id, key))

    def latest_metrics(self, run_id: str) -> Mapping[str, float]:
        return self._portal.call(self._async.latest_metrics, run_id)

    def read_series(
        self,
        run_id: str | Iterable[str],
        key: str | Iterable[str] | None = None,
        *,
        context: Mapping[str, str] | None = None,
        steps: types.Range | None = None,
        times_us: types.Range | None = None,
    ) -> list[types.MetricSeries]:
        return self._portal.call(self._async.read_series, run_id, key, context=context, steps=steps, times_us=times_us)

    def read_buckets(
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
        return self._portal.call(
            self._async.read_buckets,
            run_id,
            key,
            context=context,
            steps=steps,
            times_us=times_us,
            max_buckets=max_buckets,
            axis=axis,
            by_writer=by_writer,
        )

    def read_aggregates(
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
        return self._portal.call(
            self._async.read_aggregates,
            run_id,
            key,
            context=context,
            steps=steps,
            times_us=times_us,
            across=across,
            across_writers=across_writers,
            max_buckets=max_buckets,
        )

    def read_values(
        self,
        run_id: str | Iterable[str],
        steps: int | Iterable[int],
        key: str | Iterable[str] | None = None,
        *,
        match: types.StepMatch,
        context: Mapping[str, str] | None = None,
    ) -> list[types.MetricValues]:
        return self._portal.call(self._async.read_values, run_id, steps, key, match=match, context=context)

    def follow(
        self,
        run_id: str | Iterable[str],
        key: str | Iterable[str] | None = None,
        *,
        context: Mapping[str, str] | None = None,
        position: bytes | None = None,
        only_new: bool = False,
        until_end: bool = False,
    ) -> Iterator[types.MetricUpdate]:
        return updates(
            self._portal,
            self._async.follow(run_id, key, context=context, position=position, only_new=only_new, until_end=until_end),
        )

    def read_console(
        self,
        run_id: str,
        *,
        labels: Mapping[str, object] | None = None,
        last_lines: int | None = None,
        follow: bool = False,
    ) -> Iterator[types.ConsoleBlock]:
        listing = self._async.read_console(run_id, labels=labels, last_lines=last_lines, follow=follow)
        return blocks(self._portal, listing)

    def list_writers(self, run_id: str) -> Iterator[types.Writer]:
        return items(self._portal, self._async.list_writers(run_id))

    def list_refused(self, run_id: str) -> list[types.RefusedRecord]:
        return self._portal.call(self._async.list_refused, run_id)

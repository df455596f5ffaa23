"""MLflow's store of experiments and runs, over the spool for writes and the client for reads."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import groupby
from typing import Any

from mlflow.entities import (
    DatasetInput,
    Experiment,
    Metric,
    Param,
    Run,
    RunInfo,
    RunStatus,
    RunTag,
    ViewType,
)
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.utils.async_logging.run_operations import RunOperations

from trackway import types
from trackway._fluent.context import RUN_NAME
from trackway._fluent.run import ActiveRun
from trackway.client import Tracking
from trackway.errors import NotFound
from trackway.integrations.mlflow import convert
from trackway.integrations.mlflow.histories import HistoryMethods
from trackway.integrations.mlflow.logged_models import LoggedModelMethods
from trackway.integrations.mlflow.refusals import invalid, not_implemented, raises_mlflow
from trackway.integrations.mlflow.server import server_at
from trackway.integrations.mlflow.writers import NO_SERVER

MOST_RESULTS = 50_000
_VIEWS: dict[int, types.View] = {ViewType.ACTIVE_ONLY: "active", ViewType.DELETED_ONLY: "deleted", ViewType.ALL: "all"}
_GC = (
    "mlflow gc is for MLflow's own stores: the server itself removes what has been deleted for long enough, and "
    "`trackway gc` on its machine does so now, with the files"
)
_TRACES = "traces are not kept by a Trackway server: set MLFLOW_TRACKING_URI to a server of MLflow's for them"


@raises_mlflow
class TrackwayTrackingStore(LoggedModelMethods, HistoryMethods, AbstractStore):
    """Experiments and runs at `trackway://HOST:PORT`. Its methods are MLflow's; they raise MlflowException.

    What logs returns when it is in the spool. What reads first waits until the server has what this process logged.
    """

    def __init__(self, store_uri: str) -> None:
        super().__init__()
        self._server = server_at(store_uri)
        self._writers = self._server.writers

    # -- experiments -------------------------------------------------------------------------------------------------

    def create_experiment(self, name: str, artifact_location: str | None, tags: Iterable[Any] | None) -> str:
        if artifact_location:
            warnings.warn(
                f"artifact_location={artifact_location!r} makes no difference: the server keeps artifacts itself",
                stacklevel=2,
            )
        return self._tracking.create_experiment(name, tags=convert.texts(tags)).experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        return convert.experiment(self._tracking.get_experiment(str(experiment_id)), self._server.uri)

    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        try:
            return convert.experiment(self._tracking.get_experiment(name=experiment_name), self._server.uri)
        except NotFound:
            return None

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        found, token = self._server.pages(
            self._server.client._async.tracking.search_experiments,
            _most(max_results),
            page_token,
            filter=filter_string or "",
            order_by=order_by or (),
            view=_view(view_type),
        )
        return PagedList([convert.experiment(each, self._server.uri) for each in found], token)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        self._tracking.update_experiment(str(experiment_id), name=new_name)

    def delete_experiment(self, experiment_id: str) -> None:
        self._writers.flush()
        self._tracking.delete_experiment(str(experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        self._tracking.restore_experiment(str(experiment_id))

    def set_experiment_tag(self, experiment_id: str, tag: Any) -> None:
        self._tracking.update_experiment(str(experiment_id), set_tags=convert.texts([tag]))

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        self._tracking.update_experiment(str(experiment_id), delete_tags=[key])

    # -- runs --------------------------------------------------------------------------------------------------------

    def create_run(
        self,
        experiment_id: str,
        user_id: str,
        start_time: int,
        tags: Iterable[RunTag] | None,
        run_name: str | None,
    ) -> Run:
        given = convert.texts(tags)
        if run_name and given.get(RUN_NAME, run_name) != run_name:
            raise invalid(f"Both 'run_name' argument and '{RUN_NAME}' tag are specified, but with different values.")
        written = self._writers.begin(
            str(experiment_id or "0"),
            run_name=run_name or "",
            user_id=user_id or "",
            start_time_us=int(start_time) * 1000,
            tags=given,
        )
        tags_now = {**given, RUN_NAME: written.info.run_name}
        return convert.new_run(written.info, tags_now, self._server.uri)

    def get_run(self, run_id: str) -> Run:
        """A run as the server has it, after what was logged here has reached it. While no server answers, a run that
        is written here is answered as far as this process knows it, with a warning: MLflow asks before it logs files.
        """
        self._writers.flush(run_id)
        try:
            return convert.run(self._tracking.get_run(run_id), self._server.uri)
        except NO_SERVER as error:
            written = self._writers.open(run_id)
            if written is None:
                raise
            warnings.warn(f"of run {run_id} only what this process knows is shown, no metrics: {error}", stacklevel=2)
            known = types.RunData(written.run.params, {}, {RUN_NAME: written.info.run_name})
            return convert.run(types.Run(written.info, known), self._server.uri)

    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        status: types.RunStatus | None = None if run_status is None else RunStatus.to_string(run_status)
        written = self._writers.open(run_id)
        if status == "RUNNING" and not run_name and (written is None or not written.run.owned):
            written = self._writers.resume(run_id)  # start_run(run_id=…)
        elif written is None:
            return self._update_elsewhere(run_id, status, end_time, run_name)
        else:
            if run_name:
                self._writers.rename(written, run_name)
            if status is not None and status != written.info.status:
                self._writers.mark(written, status, end_time * 1000 if end_time else None)
        return convert.run_info(written.info, self._server.uri)

    def delete_run(self, run_id: str) -> None:
        self._writers.flush(run_id)
        self._writers.forget(run_id)
        self._tracking.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        self._tracking.restore_run(run_id)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        run_view_type: int,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        return PagedList(
            *self._search_runs(experiment_ids, filter_string, run_view_type, max_results, order_by, page_token)
        )

    def _search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        run_view_type: int,
        max_results: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> tuple[list[Run], str | None]:
        ids = [str(each) for each in experiment_ids]
        if not ids:  # none is none for MLflow, and all for Trackway
            return [], None

        found, token = self._server.pages(
            self._server.client._async.tracking.search_runs,
            _most(max_results),
            page_token,
            experiment_ids=ids,
            filter=filter_string or "",
            order_by=order_by or (),
            view=_view(run_view_type),
        )
        return [convert.run(each, self._server.uri) for each in found], token

    # -- values ------------------------------------------------------------------------------------------------------

    def log_metric(self, run_id: str, metric: Metric) -> None:
        self._write(run_id, lambda run: _log_point(run, metric))

    def log_param(self, run_id: str, param: Param) -> None:
        self._write(run_id, lambda run: run.log_params({param.key: param.value}))

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        self._set_tags(run_id, {tag.key: tag.value})

    def delete_tag(self, run_id: str, key: str) -> None:
        self._writers.flush(run_id)
        self._tracking.delete_tags(run_id, [key])

    def log_batch(
        self, run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> None:
        values = _distinct(params)
        self._write(run_id, lambda run: run.log_params(values))
        if metrics:
            self._write(run_id, lambda run: _log_points(run, metrics))
        if tags:
            self._set_tags(run_id, convert.texts(tags))

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] | None = None, models: Sequence[Any] | None = None
    ) -> None:
        run = self._writers.of(run_id)
        for given in datasets or ():
            tags = {tag.key: tag.value for tag in given.tags or ()}
            form = given.dataset
            run.log_dataset(
                form.name,
                form.digest,
                source_type=form.source_type or "",
                source=form.source or "",
                schema=form.schema or "",
                profile=form.profile or "",
                context=tags.get(convert.DATA_CONTEXT, ""),
            )
        run.log_inputs(models=list(models or ()))

    # What is asynchronous in MLflow is as quick as what is not: it is done at once, and survives `kill -9` too.

    def log_batch_async(
        self, run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> RunOperations:
        done: Future[None] = Future()
        try:
            self.log_batch(run_id, metrics, params, tags)
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)
        return RunOperations([done])

    def flush_async_logging(self) -> None:
        self._writers.flush()

    def end_async_logging(self) -> None:
        self._writers.flush()

    def shut_down_async_logging(self) -> None:
        """Nothing runs that could be shut down; `set_terminated`, which calls this, waits by itself."""

    # -- what a Trackway server does not have ------------------------------------------------------------------------

    def record_logged_model(self, run_id: str, mlflow_model: Any) -> None:
        import json

        history = self.get_run(run_id).data.tags.get("mlflow.log-model.history", "[]")
        models = [*json.loads(history), mlflow_model.get_tags_dict()]
        self._set_tags(run_id, {"mlflow.log-model.history": json.dumps(models)})

    def link_traces_to_run(self, trace_ids: Sequence[str], run_id: str) -> None:
        raise not_implemented(_TRACES)

    def _get_deleted_runs(self, older_than: int = 0) -> list[str]:
        raise not_implemented(_GC)

    def _get_deleted_logged_models(self, older_than: int = 0) -> list[str]:
        raise not_implemented(_GC)

    def _hard_delete_run(self, run_id: str) -> None:
        raise not_implemented(_GC)

    def _hard_delete_experiment(self, experiment_id: str) -> None:
        raise not_implemented(_GC)

    def _hard_delete_logged_model(self, model_id: str) -> None:
        raise not_implemented(_GC)

    # -- inside ------------------------------------------------------------------------------------------------------

    @property
    def _tracking(self) -> Tracking:
        return self._server.client.tracking

    def _write(self, run_id: str, record: Callable[[ActiveRun], None]) -> None:
        """Record something, once more where another thread has left the run in the meantime."""
        run = self._writers.of(run_id)
        try:
            record(run)
        except ValueError:
            again = self._writers.of(run_id)
            if again is run:
                raise
            record(again)

    def _set_tags(self, run_id: str, tags: dict[str, str]) -> None:
        self._write(run_id, lambda run: run.set_tags(tags))
        written = self._writers.open(run_id)
        if RUN_NAME in tags and written is not None:
            written.info = replace(written.info, run_name=tags[RUN_NAME])

    def _update_elsewhere(
        self, run_id: str, status: types.RunStatus | None, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Of a run that this process does not write the server changes the state, at once."""
        self._writers.forget(run_id)
        changed = self._tracking.update_run(
            run_id, status=status, end_time_us=end_time * 1000 if end_time else None, run_name=run_name
        )
        return convert.run_info(changed.info, self._server.uri)


def _most(max_results: int) -> int:
    if isinstance(max_results, int) and 1 <= max_results <= MOST_RESULTS:
        return max_results
    raise invalid(f"Invalid value {max_results} for parameter 'max_results' supplied. It must be 1 to {MOST_RESULTS}.")


def _view(view_type: int) -> types.View:
    if view_type not in _VIEWS:
        raise invalid(f"Invalid view type: {view_type!r}")
    return _VIEWS[view_type]


def _log_point(run: ActiveRun, point: Metric) -> None:
    timestamp = point.timestamp
    if timestamp is None or timestamp < 0:
        raise invalid(
            f"Got invalid timestamp {timestamp!r} for metric {point.key!r}: milliseconds since 1970 are valid"
        )
    run.log_metric(point.key, point.value, point.step, timestamp, convert.context_of(point))


def _log_points(run: ActiveRun, points: Sequence[Metric]) -> None:
    """Points of one step and time together, as one record; the others one by one."""
    for (step, timestamp, *context), same in groupby(points, key=convert.moment_of):
        together = list(same)
        values = {each.key: each.value for each in together}
        if 1 < len(values) == len(together) and not context and _is_time(timestamp):
            run.log_metrics(values, step, timestamp)
        else:
            for each in together:
                _log_point(run, each)


def _is_time(timestamp: object) -> bool:
    return isinstance(timestamp, int) and timestamp >= 0


def _distinct(params: Sequence[Param]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in params:
        if found.setdefault(each.key, each.value) != each.value:
            raise invalid(f"Duplicate parameter keys have been submitted: [{each.key!r}] with different values.")
    return found

"""`MlflowClient`: MLflow's object of low-level calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trackway import artifacts
from trackway._fluent import checks, files, reads, session, tables
from trackway._fluent.context import PARENT_RUN_ID
from trackway._fluent.mlflow_models import LoggedModelMethods
from trackway._fluent.mlflow_registry import RegistryMethods
from trackway._fluent.open_runs import flush_open_runs
from trackway._fluent.pages import PagedList, page_of
from trackway._fluent.stack import leave_attached, run_of
from trackway.entities import Metric, Param, RunTag
from trackway.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd

    from trackway.client import Client
    from trackway.types import DatasetInput, Experiment, FileInfo, LoggedModelInput, Run
    from trackway.types import RunStatus as StatusName


class MlflowClient(RegistryMethods, LoggedModelMethods):
    """MLflow's client of the chosen server. The server of a whole process is `trackway.set_tracking_uri`'s to choose;
    `tracking_uri` names another one for reads and for the registry."""

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        self._uri = tracking_uri or registry_uri

    @property
    def tracking_uri(self) -> str:
        return self._uri or session.get_tracking_uri()

    @property
    def _server(self) -> Client:
        flush_open_runs()
        return session.server(self._uri)

    # -- experiments -------------------------------------------------------------------------------------------------

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> str:
        reads.check_no_location(artifact_location)
        return self._server.tracking.create_experiment(name, tags=tags).experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        return self._server.tracking.get_experiment(str(experiment_id))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        try:
            return self._server.tracking.get_experiment(name=name)
        except NotFound:
            return None

    def search_experiments(
        self,
        view_type: object = 1,
        max_results: int | None = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        listing = self._server._async.tracking.search_experiments
        most, view = max_results or 1000, reads.view_of(view_type)
        return page_of(listing, most, page_token, filter=filter_string or "", order_by=order_by or (), view=view)

    def delete_experiment(self, experiment_id: str) -> None:
        self._server.tracking.delete_experiment(experiment_id)

    def restore_experiment(self, experiment_id: str) -> None:
        self._server.tracking.restore_experiment(experiment_id)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        self._server.tracking.update_experiment(experiment_id, name=new_name)

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        self._server.tracking.update_experiment(experiment_id, set_tags={key: str(value)})

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        self._server.tracking.update_experiment(experiment_id, delete_tags=[key])

    # -- runs --------------------------------------------------------------------------------------------------------

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        return self._server.tracking.create_run(
            experiment_id=str(experiment_id),
            start_time_us=None if start_time is None else start_time * 1000,
            tags={key: str(value) for key, value in (tags or {}).items()},
            run_name=run_name,
        )

    def get_run(self, run_id: str) -> Run:
        return self._server.tracking.get_run(run_id)

    def get_parent_run(self, run_id: str) -> Run | None:
        parent = self.get_run(run_id).data.tags.get(PARENT_RUN_ID)
        return self.get_run(parent) if parent else None

    def search_runs(
        self,
        experiment_ids: Iterable[str],
        filter_string: str = "",
        run_view_type: object = 1,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Those that a filter chooses; `token` of the answer is the `page_token` of what follows."""
        listing, ids = self._server._async.tracking.search_runs, [str(each) for each in experiment_ids]
        query = {"filter": filter_string or "", "order_by": order_by or (), "view": reads.view_of(run_view_type)}
        return page_of(listing, max_results, page_token, experiment_ids=ids, **query)

    def update_run(self, run_id: str, status: StatusName | None = None, name: str | None = None) -> None:
        self._server.tracking.update_run(run_id, status=status, run_name=name)

    def set_terminated(self, run_id: str, status: StatusName | None = None, end_time: int | None = None) -> None:
        leave_attached(run_id)
        self._server.tracking.update_run(
            run_id, status=status or "FINISHED", end_time_us=None if end_time is None else end_time * 1000
        )

    def delete_run(self, run_id: str) -> None:
        self._server.tracking.delete_run(run_id)

    def restore_run(self, run_id: str) -> None:
        self._server.tracking.restore_run(run_id)

    # -- values ------------------------------------------------------------------------------------------------------

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> None:
        given = {"model_id": model_id, "dataset_name": dataset_name, "dataset_digest": dataset_digest}
        about = {name: text for name, text in given.items() if text}
        run_of(run_id).log_metric(key, value, step, timestamp, about or None)

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        run_of(run_id).log_params({key: value})
        return value

    def log_batch(
        self,
        run_id: str,
        metrics: Iterable[Metric] = (),
        params: Iterable[Param] = (),
        tags: Iterable[RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """All or none of it, as far as this process can tell."""
        points = [checks.point(each.key, each.value, each.step, each.timestamp) for each in metrics]
        texts = checks.tag_texts({each.key: each.value for each in tags})
        run = run_of(run_id)
        run.log_params({each.key: each.value for each in params})
        run.set_tags(texts)
        for point in points:
            run.log_metric(*point)

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> None:
        run_of(run_id).set_tags({key: value})

    def delete_tag(self, run_id: str, key: str) -> None:
        self._server.tracking.delete_tags(run_id, [key])

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Note data sets that a run reads, `DatasetInput`s of this package or of MLflow with their tags, and logged
        models."""
        run = run_of(run_id)
        for each in datasets or ():
            form = {
                name: getattr(each.dataset, name, "") or "" for name in ("source_type", "source", "schema", "profile")
            }
            tags = {tag.key: tag.value for tag in each.tags}
            run.log_dataset(each.dataset.name, each.dataset.digest, **form, tags=tags)
        run.log_inputs(models=models)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """The points of a metric that were logged without a context, in the order of logging, writer by writer."""
        found = self._server.tracking.read_series(run_id, key, context={})
        columns = (zip(each.values, each.times_us, each.steps, strict=True) for each in found)
        return [Metric(key, float(v), int(t) // 1000, int(s)) for rows in columns for v, t, s in rows]

    # -- artifacts ---------------------------------------------------------------------------------------------------

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        files.log_artifact(local_path, artifact_path, run_id)

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        files.log_artifacts(local_dir, artifact_path, run_id)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        files.log_text(text, artifact_file, run_id)

    def log_dict(self, run_id: str, dictionary: Mapping[str, Any] | list[Any], artifact_file: str) -> None:
        files.log_dict(dictionary, artifact_file, run_id)

    def log_figure(self, run_id: str, figure: Any, artifact_file: str) -> None:
        files.log_figure(figure, artifact_file, run_id=run_id)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        files.log_image(image, artifact_file, key, step, timestamp, synchronous, run_id=run_id)

    def log_stream(self, run_id: str, stream: Any, artifact_file: str) -> None:
        tables.log_stream(stream, artifact_file, run_id)

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        tables.log_table(data, artifact_file, run_id)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        return tables.load_table(artifact_file, run_ids, extra_columns, experiment_id=str(experiment_id))

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        return list(self._server.artifacts.list(run_id, path or ""))

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        return artifacts.download_artifacts(
            run_id=run_id, artifact_path=path, dst_path=dst_path, tracking_uri=self._uri
        )

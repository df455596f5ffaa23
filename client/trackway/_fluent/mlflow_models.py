"""MLflow's methods of logged models, by its names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trackway._fluent import checks, logged_models
from trackway._fluent.stack import run_of

if TYPE_CHECKING:
    from trackway.client import Client
    from trackway.logged_model import LoggedModel
    from trackway.types import FileInfo, LoggedModelOutput


class LoggedModelMethods:
    """Logged models, and what runs read and make of them."""

    @property
    def _server(self) -> Client:
        raise NotImplementedError

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        return self._server.logged_models.create(
            str(experiment_id), name=name, model_type=model_type, source_run_id=source_run_id, params=params, tags=tags
        )

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        self._server.logged_models.log_params(model_id, params)

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        return self._server.logged_models.finalize(model_id, logged_models.status_of(status))

    def get_logged_model(self, model_id: str) -> LoggedModel:
        return self._server.logged_models.get(model_id)

    def delete_logged_model(self, model_id: str) -> None:
        self._server.logged_models.delete(model_id)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        self._server.logged_models.update_tags(model_id, set_tags=tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        self._server.logged_models.update_tags(model_id, delete_tags=[key])

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[LoggedModel]:
        ids = [str(each) for each in experiment_ids]
        found = self._server.logged_models
        return logged_models.find_models(found, ids, filter_string, datasets, max_results, order_by)

    def log_model_artifact(self, model_id: str, local_path: str) -> None:
        """Store a file of a model at once: it does not go through the spool."""
        self._server.artifacts.upload_file(checks.logged_model_id(model_id), local_path)

    def log_model_artifacts(self, model_id: str, local_dir: str) -> None:
        """Store all files of a folder, as `log_model_artifact`."""
        self._server.artifacts.upload_folder(checks.logged_model_id(model_id), local_dir)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        return list(self._server.artifacts.list(checks.logged_model_id(model_id), path or ""))

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        run_of(run_id).log_outputs(models)

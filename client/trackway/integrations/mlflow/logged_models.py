"""Logged models, MLflow 3's: made, measured and read by runs, before and beside the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlflow.store.entities.paged_list import PagedList

from trackway.errors import NotFound
from trackway.integrations.mlflow import convert
from trackway.integrations.mlflow.refusals import raises_mlflow
from trackway.integrations.mlflow.server import Server

MOST_MODELS = 100


@raises_mlflow
class LoggedModelMethods:
    """The methods of MLflow's tracking store that are about logged models. A model is made at the server at once; what
    runs log about it goes through their spools."""

    _server: Server

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Iterable[Any] | None = None,
        params: Iterable[Any] | None = None,
        model_type: str | None = None,
    ) -> Any:
        made = self._server.client.logged_models.create(
            str(experiment_id),
            name=name,
            model_type=model_type,
            source_run_id=source_run_id,
            params=convert.texts(params),
            tags=convert.texts(tags),
        )
        return convert.logged_model(made, self._server.uri)

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> Any:
        self._server.writers.flush()
        found = self._server.client.logged_models.get(model_id)
        if found.lifecycle_stage == "deleted" and not allow_deleted:
            raise NotFound(f"Logged model with ID '{model_id}' not found: it is deleted.")
        return convert.logged_model(found, self._server.uri)

    def finalize_logged_model(self, model_id: str, status: Any) -> Any:
        changed = self._server.client.logged_models.finalize(model_id, convert.model_status(status))
        return convert.logged_model(changed, self._server.uri)

    def delete_logged_model(self, model_id: str) -> None:
        self._server.client.logged_models.delete(model_id)

    def set_logged_model_tags(self, model_id: str, tags: Iterable[Any]) -> None:
        self._server.client.logged_models.update_tags(model_id, set_tags=convert.texts(tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        self._server.client.logged_models.update_tags(model_id, delete_tags=[key])

    def log_logged_model_params(self, model_id: str, params: Iterable[Any]) -> None:
        self._server.client.logged_models.log_params(model_id, convert.texts(params))

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, str]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Any]:
        ids = [str(each) for each in experiment_ids or ()]
        if not ids:  # none is none for MLflow, and all for Trackway
            return PagedList([], None)
        found, token = self._server.pages(
            self._server.client._async.logged_models.search,
            max_results or MOST_MODELS,
            page_token,
            experiment_ids=ids,
            filter=filter_string or "",
            datasets=datasets or (),
            order_by=order_by or (),
        )
        return PagedList([convert.logged_model(each, self._server.uri) for each in found], token)

    def log_outputs(self, run_id: str, models: Iterable[Any]) -> None:
        self._server.writers.of(run_id).log_outputs(list(models))

"""MLflow's store of registered models and their versions, over the client's registry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore

from trackway.client import Registry
from trackway.errors import NotFound
from trackway.integrations.mlflow import addresses, convert
from trackway.integrations.mlflow.refusals import invalid, raises_mlflow
from trackway.integrations.mlflow.server import server_at
from trackway.model_uri import parse_model

MOST_MODELS = 100
MOST_VERSIONS = 10_000


@raises_mlflow
class TrackwayRegistryStore(AbstractStore):
    """Registered models at `trackway://HOST:PORT`. Its methods are MLflow's; they raise MlflowException."""

    def __init__(self, store_uri: str, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._server = server_at(store_uri)

    # -- models ------------------------------------------------------------------------------------------------------

    def create_registered_model(
        self,
        name: str,
        tags: Iterable[Any] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        made = self._registry.create_model(name, description=description or "", tags=convert.texts(tags))
        return convert.registered_model(made)

    def get_registered_model(self, name: str) -> RegisteredModel:
        return convert.registered_model(self._registry.get_model(name))

    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        return convert.registered_model(self._registry.update_model(name, description=description or ""))

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        return convert.registered_model(self._registry.rename_model(name, new_name))

    def delete_registered_model(self, name: str) -> None:
        self._registry.delete_model(name, in_use=True)  # as MLflow does, whatever its stages

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """MLflow's prompts, which are registered models with a tag, are left out unless the filter names that tag."""
        found, token = self._server.pages(
            self._server.client._async.registry.search_models,
            max_results or MOST_MODELS,
            page_token,
            filter=filter_string or "",
            order_by=order_by or (),
        )
        return PagedList([convert.registered_model(each) for each in found], token)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        wanted = None if not stages else {each.lower() for each in stages}
        newest = self._registry.get_model(name).latest_versions
        return [convert.model_version(each) for each in newest if wanted is None or each.stage.lower() in wanted]

    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        self._registry.set_model_tags(name, convert.texts([tag]))

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        self._registry.delete_model_tags(name, [key])

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self._registry.set_alias(name, alias, _number(version))

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        with suppress(NotFound):
            self._registry.delete_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """An alias that is not there is INVALID_PARAMETER_VALUE, as MLflow has it."""
        model = self._registry.get_model(name)
        if alias not in model.aliases:
            raise invalid(f"Registered model alias {alias} not found.")
        return convert.model_version(self._registry.get_version(name, model.aliases[alias]))

    # -- versions ----------------------------------------------------------------------------------------------------

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Iterable[Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """A version of files that a run or a logged model of this server has, or of those of another version. They are
        pinned by their digests: `get_model_version_download_uri` names those, whatever becomes of the run's. A source
        elsewhere (`s3://…`) is kept as text."""
        self._server.writers.flush()
        made = self._registry.create_version(
            name,
            self._source(source),
            tags=convert.texts(tags),
            run_id=run_id or "",
            run_link=run_link or "",
            description=description or "",
            files_optional=True,
        )
        return convert.model_version(made)

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        return convert.model_version(self._registry.get_version(name, _number(version)))

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        found = self._registry.get_version(name, _number(version))
        if not found.manifest_digest:  # made of files of another place
            return found.source
        return addresses.of_version(self._server.uri, found.name, found.version)

    def update_model_version(self, name: str, version: str, description: str | None) -> ModelVersion:
        changed = self._registry.update_version(name, _number(version), description=description or "")
        return convert.model_version(changed)

    def delete_model_version(self, name: str, version: str) -> None:
        self._registry.delete_version(name, _number(version), in_use=True)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        found, token = self._server.pages(
            self._server.client._async.registry.search_versions,
            max_results or MOST_VERSIONS,
            page_token,
            filter=filter_string or "",
            order_by=order_by or (),
        )
        return PagedList([convert.model_version(each) for each in found], token)

    def set_model_version_tag(self, name: str, version: str, tag: Any) -> None:
        self._registry.set_version_tags(name, _number(version), convert.texts([tag]))

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        self._registry.delete_version_tags(name, _number(version), [key])

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        moved = self._registry.transition_stage(
            name, _number(version), stage, archive_existing_versions=archive_existing_versions
        )
        return convert.model_version(moved)

    def list_webhooks_by_event(
        self, event: Any, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Any]:
        """None: MLflow's own server asks, where it runs on this store, and tells nobody."""
        return PagedList([], None)

    # -- inside ------------------------------------------------------------------------------------------------------

    @property
    def _registry(self) -> Registry:
        return self._server.client.registry

    def _source(self, given: str) -> str:
        """What a version is to be made of; a stage or an alias of a model is the version that it names now."""
        source = addresses.source_of(given, self._server.uri)
        if not source.startswith("models:") or source.startswith("models:/m-"):
            return source
        named = parse_model(source)
        if named.version is not None:
            return source
        version = self._registry.resolve(source).version
        return f"models:/{version.name}/{version.version}"


def _number(version: int | str) -> int:
    try:
        return int(version)
    except (TypeError, ValueError):
        raise invalid(f"{version!r} is no version of a model: versions are numbers from 1 on") from None

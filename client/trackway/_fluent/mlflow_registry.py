"""MLflow's registry methods, by its names, over the registry of this package's client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trackway._fluent import registry as registration
from trackway._fluent.pages import PagedList, page_of
from trackway.errors import InvalidArgument
from trackway.model_uri import STAGES

if TYPE_CHECKING:
    from trackway.client import Client
    from trackway.types import ModelVersion, RegisteredModel


class RegistryMethods:
    """Registered models, versions, stages and aliases. Versions may be given as text, as MLflow answers them."""

    @property
    def _server(self) -> Client:
        raise NotImplementedError

    def create_registered_model(
        self, name: str, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        return self._server.registry.create_model(name, description=description or "", tags=_texts(tags))

    def get_registered_model(self, name: str) -> RegisteredModel:
        return self._server.registry.get_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        return self._server.registry.rename_model(name, new_name)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        return self._server.registry.update_model(name, description=description or "")

    def delete_registered_model(self, name: str) -> None:
        self._server.registry.delete_model(name)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Those that a filter chooses, all without one; by name where no order is given. `token` of the answer is the
        `page_token` of what follows."""
        listing = self._server._async.registry.search_models
        return page_of(listing, max_results or 100, page_token, filter=filter_string or "", order_by=order_by or ())

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        self._server.registry.set_model_tags(name, {key: str(value)})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        self._server.registry.delete_model_tags(name, [key])

    def set_registered_model_alias(self, name: str, alias: str, version: int | str) -> None:
        self._server.registry.set_alias(name, alias, int(version))

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self._server.registry.delete_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        return self._server.registry.resolve(name, alias=alias).version

    def get_latest_versions(self, name: str, stages: Iterable[str] | None = None) -> list[ModelVersion]:
        """The newest version of each stage, of those named or of all."""
        wanted = None if stages is None else {each.lower() for each in stages}
        newest = self._server.registry.get_model(name).latest_versions
        return [each for each in newest if wanted is None or each.stage.lower() in wanted]

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Make the next version of a registered model from `runs:/RUN_ID/PATH` or `models:/m-ID`."""
        if run_id and not source.startswith((f"runs:/{run_id}/", "models:/m-")):
            raise InvalidArgument(f"source must be runs:/{run_id}/PATH where run_id is given, not {source!r}")
        return self._server.registry.create_version(
            name,
            source,
            run_id=run_id or "",
            tags=_texts(tags),
            run_link=run_link or "",
            model_id=model_id or "",
            description=description or "",
        )

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Make a version of another registered model of the same files, with tags and description, without stage and
        aliases; the model is made where it does not exist."""
        version = self._server.registry.resolve(src_model_uri).version
        source = f"models:/{version.name}/{version.version}"
        return registration.register_model(source, dst_name, tags=version.tags, description=version.description)

    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        return self._server.registry.get_version(name, int(version))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Those that a filter chooses, all without one; changed last first where no order is given."""
        listing = self._server._async.registry.search_versions
        return page_of(listing, max_results, page_token, filter=filter_string or "", order_by=order_by or ())

    def update_model_version(self, name: str, version: int | str, description: str | None = None) -> ModelVersion:
        return self._server.registry.update_version(name, int(version), description=description or "")

    def delete_model_version(self, name: str, version: int | str) -> None:
        self._server.registry.delete_version(name, int(version))

    def get_model_version_download_uri(self, name: str, version: int | str) -> str:
        return self.get_model_version(name, version).source

    def set_model_version_tag(self, name: str, version: int | str, key: str, value: Any) -> None:
        self._server.registry.set_version_tags(name, int(version), {key: str(value)})

    def delete_model_version_tag(self, name: str, version: int | str, key: str) -> None:
        self._server.registry.delete_version_tags(name, int(version), [key])

    def transition_model_version_stage(
        self, name: str, version: int | str, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        return self._server.registry.transition_stage(
            name, int(version), stage, archive_existing_versions=archive_existing_versions
        )

    def get_model_version_stages(self, name: str, version: int | str) -> list[str]:
        """The stages there are."""
        return list(STAGES)


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (values or {}).items()}

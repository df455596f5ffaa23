"""Registered models, their versions, stages, aliases and events, synchronously."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trackway import types
from trackway._fluent.monitor import VersionMonitor
from trackway._rpc.registry import AsyncRegistry
from trackway._sync.iteration import events, items
from trackway._sync.mirror import mirrors
from trackway._sync.portal import Portal
from trackway._sync.webhooks import Webhooks


@mirrors(AsyncRegistry)
class Registry(Webhooks):
    def __init__(self, original: AsyncRegistry, portal: Portal) -> None:
        self._async = self._webhooks = original
        self._portal = portal

    def create_model(
        self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None
    ) -> types.RegisteredModel:
        return self._portal.call(self._async.create_model, name, description=description, tags=tags)

    def get_model(self, name: str) -> types.RegisteredModel:
        return self._portal.call(self._async.get_model, name)

    def search_models(
        self,
        filter: str = "",  # noqa: A002 the language's word
        *,
        order_by: Iterable[str] = (),
        page_size: int = 100,
    ) -> Iterator[types.RegisteredModel]:
        return items(self._portal, self._async.search_models(filter, order_by=order_by, page_size=page_size))

    def rename_model(self, name: str, new_name: str, *, etag: str = "", reason: str = "") -> types.RegisteredModel:
        return self._portal.call(self._async.rename_model, name, new_name, etag=etag, reason=reason)

    def update_model(self, name: str, *, description: str, etag: str = "", reason: str = "") -> types.RegisteredModel:
        return self._portal.call(self._async.update_model, name, description=description, etag=etag, reason=reason)

    def delete_model(self, name: str, *, etag: str = "", reason: str = "", in_use: bool = False) -> None:
        self._portal.call(self._async.delete_model, name, etag=etag, reason=reason, in_use=in_use)

    def set_model_tags(self, name: str, tags: Mapping[str, str], *, reason: str = "") -> types.RegisteredModel:
        return self._portal.call(self._async.set_model_tags, name, tags, reason=reason)

    def delete_model_tags(self, name: str, keys: Iterable[str], *, reason: str = "") -> types.RegisteredModel:
        return self._portal.call(self._async.delete_model_tags, name, keys, reason=reason)

    def create_version(
        self,
        name: str,
        source: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        run_id: str = "",
        run_link: str = "",
        model_id: str = "",
        request_id: str | None = None,
        reason: str = "",
        files_optional: bool = False,
    ) -> types.ModelVersion:
        return self._portal.call(
            self._async.create_version,
            name,
            source,
            description=description,
            tags=tags,
            run_id=run_id,
            run_link=run_link,
            model_id=model_id,
            request_id=request_id,
            reason=reason,
            files_optional=files_optional,
        )

    def get_version(self, name: str, version: int) -> types.ModelVersion:
        return self._portal.call(self._async.get_version, name, version)

    def search_versions(
        self,
        filter: str = "",  # noqa: A002 the language's word
        *,
        name: str = "",
        order_by: Iterable[str] = (),
        page_size: int = 100,
    ) -> Iterator[types.ModelVersion]:
        return items(
            self._portal, self._async.search_versions(filter, name=name, order_by=order_by, page_size=page_size)
        )

    def update_version(
        self, name: str, version: int, *, description: str, etag: str = "", reason: str = ""
    ) -> types.ModelVersion:
        return self._portal.call(
            self._async.update_version, name, version, description=description, etag=etag, reason=reason
        )

    def delete_version(
        self, name: str, version: int, *, etag: str = "", reason: str = "", in_use: bool = False
    ) -> None:
        self._portal.call(self._async.delete_version, name, version, etag=etag, reason=reason, in_use=in_use)

    def set_version_tags(
        self, name: str, version: int, tags: Mapping[str, str], *, reason: str = ""
    ) -> types.ModelVersion:
        return self._portal.call(self._async.set_version_tags, name, version, tags, reason=reason)

    def delete_version_tags(
        self, name: str, version: int, keys: Iterable[str], *, reason: str = ""
    ) -> types.ModelVersion:
        return self._portal.call(self._async.delete_version_tags, name, version, keys, reason=reason)

    def transition_stage(
        self,
        name: str,
        version: int,
        stage: str,
        *,
        archive_existing_versions: bool = False,
        etag: str = "",
        reason: str = "",
    ) -> types.ModelVersion:
        return self._portal.call(
            self._async.transition_stage,
            name,
            version,
            stage,
            archive_existing_versions=archive_existing_versions,
            etag=etag,
            reason=reason,
        )

    def set_alias(
        self, name: str, alias: str, version: int, *, expected_version: int | None = None, reason: str = ""
    ) -> types.ModelVersion:
        return self._portal.call(
            self._async.set_alias, name, alias, version, expected_version=expected_version, reason=reason
        )

    def delete_alias(self, name: str, alias: str, *, expected_version: int | None = None, reason: str = "") -> None:
        self._portal.call(self._async.delete_alias, name, alias, expected_version=expected_version, reason=reason)

    def resolve(
        self, name: str, *, version: int | None = None, stage: str | None = None, alias: str | None = None
    ) -> types.ResolvedModel:
        return self._portal.call(self._async.resolve, name, version=version, stage=stage, alias=alias)

    def monitor(self, name: str, version: int, *, context: Mapping[str, Any] | None = None) -> VersionMonitor:
        return self._async.monitor(name, version, context=context)

    def list_series(self, name: str, version: int, key: str | None = None) -> Iterator[types.MetricSummary]:
        return items(self._portal, self._async.list_series(name, version, key))

    def latest_metrics(self, name: str, version: int) -> Mapping[str, float]:
        return self._portal.call(self._async.latest_metrics, name, version)

    def read_series(
        self, name: str, version: int, key: str, *, context: Mapping[str, str] | None = None
    ) -> list[types.MetricSeries]:
        return self._portal.call(self._async.read_series, name, version, key, context=context)

    def list_writers(self, name: str, version: int) -> Iterator[types.Writer]:
        return items(self._portal, self._async.list_writers(name, version))

    def list_events(self, model_name: str | None = None, *, page_size: int = 100) -> Iterator[types.Event]:
        return items(self._portal, self._async.list_events(model_name, page_size=page_size))

    def watch(
        self, model_name: str | None = None, *, resume_token: str | None = None, from_start: bool = False
    ) -> Iterator[types.Event]:
        return events(self._portal, self._async.watch(model_name, resume_token=resume_token, from_start=from_start))

"""Logged models, synchronously."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trackway import types
from trackway._rpc.logged_models import AsyncLoggedModels
from trackway._sync.iteration import items
from trackway._sync.mirror import mirrors
from trackway._sync.portal import Portal
from trackway.logged_model import LoggedModel


@mirrors(AsyncLoggedModels)
class LoggedModels:
    def __init__(self, original: AsyncLoggedModels, portal: Portal) -> None:
        self._async = original
        self._portal = portal

    def create(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        model_type: str | None = None,
        source_run_id: str | None = None,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        model_id: str | None = None,
    ) -> LoggedModel:
        return self._portal.call(
            self._async.create,
            experiment_id,
            name=name,
            model_type=model_type,
            source_run_id=source_run_id,
            params=params,
            tags=tags,
            model_id=model_id,
        )

    def get(self, model_id: str) -> LoggedModel:
        return self._portal.call(self._async.get, model_id)

    def finalize(self, model_id: str, status: types.LoggedModelStatus, *, message: str = "") -> LoggedModel:
        return self._portal.call(self._async.finalize, model_id, status, message=message)

    def delete(self, model_id: str) -> None:
        self._portal.call(self._async.delete, model_id)

    def update_tags(
        self, model_id: str, *, set_tags: Mapping[str, object] | None = None, delete_tags: Iterable[str] = ()
    ) -> LoggedModel:
        return self._portal.call(self._async.update_tags, model_id, set_tags=set_tags, delete_tags=delete_tags)

    def log_params(self, model_id: str, params: Mapping[str, object]) -> None:
        self._portal.call(self._async.log_params, model_id, params)

    def search(
        self,
        experiment_ids: Iterable[str] = (),
        *,
        filter: str = "",  # noqa: A002 the language's word
        datasets: Iterable[Mapping[str, str]] = (),
        order_by: Iterable[str | Mapping[str, Any]] = (),
        view: types.View = "active",
        page_size: int = 100,
    ) -> Iterator[LoggedModel]:
        return items(
            self._portal,
            self._async.search(
                experiment_ids, filter=filter, datasets=datasets, order_by=order_by, view=view, page_size=page_size
            ),
        )

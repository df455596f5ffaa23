"""Register models. Needs a server; what this process logged is sent first."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

from trackway._fluent import session
from trackway._fluent.open_runs import flush_open_runs
from trackway.errors import AlreadyExists, InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trackway.types import ModelVersion, RegisteredModel


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, Any] | None = None,
    description: str = "",
) -> ModelVersion:
    """Make the next version of the registered model `name`, which is made where it does not exist.

    `model_uri` is `runs:/RUN_ID/PATH`, or a version of another model (`models:/NAME/VERSION`, …), whose files the new
    one shares, whatever became of those of the run. The version is ready when this returns: `await_registration_for` is
    MLflow's and makes no difference.

    Raises InvalidArgument where the run has no files there, NotFound where there is no such run or version, Unavailable
    where there is no server.
    """
    flush_open_runs()
    registry = session.server().registry
    source = _source(model_uri)
    with suppress(AlreadyExists):
        registry.create_model(name)
    texts = {key: str(value) for key, value in (tags or {}).items()}
    return registry.create_version(name, source, tags=texts, description=description)


def _source(model_uri: str) -> str:
    from trackway.model_uri import RunUri, parse

    parsed = parse(model_uri)
    if not isinstance(parsed, RunUri):
        version = session.server().registry.resolve(model_uri).version
        return f"models:/{version.name}/{version.version}"
    if not parsed.path:
        raise InvalidArgument(f"{model_uri!r} names no model: write runs:/RUN_ID/PATH")
    return str(parsed)


def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[RegisteredModel]:
    """The registered models that a filter chooses, or all; by name where no order is given.

    Filters and orders are MLflow's and more: the README has the language. Raises InvalidArgument where one is not
    understood, with the place.
    """
    found = session.server().registry.search_models(filter_string or "", order_by=order_by or (), page_size=1000)
    return list(islice(found, max_results))


def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: Sequence[str] | None = None
) -> list[ModelVersion]:
    """The versions of registered models that a filter chooses, or all; changed last first where no order is given.

    Raises as `search_registered_models`.
    """
    found = session.server().registry.search_versions(filter_string or "", order_by=order_by or (), page_size=1000)
    return list(islice(found, max_results))


def set_model_version_tag(name: str, version: int | str, key: str, value: Any) -> None:
    """Set a tag of a version of a model."""
    session.server().registry.set_version_tags(name, int(version), {key: str(value)})

"""Register models. Needs a server; what this process logged is sent first."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

from trackway._fluent import session
from trackway._fluent.model_checks import model_name_for
from trackway._fluent.open_runs import flush_open_runs
from trackway.errors import AlreadyExists, InvalidArgument, TrackwayError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trackway.client import Client
    from trackway.model_uri import RunUri
    from trackway.types import ModelVersion, RegisteredModel

VERSIONS_TAG = "mlflow.modelVersions"


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, Any] | None = None,
    description: str = "",
) -> ModelVersion:
    """Make the next version of the registered model `name`, which is made where it does not exist.

    `model_uri` is a logged model (`models:/m-ID`, what `log_model` answers), `runs:/RUN_ID/PATH`, or a version of
    another model (`models:/NAME/VERSION`, …), whose files the new one shares, whatever became of those of the run. A
    version of a logged model, or of the folder of a run that is one, knows it (`version.model_id`), and the model's tag
    `mlflow.modelVersions` names the version. The version is ready when this returns: `await_registration_for` is
    MLflow's and makes no difference.

    Raises InvalidArgument where the run or the model has no files there, NotFound where there is no such run, model or
    version, Unavailable where there is no server.
    """
    flush_open_runs()
    client = session.server()
    source, model_id = _source(client, model_uri)
    with suppress(AlreadyExists):
        client.registry.create_model(name)
    texts = {key: str(value) for key, value in (tags or {}).items()}
    made = client.registry.create_version(name, source, tags=texts, description=description, model_id=model_id)
    if made.model_id:
        _note_version(client, made)
    return made


def _source(client: Client, model_uri: str) -> tuple[str, str]:
    """What a version is made of, and the logged model that this is, where one is known."""
    from trackway.model_uri import LoggedModelUri, RunUri, parse

    parsed = parse(model_uri)
    if isinstance(parsed, LoggedModelUri):
        return str(parsed), parsed.model_id
    if not isinstance(parsed, RunUri):
        version = client.registry.resolve(model_uri).version
        return f"models:/{version.name}/{version.version}", ""
    if not parsed.path:
        raise InvalidArgument(f"{model_uri!r} names no model: write runs:/RUN_ID/PATH")
    return str(parsed), _model_in(client, parsed)


def _model_in(client: Client, folder: RunUri) -> str:
    """The id of the newest logged model that the run has made under this name, of the same files; empty where there is
    none, or where the caller may not know it."""
    named = model_name_for(folder.path).replace("'", "''")
    wanted = f"name = '{named}' AND source_run_id = '{folder.run_id}' AND status = 'READY'"
    with suppress(TrackwayError):
        run = client.tracking.get_run(folder.run_id)
        if run.outputs.model_outputs:
            found = client.logged_models.search([run.info.experiment_id], filter=wanted, page_size=1)
            digest = client.artifacts.create_manifest(folder.run_id, folder.path).digest
            for model in islice(found, 1):
                if client.artifacts.create_manifest(model.model_id).digest == digest:
                    return model.model_id
    return ""


def _note_version(client: Client, version: ModelVersion) -> None:
    """Note on the logged model that a version was made of it, as MLflow's server does, where the caller may.

    A version without the note is better than an error after it was made: the caller would make another one.
    """
    import json

    with suppress(TrackwayError):
        known = client.logged_models.get(version.model_id).tags.get(VERSIONS_TAG, "")
        try:
            versions = json.loads(known or "[]")
        except ValueError:
            versions = []
        versions = versions if isinstance(versions, list) else []
        entry = {"name": version.name, "version": version.version}
        if entry not in versions:
            client.logged_models.update_tags(version.model_id, set_tags={VERSIONS_TAG: json.dumps([*versions, entry])})


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

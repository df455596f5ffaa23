"""Logged models and registered models in a folder of MLflow's file store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trackway.importing.files_reading import folders_with_meta, read_all, read_meta, read_texts
from trackway.importing.source import (
    DELETED_STAGE,
    MODEL_STATUSES,
    SourceLoggedModel,
    SourceModel,
    SourceVersion,
)
from trackway.importing.values import Refused, or_nothing, text, time_us, whole

_VERSION = "version-"
_STATUSES = {str(number): name for number, name in MODEL_STATUSES.items()}


def read_logged_models(folder: Path, refused: Refused) -> Iterator[SourceLoggedModel]:
    """The logged models of an experiment that are not deleted, by id."""

    def read(one: Path) -> SourceLoggedModel | None:
        meta, where = read_meta(one), f"logged model {one.name}"
        if meta.get("lifecycle_stage") == "deleted":
            return None
        return SourceLoggedModel(
            model_id=one.name,
            name=text(meta.get("name")) or one.name,
            run_id=text(meta.get("source_run_id")),
            artifact_uri=text(meta.get("artifact_location") or meta.get("artifact_uri")),
            created_us=or_nothing(time_us, meta.get("creation_timestamp"), "creation time", where, refused),
            model_type=text(meta.get("model_type")),
            status=_STATUSES.get(text(meta.get("status")), "PENDING"),
            status_message=text(meta.get("status_message")),
            params=read_texts(one / "params", "param", where, refused),
            tags=read_texts(one / "tags", "tag", where, refused),
        )

    for model in read_all(folders_with_meta(folder, refused), "logged model", read, refused):
        if model is not None:
            yield model


def deleted_logged_models(folder: Path, refused: Refused) -> int:
    """How many logged models of an experiment are deleted."""
    metas = read_all(folders_with_meta(folder, refused), "logged model", read_meta, refused)
    return sum(meta.get("lifecycle_stage") == "deleted" for meta in metas)


def read_registered_models(folder: Path, refused: Refused) -> Iterator[SourceModel]:
    """The registered models, by the name of their folder."""

    def read(one: Path) -> SourceModel:
        meta = read_meta(one)
        name = text(meta.get("name")) or one.name
        where = f"model {name}"
        aliases = {}
        for alias, number in read_texts(one / "aliases", "alias", where, refused).items():
            if number.strip().isdecimal():
                aliases[alias] = or_nothing(whole, number, f"alias {alias!r}", where, refused)
            else:
                refused("alias", f"{name}@{alias}", "it names no version")
        folders = [each for each in folders_with_meta(one, refused) if each.name.startswith(_VERSION)]

        def version(each: Path) -> SourceVersion:
            return _version(each, read_meta(each), name, refused)

        versions = list(read_all(folders, f"version of {name}", version, refused))
        kept = sorted((each for each in versions if each.stage != DELETED_STAGE), key=lambda each: each.number)
        tags = read_texts(one / "tags", "tag", where, refused)
        return SourceModel(name, text(meta.get("description")), tags, aliases, tuple(kept))

    yield from read_all(folders_with_meta(folder, refused), "model", read, refused)


def _version(folder: Path, meta: Mapping[str, Any], name: str, refused: Refused) -> SourceVersion:
    number, source = whole(folder.name.removeprefix(_VERSION)), text(meta.get("source"))
    where = f"version {number} of {name}"
    return SourceVersion(
        number=number,
        source=source,
        location=text(meta.get("storage_location")) or source,
        run_id=text(meta.get("run_id")),
        run_link=text(meta.get("run_link")),
        user_id=text(meta.get("user_id")),
        stage=text(meta.get("current_stage")) or "None",
        description=text(meta.get("description")),
        model_id=text(meta.get("model_id")),
        created_us=or_nothing(time_us, meta.get("creation_timestamp"), "creation time", where, refused),
        tags=read_texts(folder / "tags", "tag", where, refused),
    )

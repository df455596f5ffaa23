"""Registered models and their versions in an MLflow database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from trackway.importing.source import DELETED_STAGE, SourceModel, SourceVersion
from trackway.importing.sql_tables import Tables
from trackway.importing.values import Malformed, Refused, or_nothing, text, time_us, whole

Rows = Callable[[sa.Select[Any]], list[Mapping[str, Any]]]


def read_models(tables: Tables, rows: Rows, refused: Refused) -> Iterator[SourceModel]:
    """The registered models of the workspace that is read, by name."""
    if "registered_models" not in tables:
        return
    tags = _tags(tables, rows, "registered_model_tags", refused, "name")
    versions, aliases = _versions(tables, rows, refused), _aliases(tables, rows, refused)
    table = tables["registered_models"]
    for row in filter(tables.own, rows(sa.select(table).order_by(table.c.name))):
        try:
            name = text(row["name"])
            yield SourceModel(name, text(row["description"]), tags[name,], aliases[name], tuple(versions[name]))
        except Malformed as error:
            refused("model", str(row["name"]), error.message)


def _aliases(tables: Tables, rows: Rows, refused: Refused) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    if "registered_model_aliases" in tables:
        for row in filter(tables.own, rows(sa.select(tables["registered_model_aliases"]))):
            try:
                found[text(row["name"])][text(row["alias"])] = whole(row["version"])
            except Malformed as error:
                refused("alias", f"{row['name']}@{row['alias']}", error.message)
    return found


def _versions(tables: Tables, rows: Rows, refused: Refused) -> dict[str, list[SourceVersion]]:
    found: dict[str, list[SourceVersion]] = defaultdict(list)
    if "model_versions" not in tables:
        return found
    tags = _tags(tables, rows, "model_version_tags", refused, "name", "version")
    table = tables["model_versions"]
    all_rows = rows(sa.select(table).order_by(table.c.name, table.c.version))
    for name, versions in groupby(filter(tables.own, all_rows), key=itemgetter("name")):
        for row in versions:
            if row["current_stage"] != DELETED_STAGE:
                try:
                    found[text(name)].append(_version(row, tags[text(name), text(row["version"])], refused))
                except Malformed as error:
                    refused("version", f"version {row['version']} of {name}", error.message)
    return found


def _tags(
    tables: Tables, rows: Rows, name: str, refused: Refused, *owner: str
) -> dict[tuple[str, ...], dict[str, str]]:
    found: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    if name in tables:
        for row in filter(tables.own, rows(sa.select(tables[name]))):
            try:
                found[tuple(text(row[each]) for each in owner)][text(row["key"])] = text(row["value"])
            except Malformed as error:
                refused("tag", " ".join(str(row[each]) for each in owner), error.message)
    return found


def _version(row: Mapping[str, Any], tags: Mapping[str, str], refused: Refused) -> SourceVersion:
    number = whole(row["version"])
    where, source = f"version {number} of {row['name']}", text(row["source"])
    return SourceVersion(
        number=number,
        source=source,
        location=text(row["storage_location"]) or source,
        run_id=text(row["run_id"]),
        run_link=text(row["run_link"]),
        user_id=text(row["user_id"]),
        stage=text(row["current_stage"]) or "None",
        description=text(row["description"]),
        model_id=tags.get("mlflow.model_id", "") or _model_id(source),
        created_us=or_nothing(time_us, row["creation_time"], "creation time", where, refused),
        tags=tags,
    )


def _model_id(source: str) -> str:
    """The logged model that a source names: `models:/m-…`."""
    name = source.removeprefix("models:/")
    return name if name != source and name.startswith("m-") and "/" not in name else ""

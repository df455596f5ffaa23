"""Giving a registered model another name, in every table that names it."""

from __future__ import annotations

from sqlalchemy import Connection, Insert, Table, delete, func, insert, literal, select, update

from trackway_server.registry.domain.model import ModelKey
from trackway_server.registry.store.sql_load import model_parameters, of_model
from trackway_server.registry.store.tables import (
    ALIASES,
    BINDINGS,
    COUNTERS,
    MANIFESTS,
    MODEL_TAGS,
    MODELS,
    REQUESTS,
    VERSION_SUBJECTS,
    VERSION_TAGS,
    VERSIONS,
)

_OWNERS = (MODELS, VERSIONS)
"""What others refer to, referred to before referring: their rows are copied, and those of the old name deleted last."""
_BELONGING = (MODEL_TAGS, BINDINGS, MANIFESTS, VERSION_TAGS, ALIASES, REQUESTS, VERSION_SUBJECTS)


def rename(connection: Connection, key: ModelKey, new_name: str) -> None:
    """Give the model a name that no model has. Foreign keys hold after every statement."""
    of_old = model_parameters(key)
    for table in _OWNERS:
        connection.execute(_copy(table, new_name), of_old)
    for table in _BELONGING:
        connection.execute(update(table).where(of_model(table)).values(name=new_name), of_old)
    _count_on(connection, key, new_name)
    for table in reversed(_OWNERS):
        connection.execute(delete(table).where(of_model(table)), of_old)


def _copy(table: Table, new_name: str) -> Insert:
    columns = [literal(new_name) if column.name == "name" else column for column in table.c]
    return insert(table).from_select([column.name for column in table.c], select(*columns).where(of_model(table)))


def _count_on(connection: Connection, key: ModelKey, new_name: str) -> None:
    """Go on with the greater number of both names; that of the old one stays used."""
    new = ModelKey(key.workspace, new_name)
    names = COUNTERS.c.name.in_([key.name, new_name])
    greatest = select(func.max(COUNTERS.c.last_version)).where(COUNTERS.c.workspace == key.workspace, names)
    last = connection.execute(greatest).scalar()
    if last is not None:
        connection.execute(delete(COUNTERS).where(of_model(COUNTERS)), model_parameters(new))
        row = {"workspace": new.workspace, "name": new.name, "last_version": last}
        connection.execute(insert(COUNTERS).values(row))

"""Of every service: one line of migrations, which makes exactly the tables that the store uses."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from sqlalchemy import MetaData

import trackway_server
from support.postgres import postgres_database
from trackway_server.core.db.migrate import check, differences_in_postgres, head

SERVER = Path(trackway_server.__file__).parent
SERVICES = sorted(path.parent.parent.name for path in SERVER.glob("*/migrations/env.py"))


def metadata_of(service: str) -> MetaData:
    tables = importlib.import_module(f"trackway_server.{service}.store.tables")
    (metadata,) = {id(value): value for value in vars(tables).values() if isinstance(value, MetaData)}.values()
    return metadata


def test_every_service_with_tables_has_migrations() -> None:
    assert {"tracking", "artifacts", "registry", "auth"} <= set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_and_tables_agree(service: str, tmp_path: Path) -> None:
    script_location = SERVER / service / "migrations"
    assert head(script_location) is not None
    assert check(script_location, metadata_of(service), tmp_path / "scratch.db") == []


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_and_tables_agree_on_postgresql(service: str) -> None:
    with postgres_database() as url:
        assert differences_in_postgres(url, service, metadata_of(service)) == []

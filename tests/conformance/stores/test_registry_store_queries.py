"""How the SQL adapter asks: a constant number of queries, each driven by an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from support.registry_worlds import RUN_ID, SOURCE, manifest
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import sqlite_engine
from trackway_server.registry.domain.events import EventFilter
from trackway_server.registry.domain.histories import of_models
from trackway_server.registry.domain.model import Change, ModelDraft, ModelKey, VersionDraft
from trackway_server.registry.domain.models import create_model
from trackway_server.registry.domain.resolve import Selector, resolve
from trackway_server.registry.domain.search import MODELS, VERSIONS
from trackway_server.registry.domain.stages import Stage
from trackway_server.registry.domain.versions import create_version
from trackway_server.registry.module import MIGRATIONS
from trackway_server.registry.store.sql import SqlTransaction

CHANGE = Change("ada", "", 1)
ALL_MODELS = MODELS.search("", (), 0)
TAGGED = VERSIONS.search("name = 'm001' AND tags.c = 'd'", ("version_number DESC",), 0)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    path = tmp_path / "registry.db"
    upgrade(path, MIGRATIONS)
    engine = sqlite_engine(path)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def fill(connection: Connection, models: int, versions: int) -> SqlTransaction:
    tx = SqlTransaction(connection)
    tx.events.lock()
    for name in (f"m{index:03}" for index in range(models)):
        key = ModelKey("default", name)
        create_model(tx, ModelDraft(key, "", {"a": "b"}), CHANGE)
        for _ in range(versions):
            create_version(tx, VersionDraft(key, SOURCE, "", {"c": "d"}, "", RUN_ID), manifest(), CHANGE)
    tx.events.flush()
    return tx


def statements(connection: Connection, work: Callable[[], object]) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def note(_: object, __: object, text: str, values: Any, *___: object) -> None:
        seen.append((text, values))

    event.listen(connection, "before_cursor_execute", note)
    work()
    event.remove(connection, "before_cursor_execute", note)
    return seen


def test_a_list_of_models_is_a_constant_number_of_queries(connection: Connection) -> None:
    tx = fill(connection, models=1, versions=1)
    few = len(statements(connection, lambda: tx.models.search("default", ALL_MODELS, None, 100)))
    tx = fill_more(connection)
    assert len(tx.models.search("default", ALL_MODELS, None, 100)) == 21
    assert len(statements(connection, lambda: tx.models.search("default", ALL_MODELS, None, 100))) == few == 7


def fill_more(connection: Connection) -> SqlTransaction:
    tx = SqlTransaction(connection)
    tx.events.lock()
    for name in (f"n{index:03}" for index in range(20)):
        key = ModelKey("default", name)
        create_model(tx, ModelDraft(key, "", {"a": "b"}), CHANGE)
        for _ in range(3):
            create_version(tx, VersionDraft(key, SOURCE, "", {"c": "d"}, "", RUN_ID), manifest(), CHANGE)
    tx.events.flush()
    return tx


def test_a_list_of_versions_is_three_queries(connection: Connection) -> None:
    tx = fill(connection, models=1, versions=30)
    key = ModelKey("default", "m000")
    assert len(tx.versions.page(key, [Stage.NONE], None, 20)) == 20
    assert len(statements(connection, lambda: tx.versions.page(key, [Stage.NONE], None, 20))) == 3


@pytest.mark.parametrize(
    "work",
    [
        lambda tx: tx.models.search("default", ALL_MODELS, ("m001",), 3),
        lambda tx: tx.models.find(ModelKey("default", "m001")),
        lambda tx: tx.versions.search("default", TAGGED, None, 3),
        lambda tx: tx.versions.page(ModelKey("default", "m001"), [Stage.NONE, Stage.STAGING], 3, 2),
        lambda tx: tx.events.page(EventFilter("default"), 3, 2, 1 << 20),
        lambda tx: tx.events.page(EventFilter("default", "m001"), 3, 2, 1 << 20),
        lambda tx: tx.events.page(of_models(tx, EventFilter("default", "m001")), 3, 2, 1 << 20),
        lambda tx: tx.events.page(of_models(tx, EventFilter("default", models=frozenset({"m001"}))), 3, 2, 1 << 20),
        lambda tx: resolve(tx, ModelKey("default", "m001"), Selector(stage="None")),
    ],
    ids=[
        "models",
        "model",
        "versions found",
        "versions",
        "events",
        "events of a name",
        "of a model",
        "of models",
        "resolve",
    ],
)
def test_no_query_reads_a_whole_table(connection: Connection, work: Callable[[SqlTransaction], object]) -> None:
    tx = fill(connection, models=5, versions=3)
    asked = statements(connection, lambda: work(tx))
    assert asked
    for text, values in asked:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
        given = ("CONSTANT", "chosen", "listed")
        whole = [step for step in plan if step.startswith("SCAN") and not any(word in step for word in given)]
        assert not whole, (text, plan)


def test_the_run_of_the_source_is_stored(connection: Connection) -> None:
    tx = fill(connection, models=1, versions=1)
    assert tx.versions.page(ModelKey("default", "m000"), (), None, 1)[0].run_id == RUN_ID

"""SQL answers searches of models and versions as the reference does, page by page; every field means what it says."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.registry_worlds import RUN_ID, STORES, manifest, open_store
from support.searched import PATTERNS, TEXTS
from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.model import ModelDraft, ModelKey, ModelVersion, VersionKey
from trackway_server.registry.domain.ports import RegistryStore, RegistryTransaction
from trackway_server.registry.domain.search import MODELS, VERSIONS, FoundModel, FoundVersion, without_prompts
from trackway_server.registry.domain.stages import Stage
from trackway_server.registry.store.memory import MemoryRegistryStore

NOW_US = 1_000_000
WORKSPACES = itertools.count()
RUNS = ("", RUN_ID, "f" * 32)
KEYS = ("a", "mlflow.prompt.is_prompt")

texts = st.sampled_from(TEXTS)
names = st.sampled_from(["a", "A", "b_c", "bXc", "é", "x y"])
tags = st.dictionaries(st.sampled_from(KEYS), texts | st.just("true"))
versions = st.tuples(
    st.sampled_from(RUNS), texts, st.sampled_from(Stage), st.sampled_from(["", "m-1"]), st.integers(0, 3), tags
)
models = st.tuples(st.integers(0, 3), tags, st.lists(versions, max_size=3))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


TEXT_NAMES = ("name", "tags.a", "tags.`mlflow.prompt.is_prompt`")
OF_VERSIONS = ("run_id", "source_path", "stage", "user_id", "model_id")
TIMES = ("creation_timestamp", "last_updated_timestamp")


def conditions(text_names: tuple[str, ...], numbers: tuple[str, ...]) -> st.SearchStrategy[str]:
    of_text, values = st.sampled_from(text_names), texts | names | st.sampled_from([RUN_ID, "None", "true"])
    listed = st.lists(values.map(_quoted), min_size=1, max_size=3).map(", ".join)
    words = ["LIKE", "ILIKE", "RLIKE"]
    patterns = st.tuples(st.sampled_from(words), st.sampled_from([each for each in PATTERNS if each.isalnum()] + ["a"]))
    like = st.tuples(st.sampled_from(words[:2]), st.sampled_from(PATTERNS))
    return st.one_of(
        st.builds("{} {} {}".format, of_text, st.sampled_from(["=", "!="]), values.map(_quoted)),
        st.builds("{} {} ({})".format, of_text, st.sampled_from(["IN", "NOT IN"]), listed),
        st.builds(lambda name, pair: f"{name} {pair[0]} {_quoted(pair[1])}", of_text, patterns | like),
        st.builds("{} {}".format, of_text, st.sampled_from(["IS NULL", "IS NOT NULL"])),
        st.builds(
            "{} {} {}".format,
            st.sampled_from(numbers),
            st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
            st.sampled_from(["0", "1", "2", "0.002", "1.5"]),
        ),
    )


def filters(some: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.lists(some, min_size=1, max_size=2)
    return st.just("") | joined.map(" AND ".join) | joined.map(" OR ".join) | some.map("NOT ({})".format)


def orders(of: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    terms = st.tuples(st.sampled_from(of), st.sampled_from(["", " ASC", " DESC"]))
    return st.lists(terms, max_size=2, unique_by=lambda each: each[0]).map(
        lambda found: ["".join(one) for one in found]
    )


MODEL_SEARCHES = st.tuples(filters(conditions(TEXT_NAMES, TIMES)), orders((*TEXT_NAMES, *TIMES)))
VERSION_SEARCHES = st.tuples(
    filters(conditions(TEXT_NAMES + OF_VERSIONS, (*TIMES, "version_number"))),
    orders((*TEXT_NAMES, *OF_VERSIONS, *TIMES, "version_number")),
)


def fill(tx: RegistryTransaction, workspace: str, all_of: dict[str, object]) -> None:
    for name, (time, of_model, made) in all_of.items():  # type: ignore[misc]
        key = ModelKey(workspace, name)
        tx.models.insert(ModelDraft(key, "", of_model), 1, time)
        for number, (run_id, source, stage, model_id, changed, of_version) in enumerate(made, 1):
            pinned = manifest()
            own = (source, run_id, pinned.digest, pinned.size_bytes, stage, "", time, changed, "ada", 1, of_version, ())
            tx.versions.insert(ModelVersion(VersionKey(key, number), *own, model_id=model_id), pinned)


async def found_models(
    store: RegistryStore, workspace: str, text: str, order: list[str], size: int
) -> list[FoundModel]:
    search = without_prompts(MODELS.search(text, order, NOW_US))
    found: list[FoundModel] = []
    while True:
        after = found[-1].place if found else None
        page = await store.read(lambda tx, after=after: tx.models.search(workspace, search, after, size))
        found += page
        if len(page) < size:
            return found


async def found_versions(
    store: RegistryStore, workspace: str, text: str, order: list[str], size: int
) -> list[FoundVersion]:
    search = without_prompts(VERSIONS.search(text, order, NOW_US))
    found: list[FoundVersion] = []
    while True:
        after = found[-1].place if found else None
        page = await store.read(lambda tx, after=after: tx.versions.search(workspace, search, after, size))
        found += page
        if len(page) < size:
            return found


@pytest.fixture(params=("sqlite", "postgres"))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RegistryStore]:
    async with open_store(request.param, tmp_path) as store:
        yield store


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(names, models, max_size=4),
    st.lists(MODEL_SEARCHES, min_size=1, max_size=5),
    st.lists(VERSION_SEARCHES, min_size=1, max_size=8),
    st.integers(1, 5),
)
async def test_sql_answers_what_the_reference_does(
    database: RegistryStore,
    all_of: dict[str, object],
    of_models: list[tuple[str, list[str]]],
    of_versions: list[tuple[str, list[str]]],
    size: int,
) -> None:
    workspace, reference = f"w{next(WORKSPACES)}", MemoryRegistryStore()
    for store in (database, reference):
        await store.write(fill, workspace, all_of)
    for text, order in of_models:
        wanted = await found_models(reference, workspace, text, order, 1000)
        assert await found_models(database, workspace, text, order, size) == wanted, (text, order)
    for text, order in of_versions:
        of = await found_versions(reference, workspace, text, order, 1000)
        assert await found_versions(database, workspace, text, order, size) == of, (text, order)


@pytest.fixture(params=STORES)
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RegistryStore]:
    async with open_store(request.param, tmp_path) as store:
        await store.write(
            fill,
            "default",
            {
                "digits": (1000, {"team": "a"}, [("", "runs:/x", Stage.PRODUCTION, "", 9000, {"t": "1"})]),
                "letters": (
                    2000,
                    {"team": "B"},
                    [
                        (RUN_ID, "s3://x", Stage.NONE, "", 5000, {"t": "2"}),
                        ("f" * 32, "runs:/y", Stage.ARCHIVED, "m-1", 5000, {}),
                    ],
                ),
                "prompt": (500, {KEYS[1]: "true"}, [("", "prompt-template", Stage.NONE, "", 1, {KEYS[1]: "true"})]),
            },
        )
        yield store


@pytest.mark.parametrize(
    ("text", "order", "wanted"),
    [
        ("", [], ["digits", "letters"]),
        ("", ["timestamp DESC"], ["letters", "digits"]),
        ("", ["last_updated_timestamp ASC"], ["digits", "letters"]),
        ("name = 'digits'", [], ["digits"]),
        ("name LIKE 'd%'", [], ["digits"]),
        ("name LIKE 'D%'", [], []),
        ("name ILIKE 'D%'", [], ["digits"]),
        ("name IN ('digits', 'letters') AND tags.team = 'a'", [], ["digits"]),
        ("name NOT IN ('digits')", [], ["letters"]),
        ("tags.team != 'a'", [], ["letters"]),
        ("tag.team ILIKE 'b' OR attribute.name = 'digits'", ["name DESC"], ["letters", "digits"]),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", [], ["prompt"]),
        ("tags.`mlflow.prompt.is_prompt` IS NULL", [], ["digits", "letters"]),
        ("tags.`mlflow.prompt.is_prompt` != 'true'", [], ["digits", "letters"]),
        ("tags.`mlflow.prompt.is_prompt` = 'false' AND name = 'digits'", [], ["digits"]),
        ("creation_timestamp < 2", [], ["digits"]),
    ],
)
async def test_models_by_every_field(filled: RegistryStore, text: str, order: list[str], wanted: list[str]) -> None:
    assert [each.model.key.name for each in await found_models(filled, "default", text, order, 10)] == wanted


@pytest.mark.parametrize(
    ("text", "order", "wanted"),
    [
        ("", [], ["digits/1", "letters/2", "letters/1"]),
        ("", ["creation_timestamp DESC", "version_number"], ["letters/1", "letters/2", "digits/1"]),
        ("name = 'letters'", ["version_number ASC"], ["letters/1", "letters/2"]),
        (f"run_id = '{RUN_ID}'", [], ["letters/1"]),
        (f"run_id IN ('{RUN_ID}', '{'f' * 32}')", [], ["letters/2", "letters/1"]),
        ("run_id IS NULL", [], ["digits/1"]),
        (f"run_id != '{RUN_ID}'", [], ["letters/2"]),
        ("source_path LIKE 'runs:%'", [], ["digits/1", "letters/2"]),
        ("version_number > 1", [], ["letters/2"]),
        ("version_number = 1 AND name ILIKE 'LET%'", [], ["letters/1"]),
        ("tags.t = '2'", [], ["letters/1"]),
        ("stage IN ('Production', 'Archived')", [], ["digits/1", "letters/2"]),
        ("model_id = 'm-1' AND user_id = 'ada'", [], ["letters/2"]),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", [], ["prompt/1"]),
    ],
)
async def test_versions_by_every_field(filled: RegistryStore, text: str, order: list[str], wanted: list[str]) -> None:
    found = [each.version.key for each in await found_versions(filled, "default", text, order, 10)]
    assert [f"{key.model.name}/{key.number}" for key in found] == wanted


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("run_id = 'x'", 0),
        ("name = 5", 7),
        ("name > 'a'", 0),
        ("name = 'a' AND metrics.loss < 1", 15),
        ("name LIKE 'a' AND", 17),
        ("tags.a = 'x' name", 13),
    ],
)
def test_what_is_refused_says_where(text: str, position: int) -> None:
    with pytest.raises(DomainError) as refused:
        MODELS.search(text, (), NOW_US)
    assert (refused.value.reason, refused.value.metadata) == (Reason.FILTER_INVALID, {"position": str(position)})

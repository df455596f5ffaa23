"""Addresses that MLflow is given for artifacts: back and forth, and what is none."""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.errors import InvalidArgument
from trackway.integrations import mlflow as plugin
from trackway.integrations.mlflow import addresses
from trackway.integrations.mlflow.addresses import OwnedPlace, VersionPlace

SERVER = "trackway://example.org:7701"
RUN = "0123456789abcdef" * 2
MODEL = f"m-{RUN}"
ROOT = Path(__file__).parents[3]

names = st.text(st.characters(exclude_characters="/:@", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@pytest.mark.parametrize("server", [SERVER, "trackways://a:7701,b:7701", "trackway://[::1]:7701"])
def test_runs_there_and_back(server: str) -> None:
    assert addresses.parse(addresses.of_run(server, RUN)) == OwnedPlace(server, RUN)
    assert addresses.parse(addresses.of_run(server, RUN) + "/a/b c/") == OwnedPlace(server, RUN, "a/b c")


def test_logged_models_there_and_back() -> None:
    place = addresses.parse(addresses.of_logged_model(SERVER, MODEL) + "/data")
    assert place == OwnedPlace(SERVER, MODEL, "data")
    assert isinstance(place, OwnedPlace)
    assert not place.is_run


@settings(max_examples=50)
@given(name=names, version=st.integers(1, 2**31 - 1))
def test_versions_there_and_back(name: str, version: int) -> None:
    uri = addresses.of_version(SERVER, name, version)
    assert addresses.parse(uri) == VersionPlace(SERVER, name, version)
    assert addresses.parse(f"{uri}/deep/file") == VersionPlace(SERVER, name, version, "deep/file")
    assert addresses.source_of(uri, SERVER) == f"models:/{name}/{version}"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        SERVER,
        f"{SERVER}/runs",
        f"{SERVER}/runs/short",
        f"{SERVER}/runs/{RUN[:-1]}G",
        f"{SERVER}/models/name",
        f"{SERVER}/models/name/0",
        f"{SERVER}/models/name/one",
        f"{SERVER}/experiments/1",
        f"{SERVER}/runs/{RUN}/../x",
        f"{SERVER}/runs/{RUN}/a/../../x",
        f"trackway://key@host/runs/{RUN}",
        f"http://example.org/runs/{RUN}",
        f"runs:/{RUN}",
    ],
)
def test_what_is_no_address(uri: str) -> None:
    with pytest.raises(InvalidArgument):
        addresses.parse(uri)


@pytest.mark.parametrize(
    ("folder", "path", "found"),
    [
        ("", None, ""),
        ("", ".", ""),
        ("a", "", "a"),
        ("a", "b/", "a/b"),
        ("a", "b//c", "a/b/c"),
        ("a", "./b", "a/b"),
        ("a/b", "c", "a/b/c"),
    ],
)
def test_paths_within_a_folder(folder: str, path: str | None, found: str) -> None:
    assert addresses.below(folder, path) == found


@pytest.mark.parametrize("path", ["..", "../x", "/x", "a/../../x", "//x"])
def test_paths_that_lead_out(path: str) -> None:
    with pytest.raises(InvalidArgument):
        addresses.below("a", path)


def test_what_a_version_can_be_made_of() -> None:
    assert addresses.source_of(f"runs:/{RUN}/model", SERVER) == f"runs:/{RUN}/model"
    assert addresses.source_of(f"{SERVER}/runs/{RUN}/model", SERVER) == f"runs:/{RUN}/model"
    proxied = f"mlflow-artifacts:/1/{RUN}/artifacts/model"
    assert addresses.source_of(proxied, SERVER) == proxied  # the server knows whose it is
    assert addresses.source_of(addresses.of_logged_model(SERVER, MODEL), SERVER) == f"models:/{MODEL}"
    assert addresses.source_of("s3://bucket/model", SERVER) == "s3://bucket/model"  # the server knows what it takes
    with pytest.raises(InvalidArgument):
        addresses.source_of(f"trackway://other:7701/runs/{RUN}/model", SERVER)


def test_every_entry_point_is_there() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert set(groups) == {"mlflow.tracking_store", "mlflow.model_registry_store", "mlflow.artifact_repository"}
    for group, points in groups.items():
        assert set(points) == {"trackway", "trackways"}
        for name, value in points.items():
            assert callable(importlib.metadata.EntryPoint(name, value, group).load())


@pytest.mark.parametrize(
    ("version", "taken"), [("2.21.3", False), ("2.22.5", True), ("3.0.0", True), ("3.17.2", True), ("3.18.0rc0", True)]
)
def test_versions_of_mlflow(version: str, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("mlflow.version")
    module.VERSION = version  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", type(sys)("mlflow"))
    monkeypatch.setitem(sys.modules, "mlflow.version", module)
    if taken:
        plugin._check_version()
    else:
        with pytest.raises(ImportError, match="too old"):
            plugin._check_version()


def test_without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"pip install 'mlflow>=2\.22'"):
        plugin.tracking_store(SERVER)

"""What `trackway` offers is a list, and each name on it works as an attribute and as an import."""

from __future__ import annotations

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

import trackway

ROOT = Path(trackway.__file__).parents[2]


@pytest.mark.parametrize("name", trackway.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(trackway, name) is not None


def test_the_list_is_sorted_and_complete() -> None:
    assert trackway.__all__ == sorted(trackway.__all__)
    offered = {*trackway._HOME, *trackway._MODULES, "__version__"}
    assert set(trackway.__all__) == offered
    assert dir(trackway) == trackway.__all__


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    tree = ast.parse(Path(trackway.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: f"{node.module}" for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == {**trackway._HOME, **dict.fromkeys(trackway._MODULES, "trackway")}


@pytest.mark.parametrize("name", trackway._MODULES)
def test_modules_can_be_imported_by_their_names(name: str) -> None:
    module = importlib.import_module(f"trackway.{name}")
    assert getattr(trackway, name) is module
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public)


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = trackway.nothing  # type: ignore[attr-defined]


def test_the_version_is_the_distributions() -> None:
    assert trackway.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_functions_of_the_tutorials_are_there() -> None:
    from trackway import log_artifact, log_metric, log_param

    assert all(callable(each) for each in (log_artifact, log_metric, log_param))
    from trackway.models.signature import infer_signature
    from trackway.tracking import MlflowClient

    assert callable(infer_signature)
    assert callable(MlflowClient)

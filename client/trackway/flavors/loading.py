"""Load a model, whatever its flavor, from an address or a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackway.errors import InvalidArgument
from trackway.flavors.catalog import flavor_of
from trackway.flavors.flavor import Flavor, Predictor
from trackway.flavors.model import PYTHON_FUNCTION, Model

_kept: list[tempfile.TemporaryDirectory[str]] = []


def fetch(model_uri: str | Path, dst_path: str | Path | None = None) -> Path:
    """The model's folder on this machine: downloaded and compared with the server's digests for `runs:/…` and
    `models:/…`, as it is for a path. Without `dst_path` a download lasts as long as this process.

    Raises NotFound, DataLoss, Unavailable.
    """
    from trackway.artifacts import download_artifacts

    if dst_path is None and str(model_uri).startswith(("runs:", "models:")):
        folder = tempfile.TemporaryDirectory(prefix="trackway-model-")
        _kept.append(folder)  # removed at exit: a model may read its files at any time
        dst_path = folder.name
    return Path(download_artifacts(str(model_uri), dst_path=dst_path))


def load_native(flavor: Flavor, model_uri: str | Path, dst_path: str | Path | None = None) -> Any:
    """The library's own model. Raises InvalidArgument where the model is of another flavor."""
    folder = fetch(model_uri, dst_path)
    about = Model.load(folder)
    section = about.flavors.get(flavor.name)
    if section is None:
        raise InvalidArgument(
            f"{model_uri} is no model of {flavor.name}; it has {', '.join(about.flavors) or 'no flavor'}"
        )
    return flavor.read(folder, section)


def load_predictor(folder: Path, about: Model) -> Predictor:
    """The model behind one function. Raises InvalidArgument where it has none, or is of an unknown flavor."""
    function: Mapping[str, Any] | None = about.flavors.get(PYTHON_FUNCTION)
    if function is None:
        raise InvalidArgument(f"the model has no python_function flavor; it has {', '.join(about.flavors)}")
    flavor = flavor_of(str(function.get("loader_module")))
    section = about.flavors.get(flavor.name, function)
    return flavor.predictor(flavor.read(folder, section), function)


def inside(folder: Path, name: object) -> Path:
    """A file of the model's folder that the MLmodel file names. Raises InvalidArgument where it is none of them."""
    path = folder / str(name)
    if not isinstance(name, str) or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise InvalidArgument(f"the model names the file {name!r}, which is not in its folder")
    return path

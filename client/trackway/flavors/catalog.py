"""Which module reads which model. A closed table: a model cannot name code of its own to be imported."""

from __future__ import annotations

import importlib
from typing import cast

from trackway.errors import InvalidArgument
from trackway.flavors.flavor import Flavor

_MODULES = {
    "mlflow.sklearn": "trackway.flavors.sklearn",
    "mlflow.pyfunc.model": "trackway.flavors.python_model",
}


def flavor_of(loader_module: str) -> Flavor:
    """The flavor that reads models with this `loader_module`. Raises InvalidArgument where there is none."""
    module = _MODULES.get(loader_module)
    if module is None:
        known = ", ".join(_MODULES)
        raise InvalidArgument(f"models of {loader_module!r} cannot be loaded by this version; it knows {known}")
    return cast(Flavor, importlib.import_module(module).FLAVOR)

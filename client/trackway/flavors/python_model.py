"""Models written in Python: a class with `predict`, or a function."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackway.errors import InvalidArgument
from trackway.flavors import pickled
from trackway.flavors.flavor import Predictor, Written
from trackway.flavors.loading import fetch, inside

MODEL_FILE = "python_model.pkl"
ARTIFACTS_FOLDER = "artifacts"


@dataclass(frozen=True, slots=True)
class PythonModelContext:
    """What a model finds when it is loaded: the paths of its files by name."""

    artifacts: Mapping[str, str] = field(default_factory=dict)
    model_config: Mapping[str, Any] = field(default_factory=dict)


class PythonModel:
    """Base class of models that are Python. `predict` takes `(model_input)`, `(context, model_input)` or
    `(context, model_input, params)`, as in MLflow."""

    def load_context(self, context: PythonModelContext) -> None:
        """Called once after loading; `context.artifacts` has the paths of the model's files."""

    def predict(self, context: Any, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The predictions for `model_input`."""
        raise NotImplementedError(f"{type(self).__name__} must define predict")


class FunctionModel(PythonModel):
    """A function as a model."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def predict(self, context: Any, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        return _call(self.function, context, model_input, params)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model and the files it was loaded with."""

    model: PythonModel
    context: PythonModelContext


class _PythonPredictor:
    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        return _call(self._loaded.model.predict, self._loaded.context, data, params)

    def raw_model(self) -> Any:
        return self._loaded.model


class PythonModelFlavor:
    """Python models, pickled with cloudpickle; they have no section but `python_function`."""

    name = "python_function"
    loader_module = "mlflow.pyfunc.model"

    def __init__(self, artifacts: Mapping[str, str] | None = None) -> None:
        self._artifacts = dict(artifacts or {})

    def write(self, model: Any, folder: Path) -> Written:
        import cloudpickle

        python_model = _as_model(model)
        pickled.dump(python_model, folder / MODEL_FILE, pickled.CLOUDPICKLE)
        kept = {name: _keep(name, uri, folder) for name, uri in self._artifacts.items()}
        function: dict[str, Any] = {"python_model": MODEL_FILE, "cloudpickle_version": cloudpickle.__version__}
        if kept:
            function["artifacts"] = kept
        needed = dict.fromkeys(["cloudpickle", *pickled.distributions(folder / MODEL_FILE)])
        return Written({}, function, list(needed))

    def read(self, folder: Path, section: Mapping[str, Any]) -> Loaded:
        loaded = pickled.load(inside(folder, section.get("python_model")))
        paths = {name: str(_artifact(folder, each)) for name, each in (section.get("artifacts") or {}).items()}
        context = PythonModelContext(paths, section.get("config") or {})
        model = _as_model(loaded)
        model.load_context(context)
        return Loaded(model, context)

    def predictor(self, model: Any, function: Mapping[str, Any]) -> Predictor:
        if isinstance(model, Loaded):
            return _PythonPredictor(model)
        python_model = _as_model(model)
        context = PythonModelContext({name: _local(uri) for name, uri in self._artifacts.items()})
        python_model.load_context(context)
        return _PythonPredictor(Loaded(python_model, context))


FLAVOR = PythonModelFlavor()


def _as_model(model: Any) -> PythonModel:
    if isinstance(model, type):
        raise InvalidArgument(f"give an instance of {model.__name__}, not the class")
    if hasattr(model, "predict") and hasattr(model, "load_context"):
        return model  # type: ignore[no-any-return]  # also MLflow's own PythonModel
    if callable(model):
        return FunctionModel(model)
    raise InvalidArgument(
        f"a {type(model).__name__} is no Python model: derive it from trackway.pyfunc.PythonModel, or give a function"
    )


def _call(function: Callable[..., Any], context: Any, data: Any, params: Mapping[str, Any] | None) -> Any:
    """Call `predict` with the arguments it takes."""
    parameters = inspect.signature(function).parameters
    values = {"params": params} if "params" in parameters else {}
    positional = [name for name in parameters if name != "params"]
    return function(context, data, **values) if len(positional) > 1 else function(data, **values)


def _local(uri: str) -> str:
    return str(fetch(uri))


def _keep(name: str, uri: str, folder: Path) -> dict[str, str]:
    """Copy a file or folder that the model needs into the model."""
    source = Path(_local(uri))
    target = folder / ARTIFACTS_FOLDER / source.name
    if target.exists():
        target = folder / ARTIFACTS_FOLDER / name / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    return {"path": target.relative_to(folder).as_posix(), "uri": str(uri)}


def _artifact(folder: Path, kept: Mapping[str, Any]) -> Path:
    path = folder / str(kept.get("path"))
    if path.resolve().is_relative_to(folder.resolve()) and path.exists():
        return path
    raise InvalidArgument(f"the model names the file {kept.get('path')!r}, which is not in its folder")

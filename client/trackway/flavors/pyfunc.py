"""Models behind one function, whatever library they are of.

    model = trackway.pyfunc.load_model("models:/digits/Production")
    model.predict(frame)

Input is checked against the model's signature and converted where that loses nothing (see `enforce`).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackway.errors import InvalidArgument
from trackway.flavors.flavor import Predictor
from trackway.flavors.loading import fetch, load_predictor
from trackway.flavors.model import PYTHON_FUNCTION, Model
from trackway.flavors.python_model import PythonModel, PythonModelContext, PythonModelFlavor
from trackway.flavors.saving import Description, Logged, log, save

if TYPE_CHECKING:
    from trackway.flavors.model import ModelInfo
    from trackway.flavors.schema import ParamSchema, Schema
    from trackway.flavors.signature import ModelSignature

__all__ = ["PyFuncModel", "PythonModel", "PythonModelContext", "load_model", "log_model", "save_model"]


class PyFuncModel:
    """A loaded model: `predict` and what its MLmodel file says."""

    def __init__(self, metadata: Model, predictor: Predictor, folder: Path) -> None:
        self.metadata = metadata
        self._predictor = predictor
        self._folder = folder

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predictions for a DataFrame, an array, a dict or a list.

        Where the model has a signature, a missing column and a type that does not convert safely raise InvalidArgument;
        columns that it does not name are dropped with a warning.
        """
        signature = self.metadata.signature
        if signature is not None and signature.inputs is not None:
            from trackway.flavors.enforce import enforce_schema

            data = enforce_schema(data, signature.inputs)
        return self._predictor.predict(data, self._params(params))

    def _params(self, params: Mapping[str, Any] | None) -> dict[str, Any] | None:
        signature = self.metadata.signature
        if signature is None or signature.params is None:
            if params:
                warnings.warn("the model's signature has no parameters; those given are ignored", stacklevel=3)
            return None
        from trackway.flavors.enforce import enforce_params

        return enforce_params(params, signature.params)

    def unwrap_python_model(self) -> Any:
        """The `PythonModel` that was logged. Raises InvalidArgument for a model of a library."""
        raw = self._predictor.raw_model()
        if self.loader_module != PythonModelFlavor.loader_module:
            raise InvalidArgument("the model is of a library, not a Python model; get_raw_model answers it")
        return getattr(raw, "function", raw)

    def get_raw_model(self) -> Any:
        """The library's own model."""
        return self._predictor.raw_model()

    @property
    def loader_module(self) -> str:
        """The MLmodel file's name for what loads the model."""
        return str(self.metadata.flavors[PYTHON_FUNCTION]["loader_module"])

    @property
    def model_config(self) -> Mapping[str, Any] | None:
        """The configuration that was logged with the model."""
        config: Mapping[str, Any] | None = self.metadata.flavors[PYTHON_FUNCTION].get("config")
        return config

    @property
    def input_example(self) -> Any:
        """The example that was logged with the model, or None."""
        info = self.metadata.saved_input_example_info
        if info is None:
            return None
        from trackway.flavors.example import load_example

        return load_example(self._folder, info)

    @property
    def _signature(self) -> ModelSignature | None:
        return self.metadata.signature

    @property
    def input_schema(self) -> Schema | None:
        """What `predict` takes, where the model has a signature."""
        return None if self._signature is None else self._signature.inputs

    @property
    def output_schema(self) -> Schema | None:
        """What `predict` answers, where the model has a signature."""
        return None if self._signature is None else self._signature.outputs

    @property
    def params_schema(self) -> ParamSchema | None:
        """The parameters of `predict`, where the model has a signature."""
        return None if self._signature is None else self._signature.params

    def __repr__(self) -> str:
        about = {"artifact_path": self.metadata.artifact_path, "flavors": list(self.metadata.flavors)}
        return f"<PyFuncModel: run_id={self.metadata.run_id!r}, {about}>"


def load_model(
    model_uri: str | Path, suppress_warnings: bool = False, dst_path: str | Path | None = None
) -> PyFuncModel:
    """The model at `runs:/…`, `models:/…` or a path.

    Most models are pickles: loading runs code of whoever logged it, unless TRACKWAY_ALLOW_PICKLE=false refuses that.
    Raises NotFound, InvalidArgument for what cannot be loaded here, FailedPrecondition where pickles are refused.
    `suppress_warnings` silences warnings of other Python and library versions.
    """
    folder = fetch(model_uri, dst_path)
    about = Model.load(folder)
    with warnings.catch_warnings():
        if suppress_warnings:
            warnings.simplefilter("ignore")
        return PyFuncModel(about, load_predictor(folder, about), folder)


def save_model(
    path: str | Path,
    *,
    python_model: Any,
    artifacts: Mapping[str, str] | None = None,
    signature: ModelSignature | None = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Model:
    """Write a Python model into a new folder. See `log_model`; raises AlreadyExists where the folder has content."""
    description = Description(signature, input_example, pip_requirements, extra_pip_requirements, metadata)
    return save(PythonModelFlavor(artifacts), python_model, path, description)


def log_model(
    artifact_path: str | None = None,
    *,
    python_model: Any,
    name: str | None = None,
    artifacts: Mapping[str, str] | None = None,
    registered_model_name: str | None = None,
    signature: ModelSignature | None = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    metadata: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
) -> ModelInfo:
    """Log a Python model: an instance of `PythonModel`, or a function of the input.

    `artifacts` are files and folders that it needs, by name (paths or addresses); they are stored with the model, and
    `context.artifacts` has their paths when it is loaded. Otherwise as `trackway.sklearn.log_model`.
    """
    description = Description(signature, input_example, pip_requirements, extra_pip_requirements, metadata)
    flavor = PythonModelFlavor(artifacts)
    logged = Logged(params, tags, model_type, step)
    return log(flavor, python_model, artifact_path, name, registered_model_name, description, logged)

"""scikit-learn models.

trackway.sklearn.log_model(model)
model = trackway.sklearn.load_model("runs:/…/model")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackway.errors import InvalidArgument
from trackway.flavors import pickled
from trackway.flavors.flavor import Predictor, Written
from trackway.flavors.loading import inside, load_native
from trackway.flavors.saving import Description, Logged, log, save

if TYPE_CHECKING:
    from trackway.flavors.model import Model, ModelInfo
    from trackway.flavors.signature import ModelSignature

MODEL_FILE = "model.pkl"
PREDICT_FUNCTIONS = ("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "score", "transform")


class _SklearnPredictor:
    def __init__(self, model: Any, function_name: str) -> None:
        self._model = model
        self._function_name = function_name

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        return getattr(self._model, self._function_name)(data, **(params or {}))

    def raw_model(self) -> Any:
        return self._model


class SklearnFlavor:
    """Models of scikit-learn, pickled."""

    name = "sklearn"
    loader_module = "mlflow.sklearn"

    def __init__(self, serialization_format: str = pickled.CLOUDPICKLE, predict_function: str = "predict") -> None:
        if predict_function not in PREDICT_FUNCTIONS:
            raise InvalidArgument(f"pyfunc_predict_fn must be one of {', '.join(PREDICT_FUNCTIONS)}")
        self._format = serialization_format
        self._predict_function = predict_function

    def write(self, model: Any, folder: Path) -> Written:
        import sklearn
        from sklearn.base import BaseEstimator

        if not isinstance(model, BaseEstimator):
            raise InvalidArgument(
                f"a {type(model).__name__} is no model of scikit-learn; trackway.pyfunc takes any object"
            )
        pickled.dump(model, folder / MODEL_FILE, self._format)
        section = {
            "pickled_model": MODEL_FILE,
            "serialization_format": self._format,
            "sklearn_version": sklearn.__version__,
        }
        function = {"model_path": MODEL_FILE, "predict_fn": self._predict_function}
        return Written(section, function, _distributions(folder / MODEL_FILE, self._format))

    def read(self, folder: Path, section: Mapping[str, Any]) -> Any:
        kept = section.get("serialization_format", pickled.PICKLE)
        if kept not in pickled.FORMATS:
            raise InvalidArgument(f"the model is saved as {kept!r}; this version loads {', '.join(pickled.FORMATS)}")
        return pickled.load(inside(folder, section.get("pickled_model")))

    def predictor(self, model: Any, function: Mapping[str, Any]) -> Predictor:
        name = function.get("predict_fn", "predict")
        if name not in PREDICT_FUNCTIONS:
            raise InvalidArgument(
                f"the model names {name!r} as its function; one of {', '.join(PREDICT_FUNCTIONS)} was expected"
            )
        return _SklearnPredictor(model, name)


FLAVOR = SklearnFlavor()


def save_model(
    sk_model: Any,
    path: str | Path,
    *,
    signature: ModelSignature | None = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    serialization_format: str = pickled.CLOUDPICKLE,
    pyfunc_predict_fn: str = "predict",
    metadata: Mapping[str, Any] | None = None,
) -> Model:
    """Write a model into a new folder. See `log_model`; raises AlreadyExists where the folder has content."""
    description = Description(signature, input_example, pip_requirements, extra_pip_requirements, metadata)
    return save(SklearnFlavor(serialization_format, pyfunc_predict_fn), sk_model, path, description)


def log_model(
    sk_model: Any,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    registered_model_name: str | None = None,
    signature: ModelSignature | None = None,
    input_example: Any = None,
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
    serialization_format: str = pickled.CLOUDPICKLE,
    pyfunc_predict_fn: str = "predict",
    metadata: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
) -> ModelInfo:
    """Log a model to the active run, under `artifact_path` (MLflow 3: `name`), by default `model`.

    It becomes a logged model of that name (`models:/m-ID`), which has the run's params and those given here, `tags`, a
    `model_type` and the `step` at which it was made. Like all that is logged it needs no server and survives `kill -9`:
    the model is READY when its files are on the server, and killed in the middle of this call there is none. The run
    keeps the same files (`runs:/RUN_ID/ARTIFACT_PATH`).

    With `registered_model_name` it becomes the next version of that model, which needs a server. The signature is
    inferred from `input_example` where it is not given. `serialization_format` is `cloudpickle` (takes lambdas and
    classes of the script) or `pickle`. `pyfunc_predict_fn` is what `pyfunc` calls: `predict`, `predict_proba`, …

    Raises InvalidArgument for what is no scikit-learn model or cannot be pickled.
    """
    description = Description(signature, input_example, pip_requirements, extra_pip_requirements, metadata)
    flavor = SklearnFlavor(serialization_format, pyfunc_predict_fn)
    logged = Logged(params, tags, model_type, step)
    return log(flavor, sk_model, artifact_path, name, registered_model_name, description, logged)


def load_model(model_uri: str | Path, dst_path: str | Path | None = None) -> Any:
    """The scikit-learn model at `runs:/…`, `models:/…` or a path.

    It is a pickle: loading runs code of whoever logged it, unless TRACKWAY_ALLOW_PICKLE=false refuses that. Raises
    NotFound, InvalidArgument for a model of another flavor, FailedPrecondition where pickles are refused.
    """
    return load_native(FLAVOR, model_uri, dst_path)


def _distributions(path: Path, serialization_format: str) -> list[str]:
    needed = ["scikit-learn", "numpy", *(["cloudpickle"] if serialization_format == pickled.CLOUDPICKLE else [])]
    return list(dict.fromkeys([*needed, *pickled.distributions(path)]))

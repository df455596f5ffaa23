"""What can be known to be wrong of logged models and data sets without asking a server. Loaded when one is logged."""

from __future__ import annotations

from _operator import index

from trackway._fluent import checks
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MAX_NAME = 500
MAX_TEXT = 512 << 10
"""Bytes of a model's params together, and of its tags."""
MAX_INHERITED_PARAM = 500
MAX_INHERITED_PARAMS = 1000
"""How long, and how many, the params of a run may be that a model takes over."""

_NOT_IN_MODEL_NAME = frozenset("/:.%\"'")


def model_id_of(model: object) -> str:
    """The id of a logged model, of what a function answered that made one, of its address, or an id itself.

    Raises InvalidArgument.
    """
    found = getattr(model, "model_id", model)
    if isinstance(found, str):
        return checks.logged_model_id(found.removeprefix("models:/"))
    raise InvalidArgument(
        f"a {type(model).__name__} is no logged model: give what log_model or get_logged_model answered, or its id"
    )


def logged_model_name(name: object) -> str:
    """`name` as the name of a logged model. Raises InvalidArgument."""
    fits = isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable()
    if isinstance(name, str) and fits and _NOT_IN_MODEL_NAME.isdisjoint(name):
        return name
    raise InvalidArgument(
        f"{name!r:.80} is no name of a logged model: it has 1 to {MAX_NAME} characters, none of them / : . % or a quote"
    )


def model_texts(kind: str, values: Mapping[str, object] | None) -> dict[str, str]:
    """Params or tags of a logged model as texts. Raises InvalidArgument, and as `key`."""
    if values is None:
        return {}
    checks.mapping(kind, values)
    texts = {
        checks.key(kind[:-1], name): checks.text(kind[:-1], name, values[name], checks.MAX_TAG_BYTES) for name in values
    }
    if sum(len(each.encode()) for each in texts.values()) > MAX_TEXT:
        raise InvalidArgument(f"the {kind} of a logged model are longer than {MAX_TEXT:,} bytes together")
    return texts


def fitting(params: Mapping[str, str], beside: Mapping[str, str]) -> dict[str, str]:
    """Those params of a run that a logged model has room for, the first ones: a run may have far more."""
    found: dict[str, str] = {}
    for name, value in params.items():
        if len(value) <= MAX_INHERITED_PARAM and len(found) + len(beside) < MAX_INHERITED_PARAMS:
            found[name] = value
    return found


def model_name_for(path: str) -> str:
    """The nearest name of a logged model to a path or file name."""
    return "".join("_" if letter in _NOT_IN_MODEL_NAME else letter for letter in path)[:MAX_NAME]


def step_of(step: object) -> int:
    """`step` as a whole number of 64 bits. Raises InvalidArgument."""
    try:
        number = index(step)  # type: ignore[arg-type]  # what is none is the error below
    except TypeError:
        number = None
    if number is None or not -(1 << 63) <= number < 1 << 63:
        raise InvalidArgument(f"a step must be a whole number of 64 bits, not {step!r:.80}")
    return number


def listed(kind: str, values: object) -> list[Any]:
    """Several of something as a list, one of them as well. Raises InvalidArgument for a mapping."""
    if values is None:
        return []
    if isinstance(values, dict):
        raise InvalidArgument(f"{kind} must be a list, not a dict")
    return list(values) if isinstance(values, list | tuple | set) else [values]


def dataset_form(dataset: object) -> Mapping[str, str]:
    """The fields of a data set as texts: of one of `trackway.data` or of MLflow, or of an entity. Raises
    InvalidArgument."""
    known = getattr(dataset, "to_dict", None)
    names = ("name", "digest", "source_type", "source", "schema", "profile")
    form = known() if callable(known) else {name: getattr(dataset, name, None) for name in names}
    if not isinstance(form, dict) or not form.get("name") or not form.get("digest"):
        raise InvalidArgument(
            f"a {type(dataset).__name__} is no data set: make one with trackway.data.from_numpy or from_pandas, or use "
            "log_dataset, which takes its name and digest"
        )
    return {name: str(form.get(name) or "") for name in names}


def measured_on(model: object, dataset: object) -> dict[str, str]:
    """The context of a metric that is about a logged model or on a data set, where they are not None."""
    about = {} if model is None else {"model_id": model_id_of(model)}
    if dataset is None:
        return about
    form = dataset_form(dataset)
    return {**about, "dataset_name": form["name"], "dataset_digest": form["digest"]}

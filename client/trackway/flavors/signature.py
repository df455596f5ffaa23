"""The signature of a model: what `predict` takes and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackway.errors import InvalidArgument
from trackway.flavors.schema import ParamSchema, Schema


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """Inputs, outputs and parameters of a model; at least one of them is known."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: ParamSchema | None = None

    def __post_init__(self) -> None:
        if self.inputs is None and self.outputs is None and self.params is None:
            raise InvalidArgument("a signature needs at least one of inputs, outputs and params")

    def to_dict(self) -> dict[str, str | None]:
        """MLflow's form: each part a JSON string, or None."""
        return {
            "inputs": None if self.inputs is None else self.inputs.to_json(),
            "outputs": None if self.outputs is None else self.outputs.to_json(),
            "params": None if self.params is None else self.params.to_json(),
        }

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> ModelSignature:
        """Raises `InvalidArgument` where a part is no schema."""
        inputs, outputs, params = form.get("inputs"), form.get("outputs"), form.get("params")
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
        )

    def __str__(self) -> str:
        return f"inputs: {self.inputs}\noutputs: {self.outputs}\nparams: {self.params}"


def infer_signature(
    model_input: Any = None, model_output: Any = None, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """The signature of data that a model takes and answers, and of the parameters of its `predict`.

    Takes DataFrames, Series, arrays, sparse matrices, dicts, lists and scalars. Raises `InvalidArgument` where a
    type cannot be described, or where nothing is given.
    """
    from trackway.flavors.infer import infer_param_schema, infer_schema

    return ModelSignature(
        None if model_input is None else infer_schema(model_input),
        None if model_output is None else infer_schema(model_output),
        infer_param_schema(params) if params else None,
    )

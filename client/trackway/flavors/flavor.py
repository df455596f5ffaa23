"""The port of a flavor: what differs from one model library to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Written:
    """What a flavor wrote: its section of the MLmodel file, and what its `python_function` section says besides."""

    section: Mapping[str, Any]
    function: Mapping[str, Any] = field(default_factory=dict)
    distributions: Sequence[str] = ()
    """Names of the installed distributions that loading the model needs."""


class Predictor(Protocol):
    """A model behind one function, whatever library it is of."""

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The predictions for data that meets the model's signature."""

    def raw_model(self) -> Any:
        """The library's own model."""


class Flavor(Protocol):
    """One library's models."""

    name: str
    """Its section in the MLmodel file."""
    loader_module: str
    """MLflow's name of the module that loads it, so that MLflow reads our models and we read MLflow's."""

    def write(self, model: Any, folder: Path) -> Written:
        """Write the model's own files into an empty folder. Raises InvalidArgument for what is no such model."""

    def read(self, folder: Path, section: Mapping[str, Any]) -> Any:
        """The library's model that `write` wrote, by its section of the MLmodel file."""

    def predictor(self, model: Any, function: Mapping[str, Any]) -> Predictor:
        """The model as a `Predictor`, by the `python_function` section of the MLmodel file."""

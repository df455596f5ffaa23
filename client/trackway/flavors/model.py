"""The MLmodel file: what a saved model is, in MLflow's fields."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trackway.errors import InvalidArgument, NotFound
from trackway.flavors.signature import ModelSignature

MLMODEL_FILE = "MLmodel"
PYTHON_FUNCTION = "python_function"


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")


@dataclass(slots=True)
class Model:
    """The content of an MLmodel file. Fields of MLflow that are not named here are kept in `extra`."""

    artifact_path: str | None = None
    run_id: str | None = None
    utc_time_created: str = field(default_factory=_now)
    flavors: dict[str, dict[str, Any]] = field(default_factory=dict)
    signature: ModelSignature | None = None
    saved_input_example_info: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    model_uuid: str = field(default_factory=lambda: uuid.uuid4().hex)
    model_size_bytes: int | None = None
    model_id: str | None = None
    """The logged model that has these files."""
    extra: dict[str, Any] = field(default_factory=dict)

    def add_flavor(self, name: str, **content: Any) -> Model:
        """Add or replace the section of one flavor."""
        self.flavors[name] = content
        return self

    def to_dict(self) -> dict[str, Any]:
        from trackway import __version__

        form: dict[str, Any] = {
            "artifact_path": self.artifact_path,
            "flavors": self.flavors,
            "metadata": self.metadata,
            "model_id": self.model_id,
            "model_size_bytes": self.model_size_bytes,
            "model_uuid": self.model_uuid,
            "run_id": self.run_id,
            "saved_input_example_info": self.saved_input_example_info,
            "signature": None if self.signature is None else self.signature.to_dict(),
            "trackway_version": __version__,
            "utc_time_created": self.utc_time_created,
        }
        return {**self.extra, **{key: value for key, value in form.items() if value is not None}}

    def save(self, folder: Path) -> None:
        """Write the MLmodel file into the model's folder."""
        import yaml

        text = yaml.safe_dump(self.to_dict(), sort_keys=True, allow_unicode=True)
        (folder / MLMODEL_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read the MLmodel file of a folder. Raises `NotFound` where there is none, `InvalidArgument` where
        it is no such file."""
        import yaml

        try:
            form = yaml.safe_load((folder / MLMODEL_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFound(f"{folder} holds no model: it has no file {MLMODEL_FILE}") from None
        except (yaml.YAMLError, UnicodeDecodeError):
            raise InvalidArgument(f"the file {folder / MLMODEL_FILE} is not YAML") from None
        return cls.from_dict(form)

    @classmethod
    def from_dict(cls, form: object) -> Model:
        """The model that `to_dict` made `form` of."""
        if not isinstance(form, dict) or not isinstance(form.get("flavors"), Mapping):
            raise InvalidArgument("the MLmodel file names no flavors")
        known = {name for name in cls.__dataclass_fields__ if name != "extra"}
        named = {name: value for name, value in form.items() if name in known}
        if "utc_time_created" in named:
            named["utc_time_created"] = str(named["utc_time_created"])
        if named.get("signature"):
            named["signature"] = ModelSignature.from_dict(named["signature"])
        return cls(**named, extra={name: value for name, value in form.items() if name not in known})


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What `log_model` answers."""

    model_uri: str
    """Where to load the model from: `models:/m-ID`. The run has the same files: `runs:/RUN_ID/ARTIFACT_PATH`."""
    artifact_path: str
    run_id: str
    model_uuid: str
    flavors: Mapping[str, Any]
    signature: ModelSignature | None
    utc_time_created: str
    metadata: Mapping[str, Any] | None
    saved_input_example_info: Mapping[str, Any] | None
    registered_model_version: int | None = None
    """The version's number where `registered_model_name` was given."""
    model_id: str | None = None
    """The logged model's id; None for a model that is none."""
    model_type: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    step: int = 0
    """The step of the run at which it was made."""

    @property
    def name(self) -> str:
        """The last part of the artifact path."""
        return self.artifact_path.rpartition("/")[2]

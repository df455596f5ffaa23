"""Save and log a model, whatever its flavor."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackway._ids import new_id
from trackway.errors import AlreadyExists, InvalidArgument
from trackway.flavors.environment import CONDA_FILE, PYTHON_ENV_FILE, capture
from trackway.flavors.flavor import Flavor, Written
from trackway.flavors.model import PYTHON_FUNCTION, Model, ModelInfo
from trackway.flavors.signature import ModelSignature, infer_signature

if TYPE_CHECKING:
    from trackway._fluent.run import ActiveRun
    from trackway._ingest.model_draft import ModelDraft

DEFAULT_PATH = "model"


@dataclass(frozen=True, slots=True)
class Description:
    """What is said about a model when it is saved, the same for all flavors.

    signature                 what `predict` takes and answers; inferred from the input example where absent
    input_example             data that `predict` takes, saved with the model
    pip_requirements          a list or a file of pip's form that replaces the requirements found
    extra_pip_requirements    a list or a file of pip's form that adds to them
    metadata                  free values, kept in the MLmodel file
    """

    signature: ModelSignature | None = None
    input_example: Any = None
    pip_requirements: Sequence[str] | str | None = None
    extra_pip_requirements: Sequence[str] | str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """What is said about a model when it is logged, the same for all flavors.

    params         values that tell it apart, besides the params of its run; one given here goes before one of the run
    tags           free texts
    model_type     what it is for, such as `classifier`
    step           the step of the run at which it is made
    """

    params: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] | None = None
    model_type: str | None = None
    step: int = 0

    def check(self) -> None:
        """Raises InvalidArgument or TypeError for what no server takes, before anything is written."""
        from trackway._fluent import model_checks

        model_checks.model_texts("params", self.params)
        model_checks.model_texts("tags", self.tags)
        model_checks.step_of(self.step)

    def of_run(self, run: ActiveRun, about: Model, path: str, files: Sequence[tuple[str, str]]) -> ModelDraft:
        """The logged model that a run makes of these files, which it keeps below `path` as well."""
        from trackway._fluent import model_checks
        from trackway._ingest.model_draft import ModelDraft

        own = model_checks.model_texts("params", self.params)
        return ModelDraft(
            str(about.model_id),
            name=model_checks.model_name_for(path),
            files=files,
            model_type=self.model_type or "",
            params={**model_checks.fitting(run.params, own), **own},
            tags=model_checks.model_texts("tags", self.tags),
            step=self.step,
            folder=path,
        )


def save(flavor: Flavor, model: Any, path: str | Path, description: Description, about: Model | None = None) -> Model:
    """Write a model into a new folder. Raises AlreadyExists where the folder has content."""
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(f"{folder} exists already and is not empty; give another path")
    folder.mkdir(parents=True, exist_ok=True)
    about = about or Model()
    written = flavor.write(model, folder)
    _describe(about, flavor, written, description)
    if description.input_example is not None:
        _add_example(about, flavor, model, folder, description)
    environment = capture(written.distributions, description.pip_requirements, description.extra_pip_requirements)
    environment.save(folder)
    about.model_size_bytes = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    about.save(folder)
    return about


def log(
    flavor: Flavor,
    model: Any,
    artifact_path: str | None,
    name: str | None,
    registered_model_name: str | None,
    description: Description,
    logged: Logged,
) -> ModelInfo:
    """Save a model into the active run (one is begun where there is none) as a logged model and, where asked, register
    it.

    `name` is MLflow 3's word for `artifact_path`; with neither it is `model`. Needs a server only to register.
    """
    from trackway._fluent.registry import register_model
    from trackway._fluent.stack import current_run

    path = _artifact_path(artifact_path, name)
    logged.check()
    run = current_run()
    with tempfile.TemporaryDirectory(prefix="trackway-model-") as temporary:
        folder = Path(temporary, "model")
        about = Model(artifact_path=path, run_id=run.info.run_id, model_id=f"m-{new_id()}")
        save(flavor, model, folder, description, about)
        made = logged.of_run(run, about, path, _files(folder, path))
        run.make_model(made)
    form = about.to_dict()
    run.note_model({key: value for key, value in form.items() if key != "model_size_bytes"})
    version = (
        register_model(f"models:/{made.model_id}", registered_model_name).version if registered_model_name else None
    )
    return _info(about, made, path, run.info.run_id, version)


def _files(folder: Path, path: str) -> list[tuple[str, str]]:
    """The files of a model, with their paths in it. Raises InvalidArgument where one cannot be stored below `path`."""
    from trackway._fluent.checks import artifact_path as checked

    files = [(str(each), each.relative_to(folder).as_posix()) for each in sorted(folder.rglob("*")) if each.is_file()]
    return [(local, checked(f"{path}/{name}")[len(path) + 1 :]) for local, name in files]


def _artifact_path(artifact_path: str | None, name: str | None) -> str:
    from trackway._fluent.checks import artifact_path as checked

    if artifact_path is not None and name is not None and artifact_path != name:
        raise InvalidArgument("give artifact_path or name, not both: they are the same thing")
    return checked(artifact_path or name or DEFAULT_PATH)


def _describe(about: Model, flavor: Flavor, written: Written, description: Description) -> None:
    about.signature = description.signature
    about.metadata = dict(description.metadata) if description.metadata else None
    about.add_flavor(flavor.name, **written.section)
    environment = {"conda": CONDA_FILE, "virtualenv": PYTHON_ENV_FILE}
    function = {"env": environment, "python_version": platform.python_version(), **written.function}
    about.add_flavor(PYTHON_FUNCTION, loader_module=flavor.loader_module, **function)


def _add_example(about: Model, flavor: Flavor, model: Any, folder: Path, description: Description) -> None:
    from trackway.flavors.example import save_example

    example = description.input_example
    about.saved_input_example_info = save_example(example, folder)
    if about.signature is None:
        answer = flavor.predictor(model, about.flavors[PYTHON_FUNCTION]).predict(example)
        about.signature = infer_signature(example, answer)


def _info(about: Model, made: ModelDraft, path: str, run_id: str, version: int | None) -> ModelInfo:
    return ModelInfo(
        model_uri=f"models:/{made.model_id}",
        artifact_path=path,
        run_id=run_id,
        model_uuid=about.model_uuid,
        flavors=about.flavors,
        signature=about.signature,
        utc_time_created=about.utc_time_created,
        metadata=about.metadata,
        saved_input_example_info=about.saved_input_example_info,
        registered_model_version=version,
        model_id=made.model_id,
        model_type=made.model_type or None,
        params=made.params,
        tags=made.tags,
        step=made.step,
    )

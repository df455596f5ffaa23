"""Reading MLflow's folder of files, `./mlruns`.

    EXPERIMENT/meta.yaml, tags/KEY, datasets/ID/meta.yaml, traces/ID
    EXPERIMENT/models/MODEL_ID/{meta.yaml,params/KEY,tags/KEY,metrics/KEY,artifacts}
    EXPERIMENT/RUN/meta.yaml, params/KEY, tags/KEY, metrics/KEY (a line a point: ms, value, step), artifacts
    EXPERIMENT/RUN/inputs/ID/meta.yaml, outputs/MODEL_ID/meta.yaml
    .trash/EXPERIMENT                       deleted experiments
    models/NAME/meta.yaml, tags/KEY, aliases/ALIAS, version-N/{meta.yaml,tags/KEY}

Keys may hold `/`: then they are folders. The folder may have been moved since: what its files call by their old place
is looked for in the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from trackway.errors import NotFound
from trackway.importing.files_models import deleted_logged_models, read_logged_models, read_registered_models
from trackway.importing.files_reading import (
    META,
    MOST_DATASET,
    files_below,
    folders_in,
    folders_with_meta,
    read_all,
    read_meta,
    read_series,
    read_texts,
)
from trackway.importing.measured import model_id_here
from trackway.importing.mlflow_artifacts import TRASH, ArtifactRoot
from trackway.importing.places import LocalFolder, Nowhere, Place
from trackway.importing.source import (
    STATUSES,
    MetricColumns,
    SourceExperiment,
    SourceLoggedModel,
    SourceModel,
    SourceRun,
    by_number,
)
from trackway.importing.values import Malformed, Refused, ignore, mapping, or_nothing, text, time_us, whole
from trackway.types import CONTEXT_TAG, Dataset, DatasetInput

_MODELS = "models"
_NUMBERED = {name: name for name in STATUSES.values()} | {str(number): name for number, name in STATUSES.items()}


class FilesSource:
    """A Source: a folder of MLflow's file store. `artifacts` is where its `mlflow-artifacts:` lie, if anywhere;
    `allowed` are other places whose files may be read."""

    refused: Refused = staticmethod(ignore)

    def __init__(self, folder: str | Path, artifacts: str = "", allowed: Sequence[str] = ()) -> None:
        self._folder = Path(folder).expanduser().resolve()
        self.name = str(self._folder)
        if not self._folder.is_dir():
            raise NotFound(f"there is no folder {str(folder)!r}")
        self._early: list[tuple[str, str, str]] = []
        self._meta = dict(self._experiment_folders())
        """Experiments' meta.yaml, by folder."""
        self._experiments = {each.name: each for each in self._meta}
        if not self._experiments and not self._early and not (self._folder / _MODELS).is_dir():
            raise NotFound(f"{self._folder} is no folder of MLflow: no folder in it has a {META}")
        self._homes = {each: _path(text(meta.get("artifact_location"))) for each, meta in self._meta.items()}
        default = next((meta for each, meta in self._meta.items() if each.name == "0"), {})
        self._root = ArtifactRoot(
            artifacts, base=self._folder.parent, own=text(default.get("artifact_location")), allowed=allowed
        )
        self._measured: dict[str, list[MetricColumns]] | None = None

    def experiments(self) -> Iterator[SourceExperiment]:
        """See Source."""
        for early in self._early:
            self.refused(*early)
        found = []
        for folder, meta in self._meta.items():
            deleted = folder.parent != self._folder or meta.get("lifecycle_stage") == "deleted"
            tags = read_texts(folder / "tags", "tag", f"experiment {folder.name}", self.refused)
            found.append(SourceExperiment(folder.name, text(meta.get("name", folder.name)), deleted, tags))
        return iter(by_number(found))

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """See Source."""
        folders = folders_with_meta(self._experiments[experiment_id], self.refused)
        for run in read_all(folders, "run", self._run, self.refused):
            if run is not None:
                yield run

    def metrics(self, run: SourceRun) -> Iterator[MetricColumns]:
        """See Source. One metric at a time is in memory."""
        folder, where = self._experiments[run.experiment_id] / run.run_id / "metrics", f"run {run.run_id}"
        for key, file in files_below(folder, "metric", where, self.refused):
            for _, chunk in read_series(key, file, where, self.refused):
                yield chunk

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """See Source."""
        return read_logged_models(self._experiments[experiment_id] / _MODELS, self.refused)

    def models(self) -> Iterator[SourceModel]:
        """See Source."""
        return read_registered_models(self._folder / _MODELS, self.refused)

    def files(self, uri: str, run_id: str = "") -> Place:
        """See Source."""
        moved = self._moved(uri)
        if run_id and moved is None:
            own = next((each / run_id for each in self._meta if (each / run_id).is_dir()), None)
            moved = own / "artifacts" if own and (own / "artifacts").is_dir() else None
        if moved is not None:
            return self._root.checked(LocalFolder(moved)) if moved.exists() else Nowhere()
        return self._root.place(uri)

    def notes(self) -> list[str]:
        """See Source."""
        return []

    def left_out(self) -> Mapping[str, int]:
        """See Source."""
        deleted = sum(deleted_logged_models(each / _MODELS, self.refused) for each in self._meta)
        traces = sum(len(folders_in(each / "traces")) for each in self._meta)
        return {"traces": traces, "deleted logged models": deleted}

    def close(self) -> None:
        """See Source."""

    def _experiment_folders(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        def early(what: str, where: str, reason: str) -> None:
            self._early.append((what, where, reason))

        def read(folder: Path) -> tuple[Path, Mapping[str, Any]]:
            meta = read_meta(folder)
            text(meta.get("name")), text(meta.get("artifact_location"))
            return folder, meta

        for parent in (self._folder, self._folder / TRASH):
            folders = [each for each in folders_with_meta(parent, early) if each.name != _MODELS]
            for folder, meta in read_all(folders, "experiment", read, early):
                if "experiment_id" in meta:
                    yield folder, meta

    def _run(self, folder: Path) -> SourceRun | None:
        """The run of a folder; None where it is a folder of something else."""
        meta, where = read_meta(folder), f"run {folder.name}"
        if "run_id" not in meta and "run_uuid" not in meta:
            return None
        tags = read_texts(folder / "tags", "tag", where, self.refused)
        datasets, read = self._inputs(folder, where)
        return SourceRun(
            run_id=folder.name,
            experiment_id=folder.parent.name,
            name=text(meta.get("run_name") or meta.get("name")) or tags.get("mlflow.runName", ""),
            status=_NUMBERED.get(text(meta.get("status", 1)), "RUNNING"),
            user_id=text(meta.get("user_id")),
            start_time_us=or_nothing(time_us, meta.get("start_time"), "start time", where, self.refused),
            end_time_us=or_nothing(time_us, meta.get("end_time"), "end time", where, self.refused),
            deleted=meta.get("lifecycle_stage") == "deleted",
            artifact_uri=text(meta.get("artifact_uri")),
            params=read_texts(folder / "params", "param", where, self.refused),
            tags=tags,
            datasets=datasets,
            model_inputs=read,
            model_outputs=self._outputs(folder, where),
            measured=tuple(self._measured_points().get(folder.name, ())),
        )

    def _inputs(self, run: Path, where: str) -> tuple[tuple[DatasetInput, ...], tuple[str, ...]]:
        """The data sets and the logged models that a run reads."""
        datasets: list[DatasetInput] = []
        models: set[str] = set()

        def read(folder: Path) -> None:
            meta = read_meta(folder)
            source_id = text(meta.get("source_id"))
            if meta.get("source_type") == "MODEL":
                models.add(model_id_here(source_id))
            elif meta.get("source_type") == "DATASET":
                known = read_meta(_child(run.parent / "datasets", source_id), MOST_DATASET)
                tags = {text(key): text(value) for key, value in mapping(meta.get("tags")).items()}
                names = ("name", "digest", "source_type", "source", "schema", "profile")
                dataset = Dataset(**{name: text(known.get(name)) for name in names})
                datasets.append(DatasetInput(dataset, tags.pop(CONTEXT_TAG, ""), tags))

        for _ in read_all(folders_with_meta(run / "inputs", self.refused), f"input of {where}", read, self.refused):
            pass
        return tuple(sorted(datasets, key=lambda one: (one.dataset.name, one.dataset.digest))), tuple(sorted(models))

    def _outputs(self, run: Path, where: str) -> tuple[tuple[str, int], ...]:
        """The logged models that a run makes: the folder is named for the model."""

        def read(folder: Path) -> tuple[str, int]:
            return model_id_here(folder.name), whole(read_meta(folder).get("step"))

        folders = folders_with_meta(run / "outputs", self.refused)
        return tuple(sorted(set(read_all(folders, f"output of {where}", read, self.refused))))

    def _measured_points(self) -> Mapping[str, list[MetricColumns]]:
        """The points that runs have logged for logged models that are not deleted, by run."""
        if self._measured is None:
            found: dict[str, list[MetricColumns]] = {}
            for experiment in self._meta:
                for model in read_logged_models(experiment / _MODELS, self.refused):
                    folder, where = experiment / _MODELS / model.model_id / "metrics", f"logged model {model.model_id}"
                    for key, file in files_below(folder, "metric", where, self.refused):
                        for run_id, chunk in read_series(key, file, where, self.refused, of_model=model.model_id):
                            found.setdefault(run_id, []).append(chunk)
            self._measured = found
        return self._measured

    def _moved(self, uri: str) -> Path | None:
        """Where an address below an experiment's place is now."""
        path = _path(uri)
        for folder, home in self._homes.items():
            if path and home and (path == home or path.startswith(f"{home}/")):
                return folder / path[len(home) :].lstrip("/")
        return None


def _child(folder: Path, name: str) -> Path:
    """A folder in a folder. Raises Malformed for a name that leads elsewhere."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name or (folder / name).is_symlink():
        raise Malformed(f"{name[:40]!r} names no folder of {folder.name}")
    return folder / name


def _path(uri: str) -> str:
    """The path of a folder's address; empty for other addresses."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    return unquote(parts.path).rstrip("/") if parts.scheme == "file" else uri.rstrip("/") if not parts.scheme else ""

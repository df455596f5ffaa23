"""Reading MLflow's folder of files, `./mlruns`.

    EXPERIMENT/meta.yaml, tags/KEY, datasets/ID/meta.yaml, models/MODEL_ID/{meta.yaml,artifacts}
    EXPERIMENT/RUN/meta.yaml, params/KEY, tags/KEY, metrics/KEY (a line a point: ms, value, step), inputs, artifacts
    .trash/EXPERIMENT                       deleted experiments
    models/NAME/meta.yaml, tags/KEY, aliases/ALIAS, version-N/{meta.yaml,tags/KEY}

Keys may hold `/`: then they are folders. The folder may have been moved since: what its files call by their old place
is looked for in the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import yaml

from trackway.errors import NotFound, Unavailable
from trackway.importing.mlflow_artifacts import TRASH, ArtifactRoot
from trackway.importing.places import LocalFolder, Nowhere, Place
from trackway.importing.source import (
    DELETED_STAGE,
    STATUSES,
    MetricColumns,
    SourceExperiment,
    SourceLoggedModel,
    SourceModel,
    SourceRun,
    SourceVersion,
    by_number,
    in_order,
)
from trackway.types import Dataset, DatasetInput

_META = "meta.yaml"
_WITH_DATASET = 5
_MODELS = "models"


class FilesSource:
    """A Source: a folder of MLflow's file store. `artifacts` is where its `mlflow-artifacts:` lie, if anywhere."""

    def __init__(self, folder: str | Path, artifacts: str = "") -> None:
        self._folder = Path(folder).expanduser().resolve()
        self.name = str(self._folder)
        if not self._folder.is_dir():
            raise NotFound(f"there is no folder {str(folder)!r}")
        self._experiments = {each.name: each for each in self._experiment_folders()}
        if not self._experiments and not (self._folder / _MODELS).is_dir():
            raise NotFound(f"{self._folder} is no folder of MLflow: no folder in it has a {_META}")
        self._root = ArtifactRoot(artifacts, base=self._folder.parent)

    def experiments(self) -> Iterator[SourceExperiment]:
        """See Source."""
        found = []
        for folder in self._experiments.values():
            meta = _meta(folder)
            deleted = folder.parent != self._folder or meta.get("lifecycle_stage") == "deleted"
            name = str(meta.get("name", folder.name))
            found.append(SourceExperiment(folder.name, name, deleted, _texts(folder / "tags")))
        return iter(by_number(found))

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """See Source."""
        experiment = self._experiments[experiment_id]
        for folder in _with_meta(experiment):
            meta = _meta(folder)
            if "run_id" not in meta and "run_uuid" not in meta:
                continue
            tags = _texts(folder / "tags")
            status = meta.get("status", 1)
            yield SourceRun(
                run_id=folder.name,
                experiment_id=experiment_id,
                name=str(meta.get("run_name") or meta.get("name") or tags.get("mlflow.runName", "")),
                status=STATUSES.get(status, "RUNNING") if isinstance(status, int) else str(status),
                user_id=str(meta.get("user_id") or ""),
                start_time_us=1000 * int(meta.get("start_time") or 0),
                end_time_us=1000 * int(meta.get("end_time") or 0),
                deleted=meta.get("lifecycle_stage") == "deleted",
                artifact_uri=str(meta.get("artifact_uri") or ""),
                params=_texts(folder / "params"),
                tags=tags,
                datasets=_datasets(folder / "inputs", experiment / "datasets"),
            )

    def metrics(self, run: SourceRun) -> Iterator[MetricColumns]:
        """See Source. One metric at a time is in memory."""
        folder = self._experiments[run.experiment_id] / run.run_id / "metrics"
        for file in sorted(_files(folder), key=lambda each: each.relative_to(folder).as_posix()):
            yield from _series(file.relative_to(folder).as_posix(), _text(file))

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """See Source."""
        for folder in _with_meta(self._experiments[experiment_id] / _MODELS):
            meta = _meta(folder)
            if meta.get("lifecycle_stage") != "deleted":
                yield SourceLoggedModel(
                    folder.name,
                    str(meta.get("name") or folder.name),
                    str(meta.get("source_run_id") or ""),
                    str(meta.get("artifact_location") or meta.get("artifact_uri") or ""),
                    1000 * int(meta.get("creation_timestamp") or 0),
                )

    def models(self) -> Iterator[SourceModel]:
        """See Source."""
        for folder in _with_meta(self._folder / _MODELS):
            meta = _meta(folder)
            aliases = {alias: int(number) for alias, number in _texts(folder / "aliases").items() if number.isdecimal()}
            versions = [_version(each) for each in folder.glob("version-*") if (each / _META).is_file()]
            yield SourceModel(
                str(meta.get("name") or folder.name),
                str(meta.get("description") or ""),
                _texts(folder / "tags"),
                aliases,
                tuple(sorted((one for one in versions if one.stage != DELETED_STAGE), key=lambda one: one.number)),
            )

    def files(self, uri: str, run_id: str = "") -> Place:
        """See Source."""
        moved = self._moved(uri)
        if run_id and moved is None:
            own = next((each / run_id for each in self._experiments.values() if (each / run_id).is_dir()), None)
            moved = own / "artifacts" if own and (own / "artifacts").is_dir() else None
        if moved is not None:
            return self._root.checked(LocalFolder(moved)) if moved.exists() else Nowhere()
        return self._root.place(uri)

    def notes(self) -> list[str]:
        """See Source."""
        return []

    def close(self) -> None:
        """See Source."""

    def _experiment_folders(self) -> Iterator[Path]:
        for parent in (self._folder, self._folder / TRASH):
            for folder in _with_meta(parent):
                if "experiment_id" in _meta(folder):
                    yield folder

    def _moved(self, uri: str) -> Path | None:
        """Where an address below an experiment's place is now."""
        path = _path(uri)
        for folder in self._experiments.values():
            home = _path(str(_meta(folder).get("artifact_location") or ""))
            if path and home and (path == home or path.startswith(f"{home}/")):
                return folder / path[len(home) :].lstrip("/")
        return None


def _path(uri: str) -> str:
    """The path of a folder's address; empty for other addresses."""
    parts = urlsplit(uri)
    return unquote(parts.path).rstrip("/") if parts.scheme == "file" else uri.rstrip("/") if not parts.scheme else ""


def _with_meta(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if (each / _META).is_file())


def _meta(folder: Path) -> Mapping[str, Any]:
    """A folder's meta.yaml. Raises Unavailable where it cannot be read."""
    try:
        meta = yaml.safe_load(_text(folder / _META))
    except yaml.YAMLError as error:
        raise Unavailable(f"{folder / _META} cannot be read: {' '.join(str(error).split())[:200]}") from None
    return meta if isinstance(meta, dict) else {}


def _text(file: Path) -> str:
    return _no_link(file).read_text(encoding="utf-8", errors="replace")


def _files(folder: Path) -> list[Path]:
    return [each for each in _no_link(folder).rglob("*") if each.is_file()] if folder.is_dir() else []


def _no_link(path: Path) -> Path:
    """A file or folder that MLflow makes itself. Raises Unavailable for a link: it could lead to anything."""
    if path.is_symlink():
        raise Unavailable(f"{path} is a link, which MLflow makes none of there: put what it leads to in its place")
    return path


def _texts(folder: Path) -> dict[str, str]:
    """Contents by name, of a folder with a file a key."""
    return {each.relative_to(folder).as_posix(): _text(each) for each in _files(folder)}


def _series(key: str, text: str) -> Iterator[MetricColumns]:
    """The points in the file of one metric: by data set where lines name one, which ends their line."""
    by_context: dict[tuple[str, str], list[list[str]]] = {}
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) >= 2:
            context = (" ".join(fields[3:-1]), fields[-1]) if len(fields) >= _WITH_DATASET else ("", "")
            by_context.setdefault(context, []).append(fields)
    for (name, digest), lines in sorted(by_context.items()):
        times = np.array([int(fields[0]) for fields in lines], np.int64) * 1000
        values = np.array([float(fields[1]) for fields in lines], np.float64)
        steps = np.array([int(fields[2]) if len(fields) > 2 else 0 for fields in lines], np.int64)
        yield from in_order(key, times, steps, values, {"dataset_name": name, "dataset_digest": digest} if name else {})


def _datasets(inputs: Path, datasets: Path) -> tuple[DatasetInput, ...]:
    found = []
    for folder in _with_meta(inputs):
        meta = _meta(folder)
        known = _meta(datasets / str(meta.get("source_id"))) if (datasets / str(meta.get("source_id"))).is_dir() else {}
        if meta.get("source_type") == "DATASET" and known:
            texts = {name: str(known.get(name) or "") for name in ("name", "digest", "source_type", "source")}
            dataset = Dataset(**texts, schema=str(known.get("schema") or ""), profile=str(known.get("profile") or ""))
            found.append(DatasetInput(dataset, str((meta.get("tags") or {}).get("mlflow.data.context", ""))))
    return tuple(sorted(found, key=lambda each: (each.dataset.name, each.dataset.digest)))


def _version(folder: Path) -> SourceVersion:
    meta = _meta(folder)
    return SourceVersion(
        number=int(folder.name.removeprefix("version-")),
        source=str(meta.get("source") or ""),
        location=str(meta.get("storage_location") or meta.get("source") or ""),
        run_id=str(meta.get("run_id") or ""),
        run_link=str(meta.get("run_link") or ""),
        user_id=str(meta.get("user_id") or ""),
        stage=str(meta.get("current_stage") or "None"),
        description=str(meta.get("description") or ""),
        model_id=str(meta.get("model_id") or ""),
        created_us=1000 * int(meta.get("creation_timestamp") or 0),
        tags=_texts(folder / "tags"),
    )

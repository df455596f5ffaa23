"""Reading a running MLflow server by its REST API. Nothing of the server's own folders is taken for one of this
machine: an address that it names is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import quote, unquote, urlsplit

import numpy as np

from trackway.errors import InvalidArgument, Unsupported
from trackway.importing.mlflow_artifacts import PROXIED, below
from trackway.importing.places import FoundFile, Nowhere, Place, place_of
from trackway.importing.rest_calls import Calls
from trackway.importing.source import (
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

Json = Mapping[str, Any]

_API = "/api/2.0/mlflow"
_PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_RUNS = 1000
_POINTS = 25_000
_NUMBERS = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


class RestSource:
    """A Source: an MLflow server. Credentials are those of MLflow's variables."""

    def __init__(self, url: str) -> None:
        self._calls = Calls(url)
        self.name = self._calls.name
        self._get("/experiments/get", experiment_id="0", missing_ok="1")

    def experiments(self) -> Iterator[SourceExperiment]:
        """See Source."""
        listed = self._pages("POST", "/experiments/search", "experiments", max_results=1000, view_type="ALL")
        found = [
            SourceExperiment(
                each["experiment_id"], each["name"], each.get("lifecycle_stage") == "deleted", _pairs(each.get("tags"))
            )
            for each in listed
        ]
        return iter(by_number(found))

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """See Source."""
        chosen: dict[str, Any] = {"experiment_ids": [experiment_id], "run_view_type": "ALL", "max_results": _RUNS}
        for each in self._pages("POST", "/runs/search", "runs", **chosen):
            yield _run(each)

    def metrics(self, run: SourceRun) -> Iterator[MetricColumns]:
        """See Source. One metric at a time is in memory."""
        for key in sorted(run.metric_keys):
            chosen: dict[str, Any] = {"run_id": run.run_id, "metric_key": key, "max_results": _POINTS}
            columns: list[tuple[int, int, float]] = []
            for each in self._pages("GET", "/metrics/get-history", "metrics", **chosen):
                columns.append((1000 * int(each["timestamp"]), int(each.get("step", 0)), _number(each["value"])))
            if columns:
                times, steps, values = zip(*columns, strict=True)
                yield from in_order(
                    key, np.array(times, np.int64), np.array(steps, np.int64), np.array(values, np.float64)
                )

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """See Source. A server without them (MLflow before 3) has none."""
        chosen: dict[str, Any] = {"experiment_ids": [experiment_id], "max_results": 50}
        for each in self._pages("POST", "/logged-models/search", "models", missing_ok="1", **chosen):
            info = each["info"]
            yield SourceLoggedModel(
                info["model_id"],
                info.get("name", info["model_id"]),
                info.get("source_run_id", ""),
                info.get("artifact_uri", ""),
                1000 * int(info.get("creation_timestamp_ms", 0)),
            )

    def models(self) -> Iterator[SourceModel]:
        """See Source."""
        found = self._pages("GET", "/registered-models/search", "registered_models", missing_ok="1", max_results=100)
        for each in found:
            name = each["name"]
            quoted = f"'{name}'" if "'" not in name else f'"{name}"'
            versions = [
                self._version(version)
                for version in self._pages(
                    "GET", "/model-versions/search", "model_versions", filter=f"name={quoted}", max_results=1000
                )
            ]
            yield SourceModel(
                name,
                each.get("description", ""),
                _pairs(each.get("tags")),
                {one["alias"]: int(one["version"]) for one in each.get("aliases", ())},
                tuple(sorted(versions, key=lambda version: version.number)),
            )

    def files(self, uri: str, run_id: str = "") -> Place:
        """See Source."""
        scheme = urlsplit(uri).scheme
        if scheme == PROXIED:
            return _Proxied(self._calls, below(unquote(urlsplit(uri).path)))
        if run_id:
            return _OfRun(self._calls, run_id)
        if scheme == "s3":
            return place_of(uri)
        if not uri:
            return Nowhere()
        raise Unsupported(f"{uri} is a place of MLflow's server, which gives only files of runs to others")

    def notes(self) -> list[str]:
        """See Source."""
        return []

    def close(self) -> None:
        """See Source."""
        self._calls.close()

    def _version(self, each: Json) -> SourceVersion:
        location = self._get(
            "/model-versions/get-download-uri", name=each["name"], version=each["version"], missing_ok="1"
        )
        source = each.get("source", "")
        return SourceVersion(
            number=int(each["version"]),
            source=source,
            location=location.get("artifact_uri", source),
            run_id=each.get("run_id", ""),
            run_link=each.get("run_link", ""),
            user_id=each.get("user_id", ""),
            stage=each.get("current_stage", "None") or "None",
            description=each.get("description", ""),
            model_id=each.get("model_id", ""),
            created_us=1000 * int(each.get("creation_timestamp", 0)),
            tags=_pairs(each.get("tags")),
        )

    def _get(self, path: str, missing_ok: str = "", **query: Any) -> Json:
        return self._calls.json("GET", _API + path, query, missing_ok=bool(missing_ok))

    def _pages(self, verb: str, path: str, name: str, missing_ok: str = "", **asked: Any) -> Iterator[Json]:
        """What all pages list under `name`."""
        token = ""
        while True:
            body = {**asked, "page_token": token} if token else asked
            page = self._calls.json(verb, _API + path, body, missing_ok=bool(missing_ok))
            yield from page.get(name, ())
            before, token = token, page.get("next_page_token", "")
            if not token:
                return
            if token == before:
                raise InvalidArgument(f"{self.name} does not answer as an MLflow server does: {path} has no last page")


class _Proxied:
    """A folder behind the server's artifact proxy."""

    def __init__(self, calls: Calls, path: str) -> None:
        self._calls = calls
        self._path = path

    def walk(self) -> Iterator[FoundFile]:
        """See Place."""
        folders = [""]
        while folders:
            folder = folders.pop()
            listed = self._calls.json("GET", _PROXY, {"path": _joined(self._path, folder)}, missing_ok=True)
            for each in listed.get("files", ()):
                path = below(_joined(folder, each["path"].rsplit("/", 1)[-1]))
                if each.get("is_dir"):
                    folders.append(path)
                else:
                    yield FoundFile(path, int(each.get("file_size", -1)))

    def open(self, path: str) -> BinaryIO:
        """See Place."""
        return self._calls.fetch(f"{_PROXY}/{quote(_joined(self._path, path))}", {})


class _OfRun:
    """The files of a run of a server without a proxy, which still hands them out one by one."""

    def __init__(self, calls: Calls, run_id: str) -> None:
        self._calls = calls
        self._run_id = run_id

    def walk(self) -> Iterator[FoundFile]:
        """See Place."""
        folders: list[str] = [""]
        while folders:
            asked: dict[str, Any] = {"run_id": self._run_id, "path": folders.pop()}
            listed = self._calls.json("GET", f"{_API}/artifacts/list", {k: v for k, v in asked.items() if v})
            for each in listed.get("files", ()):
                if each.get("is_dir"):
                    folders.append(below(each["path"]))
                else:
                    yield FoundFile(below(each["path"]), int(each.get("file_size", -1)))

    def open(self, path: str) -> BinaryIO:
        """See Place."""
        return self._calls.fetch("/get-artifact", {"run_uuid": self._run_id, "path": path})


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _run(each: Json) -> SourceRun:
    info, data = each["info"], each.get("data", {})
    tags = _pairs(data.get("tags"))
    return SourceRun(
        run_id=info.get("run_id") or info["run_uuid"],
        experiment_id=info["experiment_id"],
        name=info.get("run_name") or tags.get("mlflow.runName", ""),
        status=info.get("status", "RUNNING"),
        user_id=info.get("user_id", ""),
        start_time_us=1000 * int(info.get("start_time", 0)),
        end_time_us=1000 * int(info.get("end_time", 0) or 0),
        deleted=info.get("lifecycle_stage") == "deleted",
        artifact_uri=info.get("artifact_uri", ""),
        params=_pairs(data.get("params")),
        tags=tags,
        datasets=_datasets(each.get("inputs", {})),
        metric_keys=tuple({metric["key"] for metric in data.get("metrics", ())}),
    )


def _datasets(inputs: Json) -> tuple[DatasetInput, ...]:
    found = []
    for each in inputs.get("dataset_inputs", ()):
        known = each["dataset"]
        names = ("name", "digest", "source_type", "source", "schema", "profile")
        dataset = Dataset(**{name: str(known.get(name) or "") for name in names})
        found.append(DatasetInput(dataset, _pairs(each.get("tags")).get("mlflow.data.context", "")))
    return tuple(sorted(found, key=lambda each: (each.dataset.name, each.dataset.digest)))


def _pairs(listed: Any) -> dict[str, str]:
    return {each["key"]: each.get("value", "") for each in listed or ()}


def _number(value: Any) -> float:
    number = _NUMBERS[value] if isinstance(value, str) and value in _NUMBERS else float(value)
    # SQL databases have no infinities: MLflow keeps, and answers, the greatest number instead.
    return np.copysign(np.inf, number) if abs(number) >= 1.7976931348623157e308 else number

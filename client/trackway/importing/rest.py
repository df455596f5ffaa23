"""Reading a running MLflow server by its REST API. Nothing of the server's own folders is taken for one of this
machine: an address that it names is asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import numpy as np

from trackway.errors import Internal, InvalidArgument, NotFound, PermissionDenied, Unsupported
from trackway.importing.buckets import Buckets, own_root
from trackway.importing.mlflow_artifacts import PROXIED, below
from trackway.importing.places import Nowhere, Place
from trackway.importing.rest_calls import API, Calls, TooLarge
from trackway.importing.rest_entities import read_experiment, read_logged_model, read_model, read_run, read_version
from trackway.importing.rest_places import Proxied, RunFiles
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
from trackway.importing.values import Malformed, Refused, ignore, points, several, text

Json = Mapping[str, Any]
_T = TypeVar("_T")

_RUNS = 1000
_POINTS = 25_000
_MODELS = 50
_EXPERIMENTS = 50
"""So many are asked for their logged models at once."""
_AT_ONCE, _BATCH = 4, 64
_TRACES = 10_000
NOT_THERE = (InvalidArgument, Internal, NotFound, PermissionDenied)
"""How a server says, one way or another, that it knows nothing of that."""


class RestSource:
    """A Source: an MLflow server. Credentials are those of MLflow's variables; `allowed` are addresses of files that
    may be read with this machine's keys."""

    refused: Refused = staticmethod(ignore)

    def __init__(self, url: str, allowed: Sequence[str] = ()) -> None:
        self._calls = Calls(url)
        self.name = self._calls.name
        default = self._get("/experiments/get", experiment_id="0", missing_ok="1").get("experiment")
        location = default.get("artifact_location") if isinstance(default, dict) else ""
        self._buckets = Buckets([*allowed, own_root(location) if isinstance(location, str) else ""])
        self._listing = Lock()
        self._listed: dict[str, list[SourceLoggedModel]] | None = None
        self._measured: dict[str, list[MetricColumns]] = {}

    def experiments(self) -> Iterator[SourceExperiment]:
        """See Source."""
        listed = self._pages("POST", "/experiments/search", "experiments", max_results=1000, view_type="ALL")
        return iter(by_number(list(self._read(listed, "experiment", read_experiment))))

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """See Source."""
        chosen: dict[str, Any] = {"experiment_ids": [experiment_id], "run_view_type": "ALL", "max_results": _RUNS}
        listed = self._pages("POST", "/runs/search", "runs", **chosen)
        models = self._logged_models()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for some in _batches(listed, _BATCH):
                # What logged models a run reads is told of a single run alone.
                told = pool.map(self._whole_run, some) if models else some
                for run in self._read(told, "run", read_run):
                    yield replace(run, measured=tuple(self._measured.get(run.run_id, ())))

    def metrics(self, run: SourceRun) -> Iterator[MetricColumns]:
        """See Source. One metric at a time is in memory."""
        for key in sorted(run.metric_keys):
            chosen: dict[str, Any] = {"run_id": run.run_id, "metric_key": key, "max_results": _POINTS}
            parts = []
            for some in _batches(self._pages("GET", "/metrics/get-history", "metrics", **chosen), _POINTS):
                columns = ([each.get(name) for each in some] for name in ("timestamp", "step", "value"))
                parts.append(points(*columns))
            if bad := sum(part[3] for part in parts):
                self.refused(f"metric {key!r}", f"run {run.run_id}", f"{bad} of its points are malformed")
            if parts:
                times, steps, values, _ = zip(*parts, strict=True)
                yield from in_order(key, np.concatenate(times), np.concatenate(steps), np.concatenate(values))

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """See Source. A server without them (MLflow before 3) has none."""
        return iter(self._logged_models().get(experiment_id, []))

    def models(self) -> Iterator[SourceModel]:
        """See Source."""
        found = self._pages("GET", "/registered-models/search", "registered_models", missing_ok="1", max_results=100)
        for each in found:
            try:
                name = text(each.get("name"))
                quoted = f"'{name}'" if "'" not in name else f'"{name}"'
                asked: dict[str, Any] = {"filter": f"name={quoted}", "max_results": 1000}
                listed = self._pages("GET", "/model-versions/search", "model_versions", **asked)
                versions = list(self._read(listed, "version", self._version))
                yield read_model(each, sorted(versions, key=lambda version: version.number), self.refused)
            except Malformed as error:
                self.refused("model", str(each.get("name")), error.message)

    def files(self, uri: str, run_id: str = "") -> Place:
        """See Source."""
        scheme = urlsplit(uri).scheme
        if scheme == PROXIED:
            return Proxied(self._calls, below(unquote(urlsplit(uri).path)))
        if run_id:
            return RunFiles(self._calls, run_id)
        if scheme == "s3":
            return self._buckets.place(uri)
        if not uri:
            return Nowhere()
        raise Unsupported(f"{uri} is a place of MLflow's server, which gives only files of runs to others")

    def notes(self) -> list[str]:
        """See Source."""
        return []

    def left_out(self) -> Mapping[str, int]:
        """See Source. Of traces no more are counted than fit some pages."""
        counts: Counter[str] = Counter()
        with suppress(*NOT_THERE):
            counts["webhooks"] = sum(1 for _ in self._pages("GET", "/webhooks", "webhooks", max_results=100))
        with suppress(*NOT_THERE):
            for some in _batches([each.experiment_id for each in self.experiments()], _EXPERIMENTS):
                places = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": each}} for each in some]
                asked: dict[str, Any] = {"locations": places, "max_results": 100}
                found = self._pages("POST", "/traces/search", "traces", api=API.replace("2.0", "3.0"), **asked)
                counts["traces"] += sum(1 for _ in islice(found, _TRACES))
        return counts

    def close(self) -> None:
        """See Source."""
        self._calls.close()

    def _read(self, listed: Iterable[Json], what: str, read: Callable[[Json, Refused], _T]) -> Iterator[_T]:
        """What can be read of what is listed; the others are told of."""
        for each in listed:
            try:
                yield read(each, self.refused)
            except Malformed as error:
                self.refused(what, _name(each), error.message)

    def _version(self, each: Json, refused: Refused) -> SourceVersion:
        asked = {"name": text(each.get("name")), "version": text(each.get("version"))}
        location = self._get("/model-versions/get-download-uri", missing_ok="1", **asked)
        return read_version(each, text(location.get("artifact_uri")), refused)

    def _whole_run(self, listed: Json) -> Json:
        """The run with all that it reads; as it was listed where that cannot be had."""
        info = listed.get("info")
        run_id = info.get("run_id") if isinstance(info, dict) else None
        found = self._get("/runs/get", run_id=run_id, missing_ok="1").get("run") if isinstance(run_id, str) else None
        return {**listed, "inputs": found.get("inputs")} if isinstance(found, dict) else listed

    def _logged_models(self) -> dict[str, list[SourceLoggedModel]]:
        """All logged models by experiment, listed once: their metrics are those of runs of whichever experiment."""
        with self._listing:
            if self._listed is None:
                listed: dict[str, list[SourceLoggedModel]] = {}
                for some in _batches([each.experiment_id for each in self.experiments()], _EXPERIMENTS):
                    chosen: dict[str, Any] = {"experiment_ids": some, "max_results": _MODELS}
                    found = self._pages("POST", "/logged-models/search", "models", missing_ok="1", **chosen)
                    for experiment_id, model, measured in self._read(found, "logged model", read_logged_model):
                        listed.setdefault(experiment_id, []).append(model)
                        for run_id, columns in measured:
                            self._measured.setdefault(run_id, []).append(columns)
                self._listed = {name: sorted(each, key=lambda one: one.model_id) for name, each in listed.items()}
            return self._listed

    def _get(self, path: str, missing_ok: str = "", **query: Any) -> Json:
        return self._calls.json("GET", API + path, query, missing_ok=bool(missing_ok))

    def _pages(
        self, verb: str, path: str, name: str, missing_ok: str = "", api: str = API, **asked: Any
    ) -> Iterator[Json]:
        """What all pages list under `name`; of pages that are too large, smaller ones are asked for."""
        token = ""
        while True:
            body = {**asked, "page_token": token} if token else asked
            try:
                page = self._calls.json(verb, api + path, body, missing_ok=bool(missing_ok))
                listed, following = several(page.get(name)), text(page.get("next_page_token"))
            except TooLarge:
                if asked["max_results"] == 1:
                    raise
                asked["max_results"] //= 2
                continue
            except Malformed as error:
                told = f"{self.name} does not answer {path} as an MLflow server does: {error.message}"
                raise InvalidArgument(told) from None
            yield from listed
            before, token = token, following
            if not token:
                return
            if token == before:
                raise InvalidArgument(f"{self.name} does not answer as an MLflow server does: {path} has no last page")


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    each = iter(items)
    return iter(lambda: list(islice(each, size)), [])


def _name(each: Json) -> str:
    """What to call something that cannot be read."""
    info = each.get("info")
    known = {**each, **(info if isinstance(info, dict) else {})}
    return next((str(known[name]) for name in ("run_id", "model_id", "experiment_id", "name") if known.get(name)), "?")

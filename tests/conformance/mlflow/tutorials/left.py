"""What a page left on a server, asked over REST, with ids by their order: so that two servers' can be compared."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import httpx

from conformance.mlflow.differential.playing import PREFIX, Server

READ_BYTES = 256 * 1024
"""Files up to so many bytes are compared by what they say, others by their size."""
_TEXT = (".json", ".txt", ".yaml", ".yml", ".csv", ".py", ".md", ".html", "MLmodel")
_CHOSEN = (
    (re.compile(r"m-[0-9a-f]{32}"), "MODEL"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "ID"),
    (re.compile(r"(?:mlflow-artifacts:|file://|(?<!\w))/[^ '\",>\n]*"), "PLACE"),
    (re.compile(r"\b[a-z]+-[a-z]+-[0-9]{1,4}\b"), "RUN-NAME"),
    (re.compile(r"\b1[0-9]{12}\b"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:\+00:00|Z)?"), "TIME"),
    (re.compile(r"(?m)^Date: +\w+, \d\d \w+ \d{4}|^Time: +\d\d:\d\d:\d\d"), "TIME"),  # summaries of statsmodels
    (re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"(?:0|\.{3,})x[0-9a-f]+"), "ADDRESS"),  # scikit-learn shortens what it shows to ends of them
    (re.compile(r"\b(?:me|st)\.\.\.me(?:'|&#x27;): array\([^)]*\)"), "MEASURED"),  # and the names of measured times
    (re.compile(r"(?s)Seconds used for refitting.{0,400}?<td>[\d.e-]+(?=<)"), "MEASURED"),
    (re.compile(r"user_id='(?:admin)?'"), "USER"),  # a version says who made it; MLflow's server knows nobody
    (re.compile(r"(?:127\.0\.0\.1|localhost):\d+"), "HOST"),
    (re.compile(r"(?m)^(?:model_size_bytes|utc_time_created): .*$"), ""),
    (re.compile(r"\b\d+(?:\.\d+)?m?s\b|\d+(?:\.\d+)? ?(?:it/s|s/it)"), "SPAN"),
)
_MEASURED = re.compile(r"system/|(?:mean|std)_(?:fit|score)_time\b")
"""Metrics and columns of what was measured of the machine, and the times that scikit-learn's searches took."""
_SHOWN = 300
Left = dict[str, Any]


def same(text: str) -> str:
    """`text` without what a server, a clock or chance chose."""
    for pattern, word in _CHOSEN:
        text = pattern.sub(word, text)
    return text


def left_on(server: Server, *, parallel: bool = False) -> Left:
    """Experiments, runs, logged models, registered models and the files of them.

    Runs are in the order in which they began, or, where several begin in one moment (`parallel`), of what they hold.
    """
    with httpx.Client(base_url=server.url, headers=dict(server.headers), timeout=120, trust_env=False) as client:
        asked = _Asking(client)
        experiments = list(asked.experiments())
        runs = asked.runs([each["experiment_id"] for each in experiments])
        if parallel:
            runs.sort(key=_content)
        models = asked.logged_models([each["experiment_id"] for each in experiments])
        registered = list(asked.registered_models())
        names = {run["info"]["run_id"]: f"run {number}" for number, run in enumerate(runs)}
        names |= {model["info"]["model_id"]: f"model {number}" for number, model in enumerate(models)}
        found = {
            "experiments": [_only(each, "name", "lifecycle_stage", "tags") for each in experiments],
            "runs": [asked.run(run, names) for run in runs],
            "logged models": [asked.logged_model(model) for model in models],
            "registered models": registered,
        }
    return _named(found, names)


class _Asking:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def _pages(self, route: str, found: str, /, **asked: Any) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            got = self._client.post(PREFIX + route, json={**asked, **({"page_token": token} if token else {})})
            yield from got.raise_for_status().json().get(found, [])
            token = got.json().get("next_page_token", "")
            if not token:
                return

    def _got(self, route: str, /, **asked: Any) -> dict[str, Any]:
        answer = self._client.get(route, params=asked)
        return dict(answer.raise_for_status().json())

    def experiments(self) -> Iterator[dict[str, Any]]:
        yield from self._pages(
            "/experiments/search", "experiments", view_type="ALL", max_results=1000, order_by=["name"]
        )

    def runs(self, experiments: list[str]) -> list[dict[str, Any]]:
        """In the order in which they began."""
        found = self._pages("/runs/search", "runs", experiment_ids=experiments, run_view_type="ALL", max_results=1000)
        return sorted(found, key=lambda run: (run["info"].get("start_time", 0), _called(run["info"])))

    def logged_models(self, experiments: list[str]) -> list[dict[str, Any]]:
        found = self._pages("/logged-models/search", "models", experiment_ids=experiments, max_results=50)
        return sorted(found, key=lambda model: (model["info"]["creation_timestamp_ms"], model["info"]["name"]))

    def registered_models(self) -> Iterator[Left]:
        # both are asked for by GET, where their lists are short enough for one page
        for model in self._got(f"{PREFIX}/registered-models/search", max_results=200).get("registered_models", []):
            name = model["name"]
            of_it = self._got(f"{PREFIX}/model-versions/search", filter=f"name = '{name}'", max_results=200)
            versions = sorted(of_it.get("model_versions", []), key=lambda each: int(each["version"]))
            # Aliases are the model's. Of which logged model a version is, MLflow's server leaves out.
            kept = ("version", "current_stage", "description", "run_id", "status", "tags")
            yield {
                **_only(model, "name", "description", "tags", "aliases"),
                "versions": [_only(version, *kept) for version in versions],
            }

    def run(self, run: dict[str, Any], names: dict[str, str]) -> Left:
        info, data = run["info"], run.get("data", {})
        metrics = {each["key"]: self._points(info["run_id"], each["key"]) for each in data.get("metrics", [])}
        outputs = run.get("outputs", {}).get("model_outputs", [])
        return {
            **_only(info, "status", "lifecycle_stage", "run_name", "user_id"),
            "params": _pairs(data.get("params", [])),
            "tags": _pairs(data.get("tags", [])),
            "metrics": metrics,
            "inputs": sorted(map(_dataset, run.get("inputs", {}).get("dataset_inputs", [])), key=str),
            "outputs": sorted(names.get(each["model_id"], "missing") for each in outputs),
            "files": dict(self._files(info["artifact_uri"])),
        }

    def _points(self, run_id: str, key: str) -> list[list[float]]:
        """Step and value of each; of what was measured none: it is another each time."""
        if _MEASURED.match(key):
            return []
        asked = {"run_id": run_id, "metric_key": key, "max_results": 25000}
        points = self._got(f"{PREFIX}/metrics/get-history", **asked)["metrics"]
        return [[int(each.get("step", 0)), float(each["value"])] for each in points]

    def logged_model(self, model: dict[str, Any]) -> Left:
        info, data = model["info"], model.get("data", {})
        metrics = [
            [each["key"], "" if _MEASURED.match(each["key"]) else float(each["value"]), each.get("dataset_name", "")]
            for each in data.get("metrics", [])
        ]
        return {
            **_only(info, "name", "status", "model_type", "source_run_id", "status_message"),
            "tags": _pairs(info.get("tags", [])),
            "params": _pairs(data.get("params", [])),
            "metrics": sorted(metrics, key=str),
            "files": dict(self._files(info["artifact_uri"])),
        }

    def _files(self, uri: str, below: str = "") -> Iterator[tuple[str, str]]:
        """Path and content (or size) of each file below an address of artifacts."""
        if not uri.startswith("mlflow-artifacts:/"):
            return
        place = uri.removeprefix("mlflow-artifacts:/")
        api = "/api/2.0/mlflow-artifacts/artifacts"
        for each in self._got(api, path=f"{place}/{below}".rstrip("/")).get("files", []):
            path = f"{below}/{each['path'].rpartition('/')[2]}".lstrip("/")
            size = int(each.get("file_size", 0))
            if each.get("is_dir"):
                yield from self._files(uri, path)
            elif path.endswith(_TEXT) and size <= READ_BYTES:
                text = self._client.get(f"{api}/{place}/{path}").raise_for_status().text
                yield path, unmeasured(text) if path.endswith(".csv") else text
            elif path.endswith(".pkl"):
                yield path, "a pickle"  # with paths of the process that made it: their lengths are of its size
            else:
                yield path, f"{size} bytes"


def _named(value: Any, names: dict[str, str]) -> Any:
    """`value` with ids of runs and models replaced by their places in the order of all, and with `same` texts."""
    if isinstance(value, dict):
        return {same(key): _named(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    if not isinstance(value, str):
        return value
    for identity, name in names.items():
        if identity in value:
            value = value.replace(identity, name)
    return same(value)


def _only(value: dict[str, Any], *fields: str) -> Left:
    """Of these fields those that say something: an empty one and none are one."""
    kept: Left = {}
    for name in fields:
        said = value.get(name)
        if name in ("tags", "aliases"):
            said = _pairs(said or [])
        if said not in (None, "", {}):
            kept[name] = said
    return kept


def _pairs(values: list[dict[str, Any]]) -> dict[str, Any]:
    return {each.get("key", each.get("alias")): each.get("value", each.get("version")) for each in values}


def _dataset(found: dict[str, Any]) -> Left:
    dataset = _only(found["dataset"], "name", "digest", "source_type", "schema", "profile")
    return {**dataset, "tags": _pairs(found.get("tags", []))}


def unmeasured(table: str) -> str:
    """A file of comma-separated values without those that were measured."""
    rows = list(csv.reader(io.StringIO(table)))
    measured = {at for at, name in enumerate(rows[0] if rows else ()) if _MEASURED.match(name)}
    if not measured:
        return table
    kept = io.StringIO()
    csv.writer(kept, lineterminator="\n").writerows(
        ["" if number and at in measured else value for at, value in enumerate(row)] for number, row in enumerate(rows)
    )
    return kept.getvalue()


def _content(run: dict[str, Any]) -> str:
    """What a run holds, but for what was measured: an order that no clock made."""
    data = run.get("data", {})
    metrics = {each["key"]: each["value"] for each in data.get("metrics", []) if not _MEASURED.match(each["key"])}
    tags = _pairs(data.get("tags", []))
    return json.dumps([_pairs(data.get("params", [])), metrics, "mlflow.parentRunId" in tags], sort_keys=True)


def _called(info: dict[str, Any]) -> str:
    return "" if _CHOSEN[3][0].fullmatch(info.get("run_name", "")) else str(info.get("run_name", ""))


def unequal(place: str, theirs: Any, ours: Any, *, numbers: bool) -> Iterator[str]:
    """A line for each difference. Without `numbers` only their count and names are compared, for chance chose them."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(theirs.keys() | ours.keys()):
            if name not in ours or name not in theirs:
                yield f"{place}.{name}: {'missing here' if name not in ours else 'here alone'}"
            else:
                yield from unequal(f"{place}.{name}", theirs[name], ours[name], numbers=numbers)
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for at, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from unequal(f"{place}[{at}]", one, other, numbers=numbers)
    elif isinstance(theirs, float) and isinstance(ours, float):
        alike = math.isclose(theirs, ours, rel_tol=1e-6, abs_tol=1e-6) or (math.isnan(theirs) and math.isnan(ours))
        if numbers and not alike:
            yield f"{place}: {theirs!r} became {ours!r}"
    elif isinstance(theirs, str) and isinstance(ours, str) and not numbers:
        if _numberless(theirs) != _numberless(ours):
            yield f"{place}: {_shown(_numberless(theirs), _numberless(ours))}"
    elif theirs != ours:
        texts = isinstance(theirs, str) and isinstance(ours, str)
        yield f"{place}: {_shown(*((theirs, ours) if texts else (json.dumps(theirs), json.dumps(ours))))}"


def _shown(theirs: str, ours: str) -> str:
    """Both, from a little before where they part."""
    parted = next((at for at, (one, other) in enumerate(zip(theirs, ours, strict=False)) if one != other), 0)
    begin = max(0, parted - 60)
    one, other = (text[begin : begin + _SHOWN] for text in (theirs, ours))
    return f"{one!r} became {other!r}" + (f" (from character {begin})" if begin else "")


def _numberless(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{8}\b", "N", text)  # the digest of a data set
    return re.sub(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", "N", text)

"""A story of MLflow's own, told once a worker and kept in each of its three ways; and what a server has of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackway.client import Client
from trackway.importing.job import Options, import_from
from trackway.importing.opening import open_source
from trackway.importing.report import Report
from trackway.importing.target import Target
from trackway.testing import LocalServer

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / ".venv-peer" / "bin" / "python"
STORY = ROOT / "tests" / "support" / "mlflow_story.py"
SECONDS = 180
_HIDDEN = re.compile("trackway[.]import[.]")


@dataclass(frozen=True, slots=True)
class Told:
    """A story: where it is kept, and what MLflow answers of it."""

    sources: Mapping[str, tuple[str, str]]
    """Address and place of artifacts, by kind of source."""
    answers: Mapping[str, Mapping[str, Any]]
    """By kind of source."""


def environment(home: Path) -> dict[str, str]:
    """For processes of MLflow."""
    return {
        "PATH": f"{PEER.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "GIT_PYTHON_REFRESH": "quiet",
    }


@contextlib.contextmanager
def told(folder: Path) -> Iterator[Told]:
    """A story told to a server of MLflow with a database of SQLite, and once more to a folder of files."""
    log = folder / "story.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PEER, STORY, folder],
            env=environment(folder),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    assert process.stdout and process.stdin
    with process:
        try:
            said = next((line.split() for line in process.stdout if line.startswith("serving ")), None)
            assert said is not None, log.read_text()[-4000:]
            url = said[1]
            served, files = (json.loads((folder / f"{name}.json").read_text()) for name in ("rest", "files"))
            yield Told(
                {
                    "rest": (url, ""),
                    "sql": (f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts")),
                    "files": (str(folder / "mlruns"), ""),
                },
                {"rest": served, "sql": served, "files": files},
            )
        finally:
            process.kill()


def on_server(client: Client) -> dict[str, Any]:
    """What a server of ours has, in the form of the story's answers, but for what the import adds by itself."""
    logged = [_logged_model(client, each) for each in client.logged_models.search()]
    found: dict[str, Any] = {"experiments": [], "runs": [], "models": [], "logged": logged}
    for each in client.tracking.search_experiments(view="all"):
        if each.name != "Imported models":
            deleted = each.lifecycle_stage == "deleted"
            found["experiments"].append({"name": each.name, "deleted": deleted, "tags": _without_ours(each.tags)})
            found["runs"] += [
                _run(client, each.name, run) for run in client.tracking.search_runs([each.experiment_id], view="all")
            ]
    for model in client.registry.search_models():
        stored = client.registry.search_versions(name=model.name, order_by=["version_number DESC"])
        versions = [_version(client, each) for each in stored]
        found["models"].append(
            {
                "name": model.name,
                "description": model.description,
                "tags": dict(model.tags),
                "aliases": dict(model.aliases),
                "versions": sorted(versions, key=lambda one: one["number"]),
            }
        )
    return found


def _run(client: Client, experiment: str, run: Any) -> dict[str, Any]:
    info = run.info
    histories: dict[str, list[Any]] = {}
    measured = client.tracking.get_run(info.run_id).data.series
    for series in client.tracking.read_series(info.run_id) if measured else ():
        for time_us, step, value in zip(series.times_us, series.steps, series.values, strict=True):
            histories.setdefault(series.key, []).append([int(time_us) // 1000, int(step), repr(float(value))])
    inputs = [
        [
            one.dataset.name,
            one.dataset.digest,
            one.dataset.source_type,
            one.dataset.source,
            {each.key: each.value for each in one.tags},
        ]
        for one in run.inputs.dataset_inputs
    ]
    return {
        "experiment": experiment,
        "run_id": info.run_id,
        "name": info.run_name,
        "status": info.status,
        "user": info.user_id,
        "start": info.start_time_us // 1000,
        "end": None if info.end_time_us is None else info.end_time_us // 1000,
        "deleted": info.lifecycle_stage == "deleted",
        "params": dict(run.data.params),
        "tags": dict(run.data.tags),
        "metrics": {key: sorted(points) for key, points in histories.items()},
        "inputs": inputs,
        "reads": [one.model_id for one in run.inputs.model_inputs],
        "makes": [[one.model_id, one.step] for one in run.outputs.model_outputs],
        "files": _digests(client.artifacts.list(info.run_id, recursive=True)),
    }


def _logged_model(client: Client, model: Any) -> dict[str, Any]:
    metrics = [
        [one.run_id, one.key, one.timestamp, one.step, repr(one.value), one.dataset_name, one.dataset_digest]
        for one in model.metrics
    ]
    return {
        "model_id": model.model_id,
        "name": model.name,
        "type": model.model_type,
        "run_id": model.source_run_id,
        "status": {"UPLOAD_FAILED": "FAILED"}.get(model.status, model.status),
        "params": dict(model.params),
        "tags": _without_ours(model.tags),
        "metrics": sorted(metrics, key=str),
        "files": _digests(client.artifacts.list(model.model_id, recursive=True)),
    }


def _version(client: Client, version: Any) -> dict[str, Any]:
    manifest = client.artifacts.get_manifest(version.manifest_digest)
    return {
        "number": version.version,
        "stage": version.stage,
        "description": version.description,
        "tags": _without_ours(version.tags),
        "run_id": version.run_id,
        "files": _digests(manifest.files),
    }


def _digests(files: Any) -> dict[str, str]:
    """Without what MLflow puts beside a model that it fetches, in a folder of files into the very place of it."""
    kept = [each for each in files if each.path.rpartition("/")[2] != "registered_model_meta"]
    return {each.path: each.digest.removeprefix("sha256:") for each in kept}


def _without_ours(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not _HIDDEN.match(key)}


def imported(address: str, server: LocalServer, artifacts: str = "", **options: Any) -> Report:
    """The report of an import in this process."""

    async def run() -> Report:
        with contextlib.closing(open_source(address, artifacts)) as source:
            async with Target(server.uri, server.token) as target:
                return await import_from(source, target, Options(**options))

    return asyncio.run(run())


def command(*arguments: str, server: LocalServer, **more: str) -> subprocess.CompletedProcess[str]:
    """`trackway import mlflow …` as a process."""
    variables = {**os.environ, "TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": server.token, **more}
    return subprocess.run(
        [sys.executable, "-m", "trackway.cli.main", "import", "mlflow", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

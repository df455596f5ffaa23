"""What users do with the client, as a program: `python -m support.client_story MIB`.

The server is that of the environment, through whatever stands before it. Needs the client alone, of any version that is
supported. Asserts what it sees; the last line is JSON.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import trackway
from trackway import errors
from trackway.client import Client

POINTS = 20_000
TAGS = 200


def train() -> str:
    """A run through the uplink."""
    with trackway.start_run() as run:
        trackway.log_param("lr", 0.1)
        for step in range(POINTS):
            trackway.log_metric("loss", step / 3, step=step)
    return run.info.run_id


def check_run(client: Client, run: str) -> None:
    """That it is stored, each point once."""
    (loss,) = client.tracking.read_series(run, "loss")
    assert loss.steps.tolist() == list(range(POINTS))
    assert client.tracking.get_run(run).info.status == "FINISHED"


def refused(kind: type[errors.TrackwayError], call: Callable[[], object]) -> str:
    """The reason of a refusal of that kind."""
    try:
        call()
    except kind as error:
        return error.reason
    raise AssertionError(f"no {kind.__name__} was raised")


def check_refusals(client: Client, run: str) -> None:
    """That reasons come through, short and long ones."""
    assert refused(errors.NotFound, lambda: client.tracking.get_run("0" * 32)) == "RUN_NOT_FOUND"
    tags = {f"\n{number:040}": "value" for number in range(TAGS)}
    assert refused(errors.InvalidArgument, lambda: client.tracking.set_tags(run, tags)) == "INVALID_FIELD"


def register(client: Client, run: str) -> None:
    """A model, from files to an alias, and what a watcher sees of it."""
    registry, name = client.registry, f"model-{run}"
    client.artifacts.upload_bytes(run, b"weights", "model/weights")
    registry.create_model(name)
    number = registry.create_version(name, f"runs:/{run}/model").version
    registry.transition_stage(name, number, "Production")
    registry.set_alias(name, "champion", number, expected_version=0)
    resolved = registry.resolve(f"models:/{name}@champion")
    assert [file.path for file in resolved.manifest.files] == ["weights"]
    folder = client.artifacts.download_manifest(resolved.manifest.digest)
    assert (folder / "weights").read_bytes() == b"weights"
    kinds: list[str] = []
    for event in registry.watch(name, from_start=True):
        kinds.append(event.kind)
        if event.kind == "ALIAS_SET":
            break
    assert kinds == ["MODEL_CREATED", "VERSION_CREATED", "STAGE_CHANGED", "ALIAS_SET"]
    assert refused(errors.Conflict, lambda: registry.set_alias(name, "champion", 1, expected_version=0))


def transfer(client: Client, run: str, mebibytes: int, folder: Path) -> dict[str, float]:
    """A large file both ways. Returns seconds."""
    local = folder / "large"
    local.write_bytes(random.Random(1).randbytes(1 << 20) * mebibytes)
    begun = time.monotonic()
    stored = client.artifacts.upload_file(run, local, "large")
    uploaded = time.monotonic()
    back = client.artifacts.download(run, "large", folder / "back")
    downloaded = time.monotonic()
    found = back if back.is_file() else next(path for path in back.rglob("*") if path.is_file())
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    assert stored.digest == f"sha256:{digest}"
    assert found.stat().st_size == mebibytes << 20
    return {"upload_s": uploaded - begun, "download_s": downloaded - uploaded}


def main() -> None:
    """The whole way."""
    run = train()
    with Client() as client, tempfile.TemporaryDirectory() as folder:
        check_run(client, run)
        check_refusals(client, run)
        register(client, run)
        times = transfer(client, run, int(sys.argv[1]), Path(folder))
    versions = {name: version(name) for name in ("protobuf", "grpcio")}
    print(json.dumps({"run": run, **times, **versions}))


if __name__ == "__main__":
    main()

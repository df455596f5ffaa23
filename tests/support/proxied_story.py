"""What users do, through whatever stands before the server of the environment: `python -m support.proxied_story MIB`.

Asserts what it sees; the last line is JSON.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import pytest

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


def check_refusals(client: Client, run: str) -> None:
    """That reasons come through, short and long ones."""
    with pytest.raises(errors.NotFound) as missing:
        client.tracking.get_run("0" * 32)
    assert missing.value.reason == "RUN_NOT_FOUND"
    with pytest.raises(errors.InvalidArgument) as invalid:
        client.tracking.set_tags(run, {f"\n{number:040}": "value" for number in range(TAGS)})
    assert invalid.value.reason == "INVALID_FIELD"


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
        times = transfer(client, run, int(sys.argv[1]), Path(folder))
    print(json.dumps({"run": run, **times}))


if __name__ == "__main__":
    main()

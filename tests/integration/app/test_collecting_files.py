"""`trackway gc` after a real server: runs, experiments and files go, what others need stays, on any database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.postgres import postgres_database
from trackway.client import Client
from trackway.errors import NotFound
from trackway.testing import LocalServer

BIG = b"x" * 100_000


def gc(*arguments: str, code: int = 0, **variables: str) -> dict[str, int]:
    """What the command says in JSON; where it is refused, nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    done = subprocess.run(
        [sys.executable, "-c", "from trackway.cli.main import main; main()", "gc", "--json", *arguments],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout)) if done.stdout else {}


def filled(client: Client) -> tuple[str, str]:
    """A deleted experiment with a run whose model is registered and whose data a living run has, too; that run."""
    doomed = client.tracking.create_experiment("doomed")
    client.tracking.create_experiment("last")
    gone = client.tracking.create_run(experiment_id=doomed.experiment_id).info.run_id
    kept = client.tracking.create_run().info.run_id
    client.artifacts.upload_bytes(gone, BIG, "only/here.bin")
    client.artifacts.upload_bytes(gone, b"weights", "model/weights.bin")
    for run_id in (gone, kept):
        client.artifacts.upload_bytes(run_id, b"shared", "shared.txt")
    model = client.logged_models.create(doomed.experiment_id, name="net")
    client.artifacts.upload_bytes(model.model_id, b"weights", "weights.bin")
    client.registry.create_model("eyes")
    client.registry.create_version("eyes", f"runs:/{gone}/model")
    client.tracking.delete_experiment(doomed.experiment_id)
    return gone, kept


def check(client: Client, gone: str, kept: str, folder: Path) -> None:
    """What is left after the collection."""
    with pytest.raises(NotFound):
        client.tracking.get_run(gone)
    with pytest.raises(NotFound):
        client.tracking.get_experiment(name="doomed")
    assert not list(client.artifacts.list(gone))
    assert Path(client.artifacts.download(kept, "shared.txt", folder)).read_bytes() == b"shared"
    resolved = client.registry.resolve("models:/eyes/1")
    pinned = client.artifacts.download_manifest(resolved.manifest.digest, folder / "model")
    assert (pinned / "weights.bin").read_bytes() == b"weights"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def collected_after_a_server(
    data: Path, folder: Path, options: tuple[str, ...], variables: dict[str, str], grace: Callable[[], None]
) -> None:
    with LocalServer(data, environment=variables) as server:
        with Client(server.uri, token=server.token) as client:
            gone, kept = filled(client)
        server.terminate()
        asked = (*options, "--older-than", "0s")
        files = {"files": 4, "file_bytes": 100_000 + 7 + 6 + 7}
        gone_too = {"logged_models": 1, "experiments": 1}
        told = gc(*asked, "--dry-run")
        assert told == {
            "dry_run": True,
            "runs": 1,
            "point_bytes": 0,
            **gone_too,
            **files,
            "blobs": 1,
            "blob_bytes": 100_000,
        }
        told = gc(*asked)
        assert {name: told[name] for name in files | gone_too} == files | gone_too
        grace()
        freed = told["blob_bytes"] + gc(*asked)["blob_bytes"]
        assert freed == 100_000
        assert gc(*asked)["blobs"] == 0
        server.restart()
        with Client(server.uri, token=server.token) as client:
            check(client, gone, kept, folder)


def test_on_sqlite_files(data: Path, tmp_path: Path) -> None:
    collected_after_a_server(data, tmp_path, ("--data-dir", str(data)), {}, lambda: None)
    blobs = [path for path in (data / "blobs").rglob("*") if path.is_file()]
    assert sorted(path.stat().st_size for path in blobs) == [6, 7]


def test_on_postgresql(data: Path, tmp_path: Path) -> None:
    """Servers may run: the bytes of the last quarter of an hour stay."""
    from support.postgres import cluster

    with postgres_database() as url:

        def pass_time() -> None:
            name = url.rpartition("/")[2]
            cluster().execute("UPDATE artifacts.unused_blobs SET since_us = 1", name)

        options = ("--data-dir", str(data), "--database-url", url, "--artifacts-database-url", url)
        collected_after_a_server(data, tmp_path, options, {"TRACKWAY_DATABASE_URL": url}, pass_time)


def test_bytes_are_looked_for_where_they_are_only(data: Path) -> None:
    with LocalServer(data) as server, Client(server.uri, token=server.token) as client:
        filled(client)
    given = ("--data-dir", str(data))
    assert gc(*given, code=1, TRACKWAY_BLOB_URL="s3://bucket/prefix") == {}
    (data / "blobs").rename(data / "elsewhere")
    assert gc(*given, code=1) == {}
    (data / "artifacts.db").unlink()
    assert "files" not in gc(*given)

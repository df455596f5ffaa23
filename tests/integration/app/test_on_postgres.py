"""`trackway server` on PostgreSQL: migrated by a command of its own, refused before, and then all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackway_server
from support.postgres import cluster, postgres_database
from trackway.client import Client
from trackway.errors import AlreadyExists, InvalidArgument, NotFound
from trackway.testing import LocalServer
from trackway_server.core.db.migrate import head


@pytest.fixture
def url() -> Iterator[str]:
    with postgres_database(migrated=False) as url:
        yield url


def program(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    return subprocess.run(
        [sys.executable, "-m", "trackway_server", *arguments],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def served(url: str, folder: Path, target: str = "all") -> subprocess.CompletedProcess[str]:
    """What a server says that is to start and cannot."""
    options = ("--data-dir", str(folder), "--grpc-port", "0", "--http-port", "0", "--target", target)
    return program(*options, TRACKWAY_DATABASE_URL=url, TRACKWAY_PROFILE=str(folder / "profile.toml"))


def newest(service: str) -> str | None:
    """The revision that this version of a service migrates to."""
    return head(Path(trackway_server.__file__).parent / service / "migrations")


def revision(url: str, change: str) -> None:
    cluster().execute(f"UPDATE tracking.alembic_version SET version_num = '{change}'", url.rpartition("/")[2])


def test_a_server_never_migrates_and_says_what_does(url: str, tmp_path: Path) -> None:
    named = f"run first: trackway server migrate --target tracking --database-url {url}\n"
    assert "is not migrated" in (said := refusal(served(url, tmp_path)))
    assert said.endswith(named)
    migrated = program("migrate", "--database-url", url)
    assert migrated.returncode == 0, migrated.stderr
    assert migrated.stdout.splitlines() == [
        f"{service}: migrated to revision {newest(service)}"
        for service in ("tracking", "artifacts", "registry", "auth")
    ]
    again = program("migrate", "--target", "registry", TRACKWAY_DATABASE_URL=url)
    assert again.stdout == f"registry: is at revision {newest('registry')}\n"
    auth = program("migrate", "--target", "auth", TRACKWAY_DATABASE_URL=url)
    assert auth.stdout == f"auth: is at revision {newest('auth')}\n"
    revision(url, "9999")
    assert "was written by a newer Trackway (revision 9999)" in refusal(served(url, tmp_path))
    assert "was written by a newer Trackway (revision 9999)" in refusal(program("migrate", "--database-url", url))


def test_migrations_at_the_same_time_wait_for_one_another(url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "trackway_server", "migrate", "--database-url", url, "--target", "tracking"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = sorted(process.communicate(timeout=60)[0] for process in started)
    last = newest("tracking")
    assert said == [f"tracking: is at revision {last}\n", f"tracking: migrated to revision {last}\n"]


def test_what_cannot_be_used_is_one_line_without_the_password(tmp_path: Path) -> None:
    closed = "postgresql://me:secret@127.0.0.1:9/none"
    for said in (refusal(served(closed, tmp_path)), refusal(program("migrate", "--database-url", closed))):
        assert "cannot use the database postgresql://me:***@127.0.0.1:9/none" in said
        assert "secret" not in said
    assert "say which database" in refusal(program("migrate"))
    assert "not understood" in refusal(program("migrate", "--database-url", "sqlite:///x.db"))


def test_everything_works_as_on_sqlite(tmp_path: Path) -> None:
    with (
        postgres_database() as url,
        LocalServer(tmp_path / "data", environment={"TRACKWAY_DATABASE_URL": url}) as server,
        Client(server.uri, token=server.token) as client,
    ):
        assert not list(server.data_dir.glob("*.db"))
        experiment = client.tracking.create_experiment("on postgres")
        run_id = client.tracking.create_run(experiment_id=experiment.experiment_id).info.run_id
        client.tracking.log_params(run_id, {"lr": "0.1"})
        client.tracking.set_tags(run_id, {"ü": "✓"})
        with pytest.raises(InvalidArgument, match=r"U\+0000"):
            client.tracking.set_tags(run_id, {"tag": "a\0b"})
        client.artifacts.upload_bytes(run_id, b"weights", "model/weights.bin")
        client.registry.create_model("digits")
        version = client.registry.create_version("digits", f"runs:/{run_id}/model")
        client.registry.transition_stage("digits", version.version, "Production")
        resolved = client.registry.resolve("models:/digits/Production")
        assert [file.path for file in resolved.manifest.files] == ["weights.bin"]
        assert client.tracking.get_run(run_id).data.params == {"lr": "0.1"}
        with pytest.raises(AlreadyExists):
            client.tracking.create_experiment("on postgres")
        with pytest.raises(NotFound):
            client.registry.get_version("digits", 2**31 - 1)
        client.auth.create_principal("ann", "USER")
        key = client.auth.create_key("ann", name="mine")
        server.restart()
        assert client.tracking.get_experiment(name="on postgres") == experiment
        assert [each.key_id for each in client.auth.list_keys("ann")] == [key.key.key_id]

"""Imports from databases and folders as MLflow keeps them, into a real server: killed, repeated, with more since."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from benchmarks.mlflow_database import write_database

from support.imported import command, imported
from support.mlflow_tables import copy_to_postgres
from support.postgres import postgres_database
from trackway.client import Client
from trackway.errors import TrackwayError
from trackway.importing import rest_calls
from trackway.importing.opening import open_source
from trackway.testing import LocalServer

pytestmark = pytest.mark.xdist_group("importing")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as one:
        yield one


def shifted(file: Path, first: int) -> None:
    """Give the runs of a database ids that no other test has."""
    with closing(sqlite3.connect(file)) as database, database:
        for table in ("runs", "metrics", "params", "tags"):
            database.execute(f"UPDATE {table} SET run_uuid = ? || substr(run_uuid, 9)", (f"{first:08x}",))


def points_of(client: Client, run_id: str, key: str) -> list[tuple[int, int, float]]:
    found: list[tuple[int, int, float]] = []
    for series in client.tracking.read_series(run_id, key):
        found += zip(series.times_us.tolist(), series.steps.tolist(), series.values.tolist(), strict=True)
    return sorted(found)


def test_a_database_of_mlflow_1(tmp_path: Path, server: LocalServer, client: Client) -> None:
    file = tmp_path / "old.db"
    write_database(file, runs=2, metrics=2, points=5, old=True)
    shifted(file, 1)
    with closing(sqlite3.connect(file)) as database, database:
        odd = [(0.0, 90, 1), (1.7976931348623157e308, 91, 0), (-1.7976931348623157e308, 92, 0)]
        run = f"{1:08x}{1:024x}"
        for value, step, is_nan in odd:
            database.execute("INSERT INTO metrics VALUES ('odd', ?, 7, ?, ?, ?)", (value, run, step, is_nan))
    report = imported(f"sqlite:///{file}", server)
    assert (report.complete, report.counts["points_sent"], report.counts["runs"]) == (True, 23, 2)
    (odd_ones,) = client.tracking.read_series(run, "odd")
    assert np.array_equal(odd_ones.values, [np.nan, np.inf, -np.inf], equal_nan=True)
    assert points_of(client, run, "metric 1") == [
        (1000 * (1_700_000_000_000 + 17 * step), step, 1 / (step + 1)) for step in range(5)
    ]
    found = client.tracking.get_run(run)
    assert (found.info.status, found.info.user_id, found.data.params) == ("FINISHED", "ann", {"lr": str(1 / 7)})
    assert (found.info.start_time_us, found.info.end_time_us) == (1_700_000_000_001_000, 1_700_000_100_001_000)


def test_what_has_come_since_comes_alone(tmp_path: Path, server: LocalServer, client: Client) -> None:
    file, run = tmp_path / "growing.db", f"{2:08x}{1:024x}"
    write_database(file, runs=1, metrics=1, points=4)
    shifted(file, 2)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE runs SET status = 'RUNNING', end_time = NULL")
        database.execute("UPDATE latest_metrics SET run_uuid = ?", (run,))
    address = f"sqlite:///{file}"
    assert imported(address, server).counts["points_sent"] == 4
    for generation in range(1, 4):
        with closing(sqlite3.connect(file)) as database, database:
            early, late = 1_600_000_000_000 + generation, 1_800_000_000_000 + generation
            for timestamp in (early, late):  # before and after what is there
                database.execute(
                    "INSERT INTO metrics VALUES ('metric 0', 0.5, ?, ?, ?, 0)", (timestamp, run, generation)
                )
            database.execute("INSERT INTO params VALUES (?, 'v', ?)", (f"p{generation}", run))
            database.execute("UPDATE tags SET value = ? WHERE run_uuid = ?", (f"user {generation}", run))
        report = imported(address, server)
        assert (report.complete, report.counts["points_sent"]) == (True, 2), report.misses
        assert imported(address, server).counts["records_sent"] == 0
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE runs SET status = 'FAILED', end_time = 1900000000000, name = 'renamed'")
        database.execute("UPDATE params SET value = 'other' WHERE key = 'p1'")
    report = imported(address, server)
    assert [each.what for each in report.misses] == ["param 'p1'"]
    found = client.tracking.get_run(run)
    assert (found.info.status, found.info.end_time_us) == ("FAILED", 1_900_000_000_000_000)
    assert (found.info.run_name, found.data.tags["mlflow.user"]) == ("renamed", "user 3")
    assert {"p1", "p2", "p3"} < set(found.data.params)
    with closing(sqlite3.connect(file)) as database:
        held = database.execute("SELECT timestamp * 1000, step, value FROM metrics").fetchall()
    assert points_of(client, run, "metric 0") == sorted(held)


def test_an_import_that_is_killed_is_run_again(tmp_path: Path) -> None:
    file = tmp_path / "killed.db"
    write_database(file, runs=30, metrics=3, points=400)
    with LocalServer() as server, Client(server.uri, token=server.token) as client:
        variables = {**os.environ, "TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": server.token}
        arguments = [sys.executable, "-m", "trackway.cli.main", "import", "mlflow", f"sqlite:///{file}"]
        process = subprocess.Popen(arguments, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and sum(1 for _ in client.tracking.search_runs()) < 5:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        report = imported(f"sqlite:///{file}", server)
        assert (report.complete, report.counts["runs"]) == (True, 30)
        runs = list(client.tracking.search_runs())
        assert {run.info.status for run in runs} == {"FINISHED"}
        assert sorted(run.info.run_id for run in runs) == [f"{number:032x}" for number in range(1, 31)]
        for run in runs:
            assert {each.key: each.count for each in run.data.series} == {f"metric {n}": 400 for n in range(3)}
        assert imported(f"sqlite:///{file}", server).counts["records_sent"] == 0


def test_files_of_a_folder_and_what_cannot_come(tmp_path: Path, server: LocalServer, client: Client) -> None:
    runs, run_id = tmp_path / "mlruns", f"{3:08x}{1:024x}"
    run = runs / "7" / run_id
    (run / "artifacts" / "plots").mkdir(parents=True)
    (runs / "7" / "meta.yaml").write_text(
        "experiment_id: '7'\nname: by files\nartifact_location: file:///elsewhere/7\n"
    )
    (run / "meta.yaml").write_text(
        f"run_id: {run_id}\nrun_name: ''\nstatus: 3\nstart_time: 5\nend_time: null\n"
        f"lifecycle_stage: active\nartifact_uri: file:///elsewhere/7/{run_id}/artifacts\n"
    )
    for folder in ("metrics/a", "params", "tags"):
        (run / folder).mkdir(parents=True)
    (run / "metrics" / "a" / "b").write_text("3 0.5 1\n2 nan 0\n2 inf 0 digits d1\n3 0.5 1\n")
    (run / "params" / "bad\nkey").write_text("1")
    (run / "params" / "good").write_text("2")
    (run / "artifacts" / "plots" / "a.txt").write_text("a")
    (run / "artifacts" / "what?.txt").write_text("b")
    (run / "artifacts" / "pic%step%0.txt").write_text("c")  # so MLflow 2 calls images
    (run / "artifacts" / "secret").symlink_to("/etc/hostname")
    report = imported(str(runs), server)
    assert {(each.what, each.where.rpartition("/")[2]) for each in report.misses} == {
        ("param 'bad\\nkey'", f"run {run_id}"),
        ("file", "what?.txt"),
        ("file", "secret"),
    }
    assert [each.path for each in client.artifacts.list(run_id, recursive=True)] == [
        "pic⁒step⁒0.txt",
        "plots/a.txt",
    ]
    found = client.tracking.get_run(run_id)
    assert (found.data.params, found.info.status, found.info.end_time_us) == ({"good": "2"}, "FINISHED", 5000)
    contexts = {json.dumps(dict(each.context), sort_keys=True): each.count for each in found.data.series}
    assert contexts == {"{}": 3, '{"dataset_digest": "d1", "dataset_name": "digits"}': 1}
    done = command(str(runs), server=server)
    assert done.returncode == 3
    assert "3 things could not come" in done.stdout and "leads out of its folder" in done.stdout


def test_errors_are_one_sentence(tmp_path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_calls, "ATTEMPTS", 1)
    (tmp_path / "empty").mkdir()
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("CREATE TABLE runs (x)")
    (tmp_path / "no.db").write_text("no database" * 100)
    for address, told in {
        "ftp://example.org": "no address of MLflow",
        "http://127.0.0.1:1": "cannot be reached",
        server.http_url + "/nothing": "does not answer as an MLflow server",
        server.http_url: "wants other credentials",
        f"sqlite:///{tmp_path}/missing.db": "there is no file",
        f"sqlite:///{tmp_path}/other.db": "no database of MLflow",
        f"sqlite:///{tmp_path}/no.db": "cannot be read",
        "postgresql://ann:secret@127.0.0.1:1/mlflow": "cannot be read",
        str(tmp_path / "empty"): "is no folder of MLflow",
        str(tmp_path / "nowhere"): "there is no folder",
        str(tmp_path / "no.db"): "is a file",
    }.items():
        with pytest.raises(TrackwayError) as refused:
            open_source(address)
        assert told in refused.value.message and "\n" not in refused.value.message, refused.value
        assert "secret" not in refused.value.message
    write_database(tmp_path / "good.db", runs=1, metrics=0, points=0)
    with pytest.raises(TrackwayError, match="has no experiment 'unknown'"):
        imported(f"sqlite:///{tmp_path}/good.db", server, experiments=("unknown",))
    done = command(f"sqlite:///{tmp_path}/good.db", server=server, TRACKWAY_TOKEN="tw_wrong")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr


def test_what_is_ours_can_be_read_as_mlflows(server: LocalServer, client: Client, monkeypatch: Any) -> None:
    """Our own gateway is a source, too, as far as it speaks MLflow's REST API."""
    assert httpx.get(server.http_url + "/healthz").status_code == 200
    run = client.tracking.create_run(experiment_name="of ours", run_name="ours", start_time_us=7_000_000)
    client.tracking.log_params(run.info.run_id, {"p": "q"})
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token)
    with LocalServer() as other:
        report = imported(server.http_url, other, experiments=("of ours",))
        assert report.counts["runs"] == 1
        with Client(other.uri, token=other.token) as there:
            found = there.tracking.get_run(run.info.run_id)
        assert (found.info.run_name, found.data.params) == ("ours", {"p": "q"})


def test_the_same_from_a_database_of_postgresql(tmp_path: Path, server: LocalServer) -> None:
    """Read-only, by a cursor of the server's, in the same order whatever the collation: nothing comes twice."""
    file = tmp_path / "moved.db"
    write_database(file, runs=3, metrics=2, points=50)
    shifted(file, 4)
    with closing(sqlite3.connect(file)) as database, database:
        for key in ("Upper", "lower", "é", "a/b"):
            row = (key, f"{4:08x}{1:024x}")
            database.execute("INSERT INTO metrics VALUES (?, 1.7976931348623157e308, 5, ?, 0, 0)", row)
    with postgres_database(migrated=False) as url:
        copy_to_postgres(file, url)
        first = imported(url, server)
        assert (first.complete, first.counts["points_sent"]) == (True, 304), first.misses
        assert imported(f"sqlite:///{file}", server).counts["records_sent"] == 0
        with pytest.raises(TrackwayError, match="cannot be read") as refused:
            imported(url.rpartition("/")[0] + "/no_such_database", server)
        assert "\n" not in refused.value.message

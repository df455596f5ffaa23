"""Folders and databases that somebody has made to do harm: what is malformed is told of, and the rest comes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from benchmarks.mlflow_database import write_database

from support.imported import command, imported
from support.mlflow_tables import write_logged_models
from trackway.client import Client
from trackway.errors import Unsupported
from trackway.importing import files_of
from trackway.importing.buckets import NOT_ALLOWED, Buckets, own_root
from trackway.importing.files import FilesSource
from trackway.importing.opening import open_source
from trackway.importing.places import S3Folder
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


def run_of(runs: Path, number: int, meta: str = "start_time: 5\nend_time: 6\n") -> Path:
    run = runs / "7" / f"{number:032x}"
    (run / "metrics").mkdir(parents=True)
    (runs / "7" / "meta.yaml").write_text("experiment_id: '7'\nname: hostile files\n")
    (run / "meta.yaml").write_text(f"run_id: {run.name}\nstatus: 3\n{meta}")
    return run


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_a_folder_full_of_traps(tmp_path: Path, server: LocalServer, client: Client) -> None:
    runs = tmp_path / "mlruns"
    metas = {
        1: BOMB,
        2: "x: " + "[" * 50_000,
        3: "note: " + "y" * (2 << 20),
        4: "start_time: {a: b}\nend_time: 99999999999999999999999\n",
        5: "start_time: " + "9" * 5000 + "\n",
        6: "user_id: [a, list]\n",
        7: "x: !!python/object/apply:os.system ['true']\n",
    }
    base = 0xE0 << 120
    for number, meta in metas.items():
        run_of(runs, base + number, meta)
    (run_of(runs, base + 8) / "meta.yaml").write_bytes(bytes(range(256)) * 4)
    os.mkfifo(run_of(runs, base + 9) / "metrics" / "pipe")
    fine = run_of(runs, base + 10)
    for folder in ("params", "tags"):
        (fine / folder).mkdir()
    (fine / "params" / "binary").write_bytes(b"\xff\xfeok")
    (fine / "params" / "huge").write_bytes(b"x" * (8 << 20))
    (Path(os.fsdecode(bytes(fine / "params") + b"/\xff"))).write_text("no text")
    (fine / "tags" / "good").write_text("1")
    points = [
        "3 0.5 1",
        "garbage",
        "4 zero 2",
        "99999999999999999999999 1 2",
        "9000000000000000000 1 3",
        "5 1.0 99999999999999999999",
        "6 1e999 7",
        "7 nan 8",
        "x" * 200_000,
        "8 -1.5 9",
    ]
    (fine / "metrics" / "m").write_text("\n".join(points))
    (runs / "8").symlink_to("/")
    (runs / "9").mkdir()
    (runs / "9" / "meta.yaml").write_text(BOMB)
    for _ in range(2):
        report = imported(str(runs), server)
        told = {(each.what, each.where.rpartition("/")[2]): each.reason for each in report.misses}
        for number in (1, 2, 3, 5, 7, 8):
            assert ("run", f"{base + number:032x}") in told, number
        assert "aliases" in told["run", f"{base + 1:032x}"]
        assert ("start time", f"run {base + 4:032x}") in told and ("end time", f"run {base + 4:032x}") in told
        assert ("run", f"{base + 6:032x}") in told
        assert ("experiment", "9") in told
        where = f"run {fine.name}"
        assert told["metric 'm'", where] == "6 of its points are malformed"
        assert {what for what, at in told if at == where} == {"metric 'm'", "param 'huge'", r"param '\udcff'"}
    found = client.tracking.get_run(fine.name)
    assert (dict(found.data.params), found.data.tags["good"]) == ({"binary": "��ok"}, "1")
    (series,) = client.tracking.read_series(fine.name, "m")
    assert [repr(float(value)) for value in series.values] == ["0.5", "inf", "nan", "-1.5"]
    assert client.tracking.get_run(f"{base + 4:032x}").info.status == "FINISHED"
    done = command(str(runs), server=server)
    assert (done.returncode, done.stderr) == (3, "")


def test_a_database_full_of_traps(tmp_path: Path, server: LocalServer, client: Client) -> None:
    file = tmp_path / "traps.db"
    write_database(file, runs=3, metrics=1, points=4)
    ids = write_logged_models(file, tmp_path / "files", models=3)
    one, two, three = (f"{number:032x}" for number in range(1, 4))
    with closing(sqlite3.connect(file)) as database, database:
        put = database.execute
        put("UPDATE runs SET start_time = 'then', end_time = 9e30 WHERE run_uuid = ?", (one,))
        put("UPDATE runs SET name = x'ff00fe' WHERE run_uuid = ?", (two,))
        for row in (("bad", "text", 5, one, 1, 0), ("bad", 1.0, "when", one, 2, 0), ("bad", 2.0, 2**62, one, 3, 0)):
            put("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", row)
        put("INSERT INTO metrics VALUES ('bad', 3.0, 5, ?, 4, 0)", (one,))
        put("INSERT INTO params VALUES ('blob', x'ff41', ?)", (three,))
        put("UPDATE logged_models SET creation_timestamp_ms = 'soon', status = 'ready' WHERE model_id = ?", (ids[1],))
        put("UPDATE logged_models SET artifact_location = 's3://secrets/of/others' WHERE model_id = ?", (ids[2],))
        put("UPDATE logged_model_metrics SET metric_value = 'much' WHERE model_id = ?", (ids[0],))
        put("UPDATE model_versions SET creation_time = 'never'")
    for _ in range(2):
        report = imported(f"sqlite:///{file}", server)
        told = {(each.what, each.where): each for each in report.misses}
        assert set(told) == {
            ("start time", f"run {one}"),
            ("end time", f"run {one}"),
            ("metric 'bad'", f"run {one}"),
            ("metric 'score'", f"run {one}"),
            ("creation time", f"logged model {ids[1]}"),
            ("status", f"logged model {ids[1]}"),
            ("files", f"logged model {ids[2]}"),
            ("creation time", "version 1 of registered"),
        }
        assert told["metric 'bad'", f"run {one}"].reason == "3 of its points are malformed"
        assert told["files", f"logged model {ids[2]}"].code == NOT_ALLOWED
    assert client.tracking.get_run(three).data.params["blob"] == "�A"
    (series,) = client.tracking.read_series(one, "bad")
    assert series.values.tolist() == [3.0]
    assert client.tracking.get_run(two).info.status == "FINISHED"


def test_a_database_with_broken_pages_gives_what_it_can(tmp_path: Path, server: LocalServer) -> None:
    file = tmp_path / "broken.db"
    write_database(file, runs=4, metrics=4, points=500)
    content = bytearray(file.read_bytes())
    for page in range(len(content) // 4096 // 3, len(content) // 4096, 7):
        content[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    file.write_bytes(content)
    done = command(f"sqlite:///{file}", server=server)
    assert done.returncode in {1, 3} and "Traceback" not in done.stderr, done.stderr


def test_buckets_are_read_only_where_the_source_lies_or_the_user_says_so(tmp_path: Path) -> None:
    allowed = Buckets([own_root("s3://ours/mlflow/0"), "s3://more", "/a/folder", ""])
    for uri in ("s3://ours/mlflow/7/run/artifacts", "s3://ours/mlflow", "s3://more/anything"):
        assert isinstance(allowed.place(uri), S3Folder)
    for uri in ("s3://ours/other", "s3://ours/mlflow2/x", "s3://our", "s3://others/mlflow/1", "s3://ours/mlflo%77x"):
        with pytest.raises(Unsupported, match="--artifacts-from") as refused:
            allowed.place(uri)
        assert refused.value.reason == NOT_ALLOWED
    file = tmp_path / "s3.db"
    write_database(file, runs=1, metrics=0, points=0)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE experiments SET artifact_location = 's3://root/x/0' WHERE experiment_id = 0")
        database.execute("UPDATE experiments SET artifact_location = 's3://named-by-a-user' WHERE experiment_id = 1")
    for source, read, refused_uri in (
        (open_source(f"sqlite:///{file}"), "s3://root/x/1/run", "s3://named-by-a-user/run"),
        (open_source(f"sqlite:///{file}", allowed=("s3://named-by-a-user",)), "s3://named-by-a-user/run", "s3://z"),
        (open_source(f"sqlite:///{file}", "s3://artifacts"), "s3://artifacts/run", "s3://named-by-a-user/run"),
    ):
        with closing(source):
            assert isinstance(source.files(read), S3Folder)
            with pytest.raises(Unsupported, match="below the source's own root"):
                source.files(refused_uri)


def test_folders_that_are_allowed_are_read(tmp_path: Path) -> None:
    run_of(tmp_path / "in" / "mlruns", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("x")
    with pytest.raises(Unsupported, match="--artifacts-from"):
        FilesSource(tmp_path / "in" / "mlruns").files(str(tmp_path / "out"))
    source = FilesSource(tmp_path / "in" / "mlruns", allowed=(str(tmp_path / "out"),))
    assert [each.path for each in source.files(str(tmp_path / "out")).walk()] == ["file"]


def test_a_run_with_files_without_end_gives_some(
    tmp_path: Path, server: LocalServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_of, "MOST_FILES", 2)
    run = run_of(tmp_path / "mlruns", 0xE1 << 120)
    (run / "artifacts").mkdir()
    for number in range(5):
        (run / "artifacts" / f"{number}").write_text("x")
    report = imported(str(tmp_path / "mlruns"), server)
    assert [each.reason for each in report.misses] == ["there are more than 2 of them"]
    assert [each.path for each in client.artifacts.list(run.name)] == ["0", "1"]

"""Registered models of a folder, as MLflow keeps them there: numbers, files from elsewhere, and what cannot come."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.imported import imported
from trackway.client import Client
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


def write(folder: Path, name: str, versions: dict[int, Path], **tags: str) -> None:
    """A model of which each version has its files in a folder of its own."""
    model = folder / "models" / name
    for file, text in {
        "meta.yaml": f"name: {name}\ndescription: about {name}\n",
        **{f"tags/{key}": value for key, value in tags.items()},
        "aliases/first": str(min(versions)),
        "aliases/last": str(max(versions)),
    }.items():
        (model / file).parent.mkdir(parents=True, exist_ok=True)
        (model / file).write_text(text)
    for number, place in versions.items():
        (model / f"version-{number}").mkdir()
        meta = f"version: {number}\nsource: {place}\ncurrent_stage: Staging\nuser_id: ann\ndescription: v{number}\n"
        meta += "run_link: https://elsewhere/run\n"
        (model / f"version-{number}" / "meta.yaml").write_text(meta)


def test_versions_keep_their_numbers_and_those_without_files_are_told(
    tmp_path: Path, server: LocalServer, client: Client
) -> None:
    runs, places = tmp_path / "mlruns", {}
    for number in (2, 3, 5, 7):
        places[number] = tmp_path / "place" / str(number)
        if number != 5:
            places[number].mkdir(parents=True)
            (places[number] / "MLmodel").write_text(f"number {number}")
    write(runs, "kept", places, team="a", **{"bad\nkey": "b"})
    write(runs, "prompt", {1: places[2]}, **{"mlflow.prompt.is_prompt": "true"})
    for _ in range(2):
        report = imported(str(runs), server)
        assert {(each.what, each.where) for each in report.misses} == {
            ("version", "version 5 of kept"),
            ("tag 'bad\\nkey'", "model kept"),
        }
        assert report.left_out == {"prompts": 1}
        model = client.registry.get_model("kept")
        assert (model.description, dict(model.tags)) == ("about kept", {"team": "a"})
        assert dict(model.aliases) == {"first": 2, "last": 7}
        versions = {each.version: each for each in client.registry.search_versions(name="kept")}
        assert {number: (each.stage, each.description) for number, each in versions.items()} == {
            number: ("Staging", f"v{number}") for number in (2, 3, 7)
        }
        assert versions[7].tags["trackway.import.user"] == "ann"
        assert versions[7].run_link == "https://elsewhere/run"
        assert versions[7].source.startswith(f"runs:/{versions[7].run_id}/registered_models/kept/7-")
    holder = client.tracking.get_run(versions[7].run_id)
    assert (holder.info.run_name, holder.info.status) == ("kept", "FINISHED")
    places[5].mkdir()
    (places[5] / "MLmodel").write_text("found again")
    report = imported(str(runs), server)  # its number was used up, for 7 to keep its own
    assert report.version_numbers == {"kept": {5: 8}}


def test_a_model_that_is_there_goes_on_counting(tmp_path: Path, server: LocalServer, client: Client) -> None:
    run = client.tracking.create_run(run_name="of ours")
    client.artifacts.upload_bytes(run.info.run_id, b"ours", "model/MLmodel")
    client.registry.create_model("shared")
    client.registry.create_version("shared", f"runs:/{run.info.run_id}/model")
    place = tmp_path / "place"
    place.mkdir()
    (place / "MLmodel").write_text("theirs")
    write(tmp_path / "mlruns", "shared", {1: place, 4: place})
    for _ in range(2):
        report = imported(str(tmp_path / "mlruns"), server)
        assert report.complete, report.misses
        assert report.version_numbers == {"shared": {1: 2, 4: 3}}
        assert dict(client.registry.get_model("shared").aliases) == {"first": 2, "last": 3}
        assert sorted(each.version for each in client.registry.search_versions(name="shared")) == [1, 2, 3]


def test_versions_of_two_mlflows_whose_models_have_one_name_come_both_and_once(
    tmp_path: Path, server: LocalServer, client: Client
) -> None:
    for which in ("a", "b"):
        runs, run_id = tmp_path / which, f"{which}{7:031x}"
        files = runs / "0" / run_id / "artifacts"
        (files / "model").mkdir(parents=True)
        (files / "model" / "MLmodel").write_text(f"of {which}")
        (runs / "0" / "meta.yaml").write_text(f"experiment_id: '0'\nname: by {which}\nartifact_location: {runs}/0\n")
        (files.parent / "meta.yaml").write_text(
            f"run_id: {run_id}\nrun_name: r\nstatus: 3\nstart_time: 5\nend_time: 6\nlifecycle_stage: active\n"
            f"artifact_uri: {files}\n"
        )
        write(runs, "twice", {1: files / "model"})
        with (runs / "models" / "twice" / "version-1" / "meta.yaml").open("a") as meta:
            meta.write(f"run_id: {run_id}\n")
    for _ in range(2):
        for which, numbers in (("a", {}), ("b", {"twice": {1: 2}})):
            report = imported(str(tmp_path / which), server)
            assert report.complete, report.misses
            assert report.version_numbers == numbers
    versions = {each.version: each.run_id[0] for each in client.registry.search_versions(name="twice")}
    assert versions == {1: "a", 2: "b"}


def test_versions_from_elsewhere_of_two_mlflows_are_never_taken_for_one_another(
    tmp_path: Path, server: LocalServer, client: Client
) -> None:
    """The same model, number, path and size, and yet other files."""
    for which in ("a", "b"):
        place = tmp_path / which / "place"
        place.mkdir(parents=True)
        (place / "MLmodel").write_text(f"of {which}")
        write(tmp_path / which / "mlruns", "alike", {1: place})
    for _ in range(2):
        for which, numbers in (("a", {}), ("b", {"alike": {1: 2}})):
            report = imported(str(tmp_path / which / "mlruns"), server)
            assert report.complete, report.misses
            assert report.version_numbers == numbers
    versions = {each.version: each for each in client.registry.search_versions(name="alike")}
    found = {number: client.artifacts.get_manifest(each.manifest_digest).files for number, each in versions.items()}
    wanted = {number: hashlib.sha256(f"of {which}".encode()).hexdigest() for number, which in ((1, "a"), (2, "b"))}
    assert {number: files[0].digest for number, files in found.items()} == {
        number: f"sha256:{digest}" for number, digest in wanted.items()
    }


def test_files_that_have_changed_come_again_though_their_size_is_the_same(
    tmp_path: Path, server: LocalServer, client: Client
) -> None:
    run = tmp_path / "mlruns" / "0" / f"c{8:031x}"
    (run / "artifacts").mkdir(parents=True)
    (run.parent / "meta.yaml").write_text("experiment_id: '0'\nname: rewritten\n")
    (run / "meta.yaml").write_text(f"run_id: {run.name}\nstatus: 3\nstart_time: 5\nend_time: 6\n")
    for text, sent in (("one", 1), ("two", 1), ("two", 0)):
        (run / "artifacts" / "notes.txt").write_text(text)
        assert imported(str(tmp_path / "mlruns"), server).counts["files_sent"] == sent
        assert client.artifacts.download(run.name, "notes.txt", tmp_path / "fetched").read_text() == text

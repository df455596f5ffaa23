"""Where files of a source lie: buckets, folders, and what leads out of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from support.seaweed import ACCESS_KEY, BUCKET, SECRET_KEY, Seaweed, new_prefix, s3_client
from trackway.errors import InvalidArgument, NotFound, TrackwayError, Unsupported
from trackway.importing.files import FilesSource
from trackway.importing.mlflow_artifacts import ArtifactRoot
from trackway.importing.places import place_of


async def test_a_bucket(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = new_prefix()
    files = {"model/MLmodel": b"m" * 3_000_000, "notes/é x.txt": b"", "top.txt": b"t"}
    async with s3_client(seaweed.endpoint) as client:
        for path, content in files.items():
            await client.put_object(Bucket=BUCKET, Key=f"{prefix}/1/run/artifacts/{path}", Body=content)
    variables = {
        "MLFLOW_S3_ENDPOINT_URL": seaweed.endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def read() -> None:
        for place in (
            place_of(f"s3://{BUCKET}/{prefix}/1/run/artifacts"),
            ArtifactRoot(f"s3://{BUCKET}/{prefix}").place("mlflow-artifacts:/1/run/artifacts"),
        ):
            found = list(place.walk())
            assert {each.path: each.size for each in found} == {path: len(each) for path, each in files.items()}
            for path, content in files.items():
                with place.open(path) as stream:
                    assert stream.read() == content
        with pytest.raises(NotFound, match="cannot be read"):
            place_of(f"s3://{BUCKET}/{prefix}").open("nothing")
        with pytest.raises(InvalidArgument, match="more than the 3 bytes"):
            place_of(f"s3://{BUCKET}/{prefix}/1/run/artifacts").open("model/MLmodel", 3)

    await asyncio.to_thread(read)


def test_what_cannot_be_reached_says_what_to_do(tmp_path: Path) -> None:
    for root, uri, told in (
        ("", "mlflow-artifacts:/1/run/artifacts", "--artifacts"),
        (str(tmp_path), "mlflow-artifacts:/1/../../etc", "leads out"),
        ("", "gs://bucket/x", "cannot be reached"),
        ("", str(tmp_path / "a/b/c/d/e"), "is not on this machine"),
    ):
        with pytest.raises(Unsupported, match=told) as refused:
            ArtifactRoot(root).place(uri)
        assert "\n" not in refused.value.message


def test_a_source_cannot_have_folders_read_that_are_not_its_own(tmp_path: Path) -> None:
    """Whoever may make an experiment in MLflow may name any folder as its place."""
    home = tmp_path / "home"
    for folder in ("mlruns/1/a/artifacts", "mlruns/.trash/2", ".ssh", "other/1/a/artifacts"):
        (home / folder).mkdir(parents=True)
        (home / folder / "file").write_text("x")
    (tmp_path / "out").mkdir()
    (home / "mlruns" / "link").symlink_to(tmp_path / "out")
    (home / "mlruns" / "hidden").symlink_to(home / ".ssh")
    by_source, by_user = ArtifactRoot("", base=home), ArtifactRoot(str(tmp_path / "out"), base=home)
    for own in (
        "mlruns/1/a/artifacts",
        "mlruns/.trash/2",
        str(home / "other/1/a/artifacts"),
        (home / "mlruns").as_uri(),
    ):
        assert list(by_source.place(own).walk())
    for uri, told in (
        (str(tmp_path / "out"), "is not below"),
        ("/etc", "is not below"),
        ("file:///etc", "is not below"),
        ("mlruns/../../out", "is not below"),
        (str(home / "mlruns" / "link"), "is not below"),
        ("mlruns/hidden", "is hidden"),
        (str(home / ".ssh"), "is hidden"),
    ):
        with pytest.raises(Unsupported, match=told):
            by_source.place(uri)
    assert list(by_user.place(str(tmp_path / "out")).walk()) == []
    for root in ("", str(home / "mlruns"), "s3://bucket/x"):
        with pytest.raises(Unsupported, match="--artifacts"):
            ArtifactRoot(root).place(str(tmp_path / "out"))
    with pytest.raises(Unsupported, match="is not below"):
        ArtifactRoot(str(home / "mlruns")).place("mlflow-artifacts:/link")


def hostile_run(runs: Path, home: str) -> Path:
    run = runs / "7" / f"{9:032x}"
    run.mkdir(parents=True)
    (runs / "7" / "meta.yaml").write_text(f"experiment_id: '7'\nname: hostile\nartifact_location: {home}\n")
    meta = f"run_id: {run.name}\nstatus: 3\nstart_time: 5\nartifact_uri: {home}/../../out\n"
    (run / "meta.yaml").write_text(meta)
    return run


def test_a_folder_of_mlflow_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text("y")
    run = hostile_run(tmp_path / "in" / "mlruns", "/srv/7")
    source = FilesSource(tmp_path / "in" / "mlruns")
    (found,) = source.runs("7")
    with pytest.raises(Unsupported, match="is not below"):
        source.files("/srv/7/../../../out", found.run_id)
    told: list[tuple[str, str]] = []
    source.refused = lambda what, where, reason: told.append((what, reason))
    links = {
        "params": ("out", "params"),
        "tags/k": ("out/secret", "tag 'k'"),
        "metrics/m": ("out/secret", "metric 'm'"),
    }
    for name, (target, what) in links.items():
        link = run / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(tmp_path / target)
        told.clear()
        (found,) = source.runs("7")
        assert (list(source.metrics(found)), dict(found.params), dict(found.tags)) == ([], {}, {})
        assert {each[0] for each in told} == {what} and "link" in told[0][1]
        link.unlink()
    (run / "artifacts").symlink_to(tmp_path / "out")
    with pytest.raises(Unsupported, match="is not below"):
        source.files("", found.run_id)


def test_a_folder_that_is_not_made_yet_is_empty_and_links_that_lead_out_are_told(tmp_path: Path) -> None:
    assert list(place_of(str(tmp_path / "1" / "run" / "artifacts")).walk()) == []
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("x")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text("y")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "own").symlink_to(tmp_path / "in" / "file")
    found = {each.path: (each.size, each.problem) for each in place_of((tmp_path / "in").as_uri()).walk()}
    assert found == {
        "file": (1, ""),
        "own": (1, ""),
        "folder": (0, "it is a link that leads out of its folder"),
        "loop": (0, "it is no regular file"),
    }
    with pytest.raises((TrackwayError, OSError)):
        place_of(str(tmp_path / "in")).open("absent")

"""Where files of a source lie: buckets, folders, and what leads out of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from support.seaweed import ACCESS_KEY, BUCKET, SECRET_KEY, Seaweed, new_prefix, s3_client
from trackway.errors import TrackwayError, Unavailable, Unsupported
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
        with pytest.raises(Unavailable, match="cannot be read"):
            place_of(f"s3://{BUCKET}/{prefix}").open("nothing")

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

"""Checkpoints that a trainer wrote become logged models of its run: once each, whatever is repeated or interrupted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import trackway
from trackway import Client
from trackway._fluent import checkpoints as written
from trackway.entities import LoggedModelOutput
from trackway.errors import InvalidArgument, NotFound, Unavailable

pytestmark = pytest.mark.usefixtures("spools")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the loggers of Transformers and Lightning leave: folders and files, and something hidden."""
    root = tmp_path / "out"
    for step in (1000, 500):
        shards = root / f"checkpoint-{step}" / "shards"
        shards.mkdir(parents=True)
        (shards / "model-00001.bin").write_bytes(bytes([step % 251]) * step)
        (shards.parent / "config.json").write_text(f'{{"step": {step}}}')
    (root / "epoch=3-step=750.ckpt").write_bytes(b"lightning")
    (root / ".lock").write_text("")
    return root


def test_each_checkpoint_is_a_model_with_its_step_and_files(client: Client, folder: Path, tmp_path: Path) -> None:
    with trackway.start_run() as run:
        models = run.log_checkpoints(folder, prefix="net ")
        again = trackway.log_checkpoints(str(folder), prefix="net ")
    assert again == models
    assert [model.name for model in models] == [
        "net checkpoint-500",
        "net epoch=3-step=750_ckpt",
        "net checkpoint-1000",
    ]
    assert {(model.status, model.source_run_id) for model in models} == {("READY", run.info.run_id)}
    assert models[1].tags == {"original_artifact_path": str(folder / "epoch=3-step=750.ckpt")}
    outputs = trackway.get_run(run.info.run_id).outputs.model_outputs
    assert sorted(outputs, key=lambda each: each.step) == [
        LoggedModelOutput(model.model_id, step) for model, step in zip(models, (500, 750, 1000), strict=True)
    ]
    place = Path(trackway.artifacts.download_artifacts(models[0].model_uri, dst_path=tmp_path / "fetched"))
    assert (place / "shards" / "model-00001.bin").read_bytes() == bytes([500 % 251]) * 500
    assert [each.path for each in client.artifacts.list(models[1].model_id)] == ["epoch=3-step=750.ckpt"]
    assert trackway.register_model(models[2].model_uri, "from checkpoint").model_id == models[2].model_id
    (found,) = trackway.search_logged_models(["0"], "name LIKE '%1000'", output_format="list")
    assert found.model_id == models[2].model_id


def test_other_content_is_another_model_and_overwrite_deletes_the_one_before(client: Client, folder: Path) -> None:
    last = folder / "last.ckpt"
    last.write_bytes(b"first")
    with trackway.start_run() as run:
        (first,) = run.log_checkpoints([last])
    last.write_bytes(b"second")
    (second,) = trackway.import_checkpoints(str(folder / "last*"), run.info.run_id)
    assert first.model_id != second.model_id
    last.write_bytes(b"third")
    (third,) = trackway.import_checkpoints([last], run.info.run_id, overwrite_checkpoints=True)
    stages = [client.logged_models.get(each.model_id).lifecycle_stage for each in (first, second, third)]
    assert stages == ["deleted", "deleted", "active"]
    last.write_bytes(b"first")
    with pytest.warns(UserWarning, match="was logged before and deleted"):
        assert trackway.import_checkpoints([last], run.info.run_id) == []


def test_what_was_interrupted_or_changed_is_told_and_completed(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, upload = folder / "epoch=3-step=750.ckpt", written._upload

    def breaking(*given: Any) -> None:
        upload(*given)
        raise Unavailable("the network is gone")

    def changing(*given: Any) -> None:
        place.write_bytes(b"still writing")
        upload(*given)

    with trackway.start_run() as run:
        for during, error in ((breaking, "is gone"), (changing, "changed while it was read")):
            monkeypatch.setattr(written, "_upload", during)
            with pytest.raises(trackway.TrackwayError, match=error):
                run.log_checkpoints([place])
            (failed,) = client.logged_models.search(["0"], filter=f"source_run_id = '{run.info.run_id}'")
            assert (failed.status, error in failed.status_message) == ("UPLOAD_FAILED", True)
            place.write_bytes(b"lightning")
            monkeypatch.setattr(written, "_upload", upload)
        (model,) = run.log_checkpoints([place])
    assert (model.model_id, model.status, model.status_message) == (failed.model_id, "READY", "")


def test_checkpoints_elsewhere_are_models_without_files(client: Client) -> None:
    places = ["s3://bucket/run/step_20.ckpt", "s3://bucket/run/step_3.ckpt"]
    with trackway.start_run() as run:
        models = run.log_checkpoints(places, step_of=lambda name: -int(name[5:-5]))
        assert run.log_checkpoints(places, step_of=lambda name: -int(name[5:-5])) == models
    assert [(each.name, each.status) for each in models] == [("step_20_ckpt", "READY"), ("step_3_ckpt", "READY")]
    assert models[0].tags == {"mlflow.model.isExternal": "true", "original_artifact_path": places[0]}
    with pytest.raises(NotFound, match=re.escape(f"they are at {places[0]}")):
        trackway.artifacts.download_artifacts(models[0].model_uri)


def test_what_is_wrong_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="needs a run"):
        trackway.import_checkpoints(folder)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a#b").write_text("x")
    with trackway.start_run() as run:
        with pytest.raises(NotFound, match="no file or folder"):
            run.log_checkpoints(tmp_path / "missing")
        with pytest.raises(NotFound, match="holds no file"):
            run.log_checkpoints([tmp_path / "empty"])
        with pytest.raises(InvalidArgument, match="give the address of each checkpoint"):
            run.log_checkpoints("s3://bucket/run/")
        with pytest.raises(InvalidArgument, match="no artifact path"):
            run.log_checkpoints([tmp_path / "bad"])
        with pytest.raises(InvalidArgument, match="a step must be a whole number"):
            run.log_checkpoints(folder, step_of=lambda name: name)  # type: ignore[arg-type, return-value]
        for nothing in (tmp_path / "empty", str(tmp_path / "none-*")):
            with pytest.warns(UserWarning, match="there is no checkpoint"):
                assert run.log_checkpoints(nothing) == []
    assert trackway.get_run(run.info.run_id).outputs.model_outputs == ()


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("checkpoint-500", 500),
        ("epoch=3-step=750.ckpt", 750),
        ("global_step1200", 1200),
        ("step_7-loss-0123.pt", 7),
        ("ckpt_0042.pt2", 42),
        ("model.v2.pt", 2),
        ("last.ckpt", 0),
        ("step=" + "9" * 30, 2**63 - 1),
    ],
)
def test_the_step_is_read_out_of_the_name(name: str, step: int) -> None:
    assert written.step_in(name) == step

"""Files, texts, dicts, figures and images reach the spool under the path that was asked for."""

from __future__ import annotations

import io
import json
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import yaml
from PIL import Image

import trackway
from support.recorded import only_recorded
from trackway.errors import InvalidArgument

matplotlib.use("agg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "results" / "deep"
    inner.mkdir(parents=True)
    (inner.parent / "a.txt").write_text("a")
    (inner / "b.bin").write_bytes(b"\0\1")
    return inner.parent


def artifacts_of(spools: Path, run: trackway.ActiveRun) -> dict[str, bytes]:
    trackway.end_run()
    return only_recorded(spools, run.info.run_id).artifacts


def test_files_and_folders(spools: Path, folder: Path) -> None:
    run = trackway.start_run()
    trackway.log_artifact(folder / "a.txt")
    trackway.log_artifact(str(folder / "a.txt"), "in/")
    trackway.log_artifact(str(folder), "whole")
    trackway.log_artifacts(folder, "below")
    (folder / "a.txt").unlink()
    assert artifacts_of(spools, run) == {
        "a.txt": b"a",
        "in/a.txt": b"a",
        "whole/results/a.txt": b"a",
        "whole/results/deep/b.bin": b"\0\1",
        "below/a.txt": b"a",
        "below/deep/b.bin": b"\0\1",
    }


def test_texts_and_dicts(spools: Path) -> None:
    run = trackway.start_run()
    trackway.log_text("größer", "notes/n.txt")
    trackway.log_dict({"a": np.float64(1.5), "b": [1]}, "d.json")
    trackway.log_dict({"a": 1}, "d.yaml")
    found = artifacts_of(spools, run)
    assert found["notes/n.txt"].decode() == "größer"
    assert json.loads(found["d.json"]) == {"a": 1.5, "b": [1]}
    assert yaml.safe_load(found["d.yaml"]) == {"a": 1}


def test_figures(spools: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    run = trackway.start_run()
    trackway.log_figure(figure, "plots/f.png", save_kwargs={"dpi": 20})
    trackway.log_figure(figure, "f.pdf")
    pyplot.close(figure)

    class Plotly:
        def write_html(self) -> None: ...

        def to_html(self, **options: object) -> str:
            return "<html>plot</html>"

        def to_image(self, **options: object) -> bytes:
            return str(options["format"]).encode()

    trackway.log_figure(Plotly(), "p.html")
    trackway.log_figure(Plotly(), "p.svg")
    found = artifacts_of(spools, run)
    assert found["plots/f.png"].startswith(b"\x89PNG")
    assert found["f.pdf"].startswith(b"%PDF")
    assert found["p.html"] == b"<html>plot</html>"
    assert found["p.svg"] == b"svg"
    with pytest.raises(InvalidArgument, match="no figure"):
        trackway.log_figure(object(), "x.png")


def test_images(spools: Path) -> None:
    run = trackway.start_run()
    trackway.log_image(np.full((4, 5), 0.5), "grey.png")
    trackway.log_image(np.zeros((4, 5, 3), dtype=np.uint8), key="samples", step=3, timestamp=12)
    trackway.log_image(Image.new("RGB", (2, 2)), "pil.jpg")
    found = artifacts_of(spools, run)
    assert Image.open(io.BytesIO(found["grey.png"])).getpixel((0, 0)) == 128
    assert Image.open(io.BytesIO(found["images/samples/step_00000003_12.png"])).size == (5, 4)
    assert found["pil.jpg"].startswith(b"\xff\xd8")
    for wrong in (np.full((4, 5), 300), np.zeros(4)):
        with pytest.raises(InvalidArgument, match="an image must be"):
            trackway.log_image(wrong, "x.png")
    with pytest.raises(InvalidArgument, match="exactly one"):
        trackway.log_image(np.zeros((2, 2)))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "../a",
        "a/../b",
        "a//b",
        "a/",
        "a\\b",
        "%2e%2e/a",
        "C:/a",
        "a#b",
        "a?b",
        "a.",
        "a ",
        "a\0b",
        "file:a",
        "\uff0e\uff0e/a",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(InvalidArgument, match="artifact path"):
        trackway.log_text("x", path)


def test_a_folder_with_a_bad_name_logs_nothing(spools: Path, folder: Path) -> None:
    (folder / "50%.txt").write_text("x")
    run = trackway.start_run()
    with pytest.raises(InvalidArgument, match="50%"):
        trackway.log_artifacts(folder)
    assert artifacts_of(spools, run) == {}


def test_what_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        trackway.log_artifact(folder / "missing")
    with pytest.raises(InvalidArgument, match="no folder"):
        trackway.log_artifacts(folder / "a.txt")


def test_the_address_of_artifacts() -> None:
    with trackway.start_run() as run:
        assert trackway.get_artifact_uri() == f"runs:/{run.info.run_id}"
        assert trackway.get_artifact_uri("a/b") == f"runs:/{run.info.run_id}/a/b"

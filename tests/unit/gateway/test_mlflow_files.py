"""What paths MLflow's clients may name, and how files are answered."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from support.hostile_paths import hostile_paths
from trackway import _mlflow_names as names
from trackway.api.artifacts.v1.resources_pb2 import Artifact
from trackway_server.core.rpc.formats import is_artifact_path
from trackway_server.gateway.mlflow.artifact_paths import PinnedPlace, Place, as_named, place_of, safe_path
from trackway_server.gateway.mlflow.errors import MlflowError
from trackway_server.gateway.mlflow.file_answers import disposition_of, headers_of, media_type_of, part_of

RUN = "a" * 32
MODEL = "m-" + "b" * 32
DIGEST = "c" * 64


def encoded(text: str, times: int) -> str:
    for _ in range(times):
        text = quote(text, safe="")
    return text


def test_what_paths_name() -> None:
    assert place_of(f"0/{RUN}/artifacts") == Place("0", RUN, "", "")
    assert place_of(f"0/{RUN}/artifacts/") == Place("0", RUN, "", "")
    assert place_of(f"12/{RUN}/artifacts/a b/é.txt") == Place("12", RUN, "", "a b/é.txt")
    assert place_of(f"12/{RUN}/artifacts/a%20b") == Place("12", RUN, "", "a b")
    assert place_of(f"3/models/{MODEL}/artifacts/MLmodel") == Place("3", "", MODEL, "MLmodel")
    pinned = PinnedPlace("default", DIGEST, "a b/MLmodel")
    assert place_of(f"manifests/default/{DIGEST}/a%20b/MLmodel") == pinned
    assert place_of(pinned.uri.removeprefix("mlflow-artifacts:/")) == pinned
    assert place_of(f"manifests/default/{DIGEST}/") == PinnedPlace("default", DIGEST, "")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "0",
            f"0/{RUN}",
            f"0/{RUN}/x",
            f"{RUN}/artifacts/x",
            f"0/{RUN.upper()}/artifacts/x",
            "workspaces/default/0",
        ),
        *(f"-1/{RUN}/artifacts/x", f"0/{RUN}/artifactsx", f"0/models/{RUN}/artifacts/x", f"0/{MODEL}/artifacts/x"),
        *(f"manifests/{DIGEST}/x", f"manifests/Default/{DIGEST}", f"manifests/a/{DIGEST}x", f"manifests/a/b/{DIGEST}"),
        *(f"0/{RUN}/artifacts//", f"0/traces/{RUN}/artifacts/x", f"٣/{RUN}/artifacts/x"),
    ],
)
def test_nothing_else_is_named(path: str) -> None:
    with pytest.raises(MlflowError):
        place = place_of(path)
        assert place.path.strip("/") == place.path, "refused by the ArtifactStore"


@pytest.mark.parametrize("trick", ["../x", "a/../../x", "..", "/etc/passwd", "a\\b", "#../x", "a#b", "C:/x", "a\x00b"])
@pytest.mark.parametrize("times", [0, 1, 2, 9, 10, 11])
def test_tricks_are_refused_however_often_they_are_encoded(trick: str, times: int) -> None:
    """Attack 1: double decoding; Attack 3: encodings."""
    with pytest.raises(MlflowError) as refused:
        safe_path(encoded(trick, times))
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ("images/a%step%0%timestamp%1795446399858%x.png",) * 2,
        ("100%.txt",) * 2,
        ("12:30:59.log",) * 2,
        ("a%25b", "a%b"),
        ("a\u0308", "\u00e4"),
    ],
)
def test_names_that_the_artifact_store_has_not(sent: str, named: str) -> None:
    """What MLflow 2 calls images, times, and what a Mac calls files: kept under names of ours, shown under theirs."""
    kept = safe_path(sent)
    assert is_artifact_path(kept)
    assert as_named(kept) == named
    assert safe_path(named) == kept
    assert (names.kept(named), names.named(kept)) == (kept, named), "the plugin's way"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile_paths(), st.integers(0, 12))
def test_whatever_is_sent_names_something_below_a_run_or_nothing(path: str, times: int) -> None:
    try:
        place = place_of(f"0/{RUN}/artifacts/" + encoded(path, times))
    except MlflowError:
        return
    assert isinstance(place, Place)
    assert (place.experiment_id, place.run_id) == ("0", RUN)
    assert ".." not in place.path.split("/")
    assert not set(place.path) & set("\\#\x00\n\x7f")


FILE = Artifact(path="d/report.html", digest="sha256:" + "0" * 64, size_bytes=100)


@pytest.mark.parametrize(
    ("asked", "status", "first", "size"),
    [
        ("", 200, 0, 100),
        ("bytes=0-", 206, 0, 100),
        ("bytes=10-19", 206, 10, 10),
        ("bytes=90-1000", 206, 90, 10),
        ("bytes=-5", 206, 95, 5),
        ("bytes=-1000", 206, 0, 100),
        ("bytes=100-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=5-4", 200, 0, 100),
        ("bytes=0-1,5-6", 200, 0, 100),
        ("lines=0-1", 200, 0, 100),
        ("bytes=x-", 200, 0, 100),
        ("bytes=" + "9" * 40 + "-", 200, 0, 100),
    ],
)
def test_ranges(asked: str, status: int, first: int, size: int) -> None:
    part = part_of(Headers({"range": asked} if asked else {}), FILE)
    assert (part.status, part.first if size else 0, part.size_bytes) == (status, first, size)
    head = headers_of(FILE, part)
    assert head["Content-Length"] == str(size)
    if status == 206:
        assert head["Content-Range"] == f"bytes {first}-{first + size - 1}/100"


def test_what_a_client_has_already() -> None:
    tag = headers_of(FILE, part_of(Headers({}), FILE))["ETag"]
    assert part_of(Headers({"if-none-match": tag}), FILE).status == 304
    assert part_of(Headers({"range": "bytes=1-2", "if-range": tag}), FILE).status == 206
    assert part_of(Headers({"range": "bytes=1-2", "if-range": '"other"'}), FILE).status == 200
    assert part_of(Headers({"range": "bytes=0-"}), Artifact(path="e", digest=FILE.digest)).status == 416


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.txt", "text/plain"), ("MLmodel", "text/plain"), ("a/b.json", "text/plain"), ("a.js", "text/plain")]
    + [("a.png", "image/png"), ("a.pdf", "application/pdf"), ("a.wav", "audio/x-wav")]
    + [(f"a.{end}", "application/octet-stream") for end in ("html", "htm", "xhtml", "svg", "svgz", "mjs", "swf", "pkl")]
    + [
        ("a.HTML", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("a.css", "application/octet-stream"),
    ],
)
def test_types_that_no_browser_runs(name: str, kind: str) -> None:
    """Attack 19: stored scripts."""
    assert media_type_of(name) == kind
    head = headers_of(Artifact(path=name, digest=FILE.digest), part_of(Headers({}), FILE))
    assert head["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in head["Content-Security-Policy"]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_names_do_not_break_out_of_their_header(name: str) -> None:
    head = disposition_of(name)
    assert head.isascii()
    assert head.count('"') == 2
    assert head.partition('"')[0] == "attachment; filename="
    assert "filename*" not in head or unquote(head.rpartition("''")[2]) == name.rpartition("/")[2]

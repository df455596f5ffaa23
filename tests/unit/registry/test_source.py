"""What a version may be made from, and every other thing that has been tried as a source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.formats import is_artifact_path
from trackway_server.registry.domain.paths import MAX_PATH_BYTES, is_normal_path
from trackway_server.registry.domain.source import (
    ElsewhereSource,
    LoggedModelSource,
    RunSource,
    VersionSource,
    parse_any_source,
    parse_source,
)

RUN = "0123456789abcdef0123456789abcdef"

ATTACKS = [
    # Local files (CVE-2023-1177, CVE-2026-2614).
    "/etc/passwd",
    "etc/passwd",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "file:etc/passwd",
    "FILE:///etc/passwd",
    "//host/share",
    "\\\\host\\share",
    "C:\\Windows\\win.ini",
    "C:/Windows/win.ini",
    "/proc/self/environ",
    "~/.ssh/id_rsa",
    # Other services and the metadata endpoint.
    "http://169.254.169.254/latest/meta-data/",
    "https://example.com/model",
    "s3://bucket/key",
    "gs://bucket/key",
    "ftp://host/file",
    "dbfs:/model",
    "mlflow-artifacts:/0/run/artifacts/model",
    f"mlflow-artifacts://host/0/{RUN}/artifacts/model",
    f"mlflow-artifacts:/0/{RUN}/artifacts/../../x",
    f"mlflow-artifacts:/0/{RUN}/artifacts/%2e%2e/x",
    f"mlflow-artifacts:/0/{RUN}/artifacts",
    f"mlflow-artifacts:/0/{RUN}/model",
    f"mlflow-artifacts:/../{RUN}/artifacts/model",
    "mlflow-artifacts:/0/models/m-1/artifacts",
    "models:/other",
    "models:/other/0",
    "models:/other/x",
    "models:/other/1/x",
    "models:/other@champion",
    "models:/../1",
    "models:// /1",
    "models:/ other/1",
    "models:/other/2147483648",
    "models://host/other/1",
    "models:/m-1",
    "data:text/plain,x",
    # Leaving the run.
    f"runs:/{RUN}/../../etc/passwd",
    f"runs:/{RUN}/model/../../other",
    f"runs:/{RUN}/..",
    f"runs:/{RUN}/.",
    f"runs:/{RUN}/./model",
    f"runs:/{RUN}/model/..",
    f"runs:/{RUN}//etc/passwd",
    f"runs:/{RUN}/model//x",
    f"runs:/{RUN}/model/",
    f"runs:/{RUN}/..\\..\\etc",
    f"runs:/{RUN}/model\\..\\x",
    # Encodings, once and twice (CVE-2023-6831, CVE-2024-1560).
    f"runs:/{RUN}/%2e%2e/etc",
    f"runs:/{RUN}/%252e%252e/etc",
    f"runs:/{RUN}/%2E%2E%2Fetc",
    f"runs:/{RUN}/mod%65l",
    # Fragments and queries (CVE-2024-2928, CVE-2024-3848).
    f"runs:/{RUN}/model#/../../etc/passwd",
    f"runs:/{RUN}/#../../etc",
    f"runs:/{RUN}/model?x=../..",
    f"runs:/{RUN}?x#/model",
    # Trailing dots and spaces, control characters, drives inside.
    f"runs:/{RUN}/model.",
    f"runs:/{RUN}/model ",
    f"runs:/{RUN}/.../x",
    f"runs:/{RUN}/model\x00.txt",
    f"runs:/{RUN}/mo\ndel",
    f"runs:/{RUN}/C:/x",
    f"runs:/{RUN}/a\u2028b",
    # Look-alikes of dots and slashes, and text that is not in normal form.
    f"runs:/{RUN}/\uff0e\uff0e/etc",
    f"runs:/{RUN}/\u2025/etc",
    f"runs:/{RUN}/a\uff0f..\uff0fb",
    f"runs:/{RUN}/\uff05\uff12e",
    f"runs:/{RUN}/cafe\u0301",
    f"runs:/{RUN}/\ud800",
    # Not quite a run.
    "",
    "runs:",
    "runs:/",
    f"runs:/{RUN}",
    f"runs:/{RUN}/",
    f"runs://{RUN}/model",
    f"runs:///{RUN}/model",
    f"RUNS:/{RUN}/model",
    f" runs:/{RUN}/model",
    f"runs:/{RUN.upper()}/model",
    f"runs:/{RUN[:-1]}/model",
    f"runs:/{RUN}0/model",
    f"runs:/{RUN[:-1]}\u0665/model",
    "runs:/../model",
    f"runs:/{RUN}/" + "a" * (MAX_PATH_BYTES + 1),
    f"runs:/{RUN}/" + "é" * (MAX_PATH_BYTES // 2 + 1),
]


@pytest.mark.parametrize("source", ATTACKS, ids=ascii)
def test_everything_else_is_refused(source: str) -> None:
    with pytest.raises(DomainError) as refused:
        parse_source(source)
    assert refused.value.reason is Reason.SOURCE_INVALID
    assert len(refused.value.metadata["source"]) <= 201


@pytest.mark.parametrize("path", ["model", "a/b/c", ".hidden", "..model/x", "モデル/重み", "a b/c-d_e.f", "café"])
def test_paths_of_runs_are_read(path: str) -> None:
    source = parse_source(f"runs:/{RUN}/{path}")
    assert source == RunSource(RUN, path) == parse_source(f"mlflow-artifacts:/7/{RUN}/artifacts/{path}")
    assert source.uri == f"runs:/{RUN}/{path}"


def test_logged_models_and_versions_are_read() -> None:
    logged = LoggedModelSource(f"m-{RUN}")
    assert parse_source(f"models:/m-{RUN}") == logged == parse_source(f"mlflow-artifacts:/0/models/m-{RUN}/artifacts")
    assert (logged.uri, logged.owner) == (f"models:/m-{RUN}", f"models/m-{RUN}")
    assert parse_source("models:/a model/12") == VersionSource("a model", 12)
    assert parse_source("models:/a model/12").uri == "models:/a model/12"


ELSEWHERE = ["s3://bucket/a/b", "dbfs:/model", "https://example.com/m", "hdfs://host:9/..m", "prompt-template"]


@pytest.mark.parametrize("source", ELSEWHERE)
def test_a_place_elsewhere_is_mere_text(source: str) -> None:
    assert parse_any_source(source) == ElsewhereSource(source)


PLACES = {
    "http://169.254.169.254/latest/meta-data/",  # text: nothing here ever asks for it
    "https://example.com/model",
    "s3://bucket/key",
    "gs://bucket/key",
    "ftp://host/file",
    "dbfs:/model",
    "data:text/plain,x",
}
MORE_ATTACKS = [
    "local:/etc/passwd",
    "s3://bucket/../etc",
    "s3://bucket/%2e%2e/etc",
    "s3://bucket/%252e%252e/etc",
    "s3://bucket/..\\..\\etc",
    "s3://bucket/%5c..%5cetc",
    "s3://bucket/a#/../etc",
    "s3:",
    "File:/etc/passwd",
]


@pytest.mark.parametrize("source", [each for each in [*ATTACKS, *MORE_ATTACKS] if each not in PLACES], ids=ascii)
def test_no_place_elsewhere_is_a_file_of_the_server(source: str) -> None:
    with pytest.raises(DomainError) as refused:
        parse_any_source(source)
    assert refused.value.reason is Reason.SOURCE_INVALID


AWKWARD = st.text(alphabet=st.sampled_from("ab./\\%:#? \uff0e\uff0f\u2025\u0301é\x00\u2028"), max_size=12)


@given(st.one_of(st.text(max_size=40), AWKWARD))
def test_paths_have_the_form_that_the_contract_states(path: str) -> None:
    assert is_normal_path(path) == is_artifact_path(path)


@given(st.one_of(st.text(max_size=60), AWKWARD.map(lambda path: f"runs:/{RUN}/{path}")))
def test_what_is_read_is_what_was_written(source: str) -> None:
    try:
        parsed = parse_source(source)
    except DomainError as refused:
        assert refused.reason is Reason.SOURCE_INVALID
    else:
        assert isinstance(parsed, RunSource)
        assert parsed.uri == source
        assert ".." not in parsed.path.split("/")

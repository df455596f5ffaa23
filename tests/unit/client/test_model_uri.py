"""Addresses of models and artifacts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.errors import InvalidArgument
from trackway.model_uri import LoggedModelUri, ModelUri, RunUri, parse, parse_model, parse_run

RUN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("uri", "parsed"),
    [
        ("models:/digits/3", ModelUri("digits", version=3)),
        ("models:/digits/3/", ModelUri("digits", version=3)),
        ("models:/digits/Production", ModelUri("digits", stage="Production")),
        ("models:/digits/production", ModelUri("digits", stage="Production")),
        ("models:/digits/NONE", ModelUri("digits", stage="None")),
        ("models:/digits/Latest", ModelUri("digits", stage="latest")),
        ("models:/my model@champion", ModelUri("my model", alias="champion")),
        ("models:/ünïcode.v1/2147483647", ModelUri("ünïcode.v1", version=2147483647)),
        (f"models:/m-{RUN}", LoggedModelUri(f"m-{RUN}")),
        (f"models:/m-{RUN}/1", ModelUri(f"m-{RUN}", version=1)),
        (f"runs:/{RUN}/model", RunUri(RUN, "model")),
        (f"runs:/{RUN}/a/b c", RunUri(RUN, "a/b c")),
        (f"runs:/{RUN}", RunUri(RUN)),
        (f"runs:/{RUN}/", RunUri(RUN)),
    ],
)
def test_addresses(uri: str, parsed: ModelUri | LoggedModelUri | RunUri) -> None:
    assert parse(uri) == parsed
    assert parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    "uri",
    [
        "", "digits", "models", "models:", "models:/", "models://digits/3", "models:digits/3", "models:/digits",
        "models:/digits/", "models:/digits/0", "models:/digits/-1", "models:/digits/3.0", "models:/digits/\u0663",
        "models:/digits/2147483648", "models:/digits/99999999999999999999", "models:/digits/Prod",
        "models:/digits/3/extra", "models:/digits@", "models:/@champion", "models:/a@b@c", "models:/a/1@b",
        "models:/a:b/1", "models:///1", f"runs://{RUN}/x", "runs:/short/x", "runs:/", f"runs:/{RUN.upper()}/x",
        f"runs:/{RUN}/../x", f"runs:/{RUN}/a//b", f"runs:/{RUN}/./a", f"runs:/{RUN}//etc", "s3://bucket/x", "/tmp/x",
        "file:///etc/passwd", "MODELS:/digits/3", "models:/m-1",
    ],
)  # fmt: skip
def test_other_texts_are_refused_in_one_line(uri: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse(uri)
    assert "\n" not in str(refusal.value)


def test_the_kind_that_is_wanted() -> None:
    assert parse_model("models:/a/1").version == 1
    assert parse_run(f"runs:/{RUN}/a").path == "a"
    for other in (f"runs:/{RUN}/a", f"models:/m-{RUN}"):
        with pytest.raises(InvalidArgument, match="no registered model"):
            parse_model(other)
    with pytest.raises(InvalidArgument, match="no artifact of a run"):
        parse_run("models:/a/1")


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for scheme in ("models:/", "runs:/", ""):
        try:
            parsed = parse(scheme + text)
        except InvalidArgument:
            continue
        assert parse(str(parsed)) == parsed

"""Formats of strings: what is taken, what is refused, and that nothing makes them fail otherwise."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.api.common.v1 import limits_pb2
from trackway_server.core.rpc.formats import FORMATS, is_alias, is_artifact_path, is_key, is_model_name, is_text_line

HOSTILE_PATHS = [
    "",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    "a//b",
    "/etc/passwd",
    "//host/share",
    "a/",
    "..\\a",
    "a\\b",
    "C:\\x",
    "C:/x",
    "file:///etc/passwd",
    "file:x",
    "%2e%2e/a",
    "%252e%252e/a",
    "a%00",
    "a\x00b",
    "a\nb",
    "a\x7fb",
    "a\x85b",
    "a#b",
    "a?b",
    "a.",
    "a ",
    "a /b",
    "a./b",
    "...",
    "\uff0e\uff0e/a",  # full-width full stops
    "‥/a",  # two dot leader
    "a\uff0f..\uff0fb",  # full-width solidus
    "a\uff3cb",
    "\uff052e",
    "a\u2024",  # one dot leader
    "a\u00a0",  # no-break space
    "e\u0301",  # not NFC
    "a\u2028b",
    "\ud800",
]


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_hostile_paths_are_refused(path: str) -> None:
    assert not is_artifact_path(path)


@pytest.mark.parametrize(
    "path", ["a", "model/MLmodel", ".hidden/x", "a b/c-d_e.txt", "é/日本.txt", "a..b", "ﬁle", "~x"]
)
def test_plain_paths_are_taken(path: str) -> None:
    assert is_artifact_path(path)


@given(st.text())
def test_a_path_that_is_taken_stays_where_it_is(path: str) -> None:
    if is_artifact_path(path):
        for form in (path, unicodedata.normalize("NFKC", path)):
            parts = form.split("/")
            assert not any(part in {"", ".", ".."} for part in parts)
            assert not set(form) & set("\\%#?:\x00\n")


@pytest.mark.parametrize("number", FORMATS, ids=lambda number: limits_pb2.Format.Name(number))
@given(text=st.text(st.characters(codec=None)))
def test_no_text_makes_a_format_fail(number: int, text: str) -> None:
    assert FORMATS[number].accepts(text) in {True, False}


def test_every_format_of_the_proto_is_known() -> None:
    assert set(FORMATS) == set(limits_pb2.Format.values()) - {limits_pb2.FORMAT_UNSPECIFIED}


@pytest.mark.parametrize("key", ["loss", "train/loss", "a b.c:d-e_f", "größe", "0"])
def test_keys_taken(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/..", "a/./b", "a\n", "a\\b", "a%b", "a\x00", "a,b"])
def test_keys_refused(key: str) -> None:
    assert not is_key(key)


@pytest.mark.parametrize("alias", ["champion", "v1-candidate", "V", "a_b"])
def test_aliases_taken(alias: str) -> None:
    assert is_alias(alias)


@pytest.mark.parametrize("alias", ["", "latest", "Latest", "v1", "V12", "a b", "a@b", "a/b", "a\n"])
def test_aliases_refused(alias: str) -> None:
    assert not is_alias(alias)


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", "a:b", "a@b", "a\nb", "\u00a0a"])
def test_model_names_refused(name: str) -> None:
    assert not is_model_name(name)


def test_lines_of_text() -> None:
    assert is_text_line("Größe 日本 🎉")
    assert not is_text_line("a\tb")
    assert not is_text_line("a\u2028b")


@pytest.mark.parametrize(
    ("number", "good", "bad"),
    [
        (limits_pb2.FORMAT_RUN_ID, "0" * 32, "A" * 32),
        (limits_pb2.FORMAT_SUBJECT_ID, "digits/3", "digits/03"),
        (limits_pb2.FORMAT_SUBJECT_ID, "0" * 32, "digits"),
        (limits_pb2.FORMAT_SUBJECT_ID, f"m/{2**31 - 1}", f"m/{2**31}"),
        (limits_pb2.FORMAT_SUBJECT_ID, "a b/1", "a/b/1"),
        (limits_pb2.FORMAT_WRITER_ID, "f" * 32, "f" * 33),
        (limits_pb2.FORMAT_EXPERIMENT_ID, "10", "010"),
        (limits_pb2.FORMAT_EXPERIMENT_ID, str(2**63 - 1), str(2**63)),
        (limits_pb2.FORMAT_WORKSPACE, "team-a", "Team"),
        (limits_pb2.FORMAT_ARTIFACT_OWNER, "runs/" + "0" * 32, "runs/../x"),
        (limits_pb2.FORMAT_DIGEST, "sha256:" + "0" * 64, "0" * 64),
    ],
)
def test_ids(number: int, good: str, bad: str) -> None:
    accepts = FORMATS[number].accepts
    assert accepts(good)
    assert not accepts(bad)
    assert not accepts(good + "\n")
    assert not accepts("\u0661" * len(good))

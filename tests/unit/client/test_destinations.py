"""No path that a server sends leads out of the folder that the user chose (attacks.md, "File paths")."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway._paths import safe_destination
from trackway.errors import InvalidArgument


@pytest.mark.parametrize("path", ["a", "a/b/c.txt", "ünï/code", "a b/c-d_e.f", ".hidden", "...x", "a" * 255])
def test_plain_paths_stay_below_the_root(tmp_path: Path, path: str) -> None:
    assert safe_destination(tmp_path, path) == tmp_path / path


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "..", "../x", "a/../../x", "a/..", "./a", "a//b", "/etc/passwd", "//host/share", "a/", "..\\x",
        "..\\..\\x", "a\\b", "C:\\x", "C:x", "file:x", "file:///etc/passwd", "\\\\host\\share", "a\x00b", "a\nb",
        "a.", "a ", "a./b", "a /b", "%2e%2e/x", "%252e%252e/x", "a#../x", "a?b", "\uff0e\uff0e/x", "\u2025/x",
        "a\uff0fb", "a\u2028b", "e\u0301", "a" * 256, "\ud800", "a/\uff3cb",
    ],
)  # fmt: skip
def test_every_other_path_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidArgument):
        safe_destination(tmp_path, path)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)
    (root / "inner").mkdir()
    (root / "same").symlink_to(root / "inner")
    with pytest.raises(InvalidArgument, match="link"):
        safe_destination(root, "link/x")
    assert safe_destination(root, "same/x") == root / "same" / "x"


def test_the_root_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    assert safe_destination(tmp_path / "root", "a/b") == tmp_path / "root" / "a" / "b"


@given(st.text(alphabet="a./\\%2e:\x00 \uff0e\uff0f", max_size=12))
def test_whatever_is_taken_lies_below_the_root(path: str) -> None:
    root = Path("/nowhere/root")
    try:
        destination = safe_destination(root, path)
    except InvalidArgument:
        return
    assert os.path.normpath(destination) == str(destination)
    assert destination.is_relative_to(root)
    assert destination != root

"""A hostile server's paths on the client, beside what an honest server keeps (attacks.md, attack 6)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.hostile_paths import REFUSED, TAKEN, hostile_paths, stays_inside
from trackway import _paths
from trackway._paths import safe_destination
from trackway.errors import InvalidArgument
from trackway_server.artifacts.domain.paths import ArtifactPath
from trackway_server.core.errors import DomainError

# Longer than any server of ours takes, but no way out; the file system has the last word.
HARMLESS_HERE = {"x/" * 600 + "x"}


@pytest.mark.parametrize("path", [path for path in REFUSED if path not in HARMLESS_HERE])
def test_what_a_server_refuses_is_not_written_either(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidArgument):
        safe_destination(tmp_path, path)


@pytest.mark.parametrize("path", TAKEN)
def test_what_a_server_takes_can_be_written(tmp_path: Path, path: str) -> None:
    destination = safe_destination(tmp_path, path)
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_bytes(b"x")
    assert sum(len(files) for _, _, files in os.walk(tmp_path)) == 1


@given(hostile_paths())
@example("a*b")
def test_nothing_leads_out_and_what_a_server_keeps_comes_back(path: str) -> None:
    root = Path("/nowhere/root")
    try:
        destination = safe_destination(root, path)
    except InvalidArgument:
        with pytest.raises(DomainError):
            ArtifactPath(path)
    else:
        assert destination.relative_to(root).as_posix() == path
        assert stays_inside(path)


@given(st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=2))
def test_a_lone_surrogate_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument):
        safe_destination("/nowhere", path)


def test_a_deep_link_is_found(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b").symlink_to("../..")
    for path in ("a/b/x", "a/b/c/d"):
        with pytest.raises(InvalidArgument, match="link"):
            safe_destination(root, path)


@pytest.mark.parametrize("path", ["con", "a/NUL.txt", "com1", "LPT9.log", "aux .txt", "a*b", 'a"b', "a|b"])
def test_names_of_devices_are_refused_on_windows(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_paths.os, "name", "nt")
    assert "Windows" in _paths._problem(path)
    assert _paths._problem("console.txt") == ""

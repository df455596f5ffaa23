"""The diff of a repository, as git tells it: real repositories, and places where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.repositories import git, repository
from trackway._source.packages import requirements
from trackway._source.repository import uncommitted


def test_a_clean_repository_and_a_changed_one(tmp_path: Path) -> None:
    repository(tmp_path)
    clean = uncommitted(str(tmp_path))
    assert clean is not None and (clean.diff, clean.cut) == (b"", False)
    (tmp_path / "train.py").write_text("learn_rate = 0.2\n")
    (tmp_path / "staged.py").write_text("x = 1\n")
    git(tmp_path, "add", "staged.py")
    (tmp_path / ".env").write_text("PASSWORD=geheim\n")
    changed = uncommitted(str(tmp_path))
    assert changed is not None
    assert b"-learn_rate = 0.1\n+learn_rate = 0.2\n" in changed.diff
    assert b"+x = 1" in changed.diff
    assert b"geheim" not in changed.diff


def test_the_diff_can_be_applied(tmp_path: Path) -> None:
    repository(tmp_path)
    (tmp_path / "train.py").write_text("learn_rate = 0.3\n")
    git(tmp_path, "config", "diff.noprefix", "true")
    git(tmp_path, "config", "diff.external", "false")
    changed = uncommitted(str(tmp_path))
    assert changed is not None
    git(tmp_path, "checkout", "-q", "train.py")
    (tmp_path / "p").write_bytes(changed.diff)
    git(tmp_path, "apply", "p")
    assert (tmp_path / "train.py").read_text() == "learn_rate = 0.3\n"


def test_a_huge_diff_is_cut_at_a_line(tmp_path: Path) -> None:
    repository(tmp_path)
    (tmp_path / "train.py").write_text("".join(f"line {number}\n" for number in range(100_000)))
    changed = uncommitted(str(tmp_path), limit=10_000)
    assert changed is not None and changed.cut
    *lines, last = changed.diff.decode().splitlines()
    assert last == "# cut here by trackway: the diff has more than 10,000 bytes"
    assert lines[-1].startswith("+line ") and len(changed.diff) <= 10_100


def test_where_nothing_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uncommitted(str(tmp_path)) is None  # no repository
    git(tmp_path, "init", "-q")
    assert uncommitted(str(tmp_path)) is None  # no commit
    assert uncommitted(str(tmp_path / "none")) is None
    repository(tmp_path / "own")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert uncommitted(str(tmp_path / "own")) is None  # no git


def test_a_detached_head(tmp_path: Path) -> None:
    commit = repository(tmp_path)
    git(tmp_path, "checkout", "-q", commit)
    (tmp_path / "train.py").write_text("")
    changed = uncommitted(str(tmp_path))
    assert changed is not None and b"-learn_rate = 0.1" in changed.diff


def distribution(folder: Path, name: str, version: str, origin: str = "") -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if origin:
        (info / "direct_url.json").write_text(origin)


def test_packages_are_a_list_that_pip_takes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    distribution(first, "b_pkg", "1.0")
    distribution(second, "B.pkg", "2.0")
    vcs = '{"url": "https://me:key@example.org/a.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}'
    distribution(second, "a", "3.0", vcs)
    distribution(second, "local", "0.1", '{"url": "file:///home/me/local", "dir_info": {"editable": true}}')
    (second / "broken-1.dist-info").mkdir()
    assert requirements([str(first), str(second), str(tmp_path / "none")]).splitlines() == [
        "a @ git+https://example.org/a.git@abc",
        "b_pkg==1.0",
        "# local==0.1 was installed from a folder of that machine",
    ]

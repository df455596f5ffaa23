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


def test_a_repository_runs_nothing(tmp_path: Path) -> None:
    """As one that came in an archive, with a configuration of somebody else's."""
    ran, folder = tmp_path / "ran", tmp_path / "repository"
    repository(folder)
    (folder / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    git(folder, "add", ".gitattributes")
    git(folder, "commit", "-q", "-m", "attributes")
    command = f"touch '{ran}'; cat"
    for name in (
        "filter.evil.clean",
        "filter.evil.process",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
    ):
        git(folder, "config", name, command)
    git(folder, "config", "filter.evil.required", "true")
    git(folder, "config", "core.fsmonitor", command)
    (folder / "train.py").write_text("learn_rate = 0.2\n")
    changed = uncommitted(str(folder))
    assert changed is not None and b"+learn_rate = 0.2" in changed.diff
    assert not ran.exists()
    git(folder, "config", "filter.a=b.clean", command)
    assert uncommitted(str(folder)) is None
    assert not ran.exists()


def test_a_filter_of_the_user_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Git LFS is: without it, what is unchanged would differ."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "gitconfig").write_text('[filter "upper"]\n\tclean = tr a-z A-Z\n')
    repository(tmp_path / "own")
    (tmp_path / "own" / ".gitattributes").write_text("*.py filter=upper\n")
    (tmp_path / "own" / "train.py").write_text("learn_rate = 0.2\n")
    changed = uncommitted(str(tmp_path / "own"))
    assert changed is not None and b"+LEARN_RATE = 0.2" in changed.diff


def test_files_outside_of_the_repository_are_never_in_the_diff(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "home" / "repository"
    repository(folder)
    (folder / "key").write_text("mine")
    git(folder, "add", "key")
    git(folder, "commit", "-q", "-m", "key")
    (home / "key").write_text("PRIVATE")
    git(folder, "config", "core.worktree", str(home))
    changed = uncommitted(str(folder))
    assert changed is not None and changed.diff == b""


def test_nothing_is_fetched_for_a_diff(tmp_path: Path) -> None:
    ran, folder = tmp_path / "ran", tmp_path / "repository"
    repository(folder)
    lacking = git(folder, "rev-parse", "HEAD:train.py")
    settings = {
        "remote.origin.url": f"ext::touch {ran}",
        "remote.origin.promisor": "true",
        "protocol.ext.allow": "always",
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
    }
    for name, value in settings.items():
        git(folder, "config", name, value)
    (folder / ".git" / "objects" / lacking[:2] / lacking[2:]).unlink()
    (folder / "train.py").write_text("learn_rate = 0.2\n")
    assert uncommitted(str(folder)) is None
    assert not ran.exists()


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

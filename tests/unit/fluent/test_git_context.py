"""Commit and branch are read from the files of a repository, without starting git."""

from __future__ import annotations

from pathlib import Path

from trackway._fluent.context import GIT_BRANCH, GIT_COMMIT, _git_tags

COMMIT = "a" * 40


def repository(folder: Path, head: str) -> Path:
    (folder / ".git" / "refs" / "heads").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text(head)
    script = folder / "src" / "train.py"
    script.parent.mkdir()
    script.write_text("")
    return script


def test_a_branch(tmp_path: Path) -> None:
    script = repository(tmp_path, "ref: refs/heads/main\n")
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    assert _git_tags(str(script)) == {GIT_COMMIT: COMMIT, GIT_BRANCH: "main"}


def test_a_packed_branch(tmp_path: Path) -> None:
    script = repository(tmp_path, "ref: refs/heads/feature/x\n")
    lines = ["# pack-refs with: peeled", f"{'b' * 40} refs/heads/x", f"{COMMIT} refs/heads/feature/x"]
    (tmp_path / ".git" / "packed-refs").write_text("\n".join(lines) + "\n")
    assert _git_tags(str(script)) == {GIT_COMMIT: COMMIT, GIT_BRANCH: "feature/x"}


def test_a_detached_head(tmp_path: Path) -> None:
    assert _git_tags(str(repository(tmp_path, f"{COMMIT}\n"))) == {GIT_COMMIT: COMMIT}


def test_a_branch_without_a_commit(tmp_path: Path) -> None:
    assert _git_tags(str(repository(tmp_path, "ref: refs/heads/main\n"))) == {GIT_BRANCH: "main"}


def test_a_worktree(tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"
    repository(main, "ref: refs/heads/main\n")
    (main / ".git" / "refs" / "heads" / "side").write_text(COMMIT)
    own = main / ".git" / "worktrees" / "tree"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    (tree / "train.py").write_text("")
    assert _git_tags(str(tree / "train.py")) == {GIT_COMMIT: COMMIT, GIT_BRANCH: "side"}


def test_no_repository_and_a_broken_one(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("")
    (tmp_path / ".git").mkdir()
    assert _git_tags(str(script)) == {}

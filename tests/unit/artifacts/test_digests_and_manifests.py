"""Digests and manifests, by the words of resources.proto."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_server.artifacts.domain.artifacts import FileEntry, Owner
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.manifests import MAX_FILES, Manifest, relative_to
from trackway_server.artifacts.domain.paths import ArtifactPath, parse_folder
from trackway_server.core.errors import DomainError, Reason


def entry(path: str, content: bytes = b"x") -> FileEntry:
    return FileEntry(ArtifactPath(path), Digest.of_hex(hashlib.sha256(content).hexdigest()), len(content))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "a" * 64 + "\n",
        "sha256:../../../etc/passwd",
        "sha256:" + "\u0661" * 64,
        "sha512:" + "a" * 64,
        "a" * 64,
    ],
)
def test_a_digest_has_one_form(text: str) -> None:
    with pytest.raises(DomainError) as refusal:
        Digest(text)
    assert refusal.value.reason is Reason.INVALID_FIELD


@pytest.mark.parametrize("kind", ["runs/", "models/m-"])
def test_owners_are_runs_and_logged_models(kind: str) -> None:
    owner = Owner("default", kind + "a" * 32)
    assert owner.is_model is (kind != "runs/")
    assert owner.id == kind.partition("/")[2] + "a" * 32
    assert owner.run_id == ("a" * 32 if kind == "runs/" else "")


@pytest.mark.parametrize(
    "name",
    [
        *("", "runs/", "runs/x", "runs/" + "a" * 31, "runs/" + "a" * 32 + "/..", "a" * 32),
        *("models/" + "a" * 32, "models/m-", "runs/m-" + "a" * 32, "models/m-" + "a" * 32 + "/x"),
    ],
)
def test_an_owner_has_one_form(name: str) -> None:
    with pytest.raises(DomainError) as refusal:
        Owner("default", name)
    assert refusal.value.reason is Reason.INVALID_FIELD


def test_the_digest_of_a_manifest_is_that_of_its_lines() -> None:
    first, second = entry("a/b", b"one"), entry("a-b", b"two")
    lines = f"{second.digest} 3 a-b\n{first.digest} 3 a/b\n"
    manifest = Manifest.of([first, second])
    assert manifest.digest.text == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()
    assert [one.path.text for one in manifest.entries] == ["a-b", "a/b"]
    assert manifest.size_bytes == 6


@given(st.permutations(["a", "a-b", "a/b", "b", "\u00e9", "\uffee", "\U0001f389", "z"]))
def test_entries_are_sorted_by_their_bytes_whatever_the_order(paths: list[str]) -> None:
    manifest = Manifest.of(entry(path) for path in paths)
    texts = [one.path.text for one in manifest.entries]
    assert texts == sorted(paths, key=lambda text: text.encode())


def test_entries_are_relative_to_the_folder() -> None:
    assert relative_to(parse_folder("a/b"), entry("a/b/c/d")).path.text == "c/d"
    assert relative_to(None, entry("a/b")).path.text == "a/b"
    assert relative_to(parse_folder("a/b"), entry("a/b")).path.text == "b"


def test_a_manifest_fits_one_message() -> None:
    with pytest.raises(DomainError) as refusal:
        Manifest.of(entry(f"f{number}") for number in range(MAX_FILES + 1))
    assert refusal.value.metadata == {"limit": "manifest_files", "maximum": "10000"}
    long = "/".join(["x" * 250] * 4)
    with pytest.raises(DomainError) as refusal:
        Manifest.of(entry(f"{number:04}/{long}"[:1024]) for number in range(4000))
    assert refusal.value.metadata["limit"] == "manifest_bytes"

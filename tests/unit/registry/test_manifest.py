"""Manifests are proven before they are used."""

from __future__ import annotations

import hashlib

import pytest

from support.registry_worlds import manifest
from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.manifest import ManifestEntry, manifest_of, parse_manifest


def test_the_digest_is_that_of_the_sorted_lines() -> None:
    made = manifest(("b", b"22"), ("a c", b"1"), ("é", b""))
    lines = [
        f"sha256:{hashlib.sha256(data).hexdigest()} {len(data)} {path}\n"
        for path, data in sorted([("b", b"22"), ("a c", b"1"), ("é", b"")])
    ]
    assert made.content == "".join(lines).encode()
    assert made.digest == f"sha256:{hashlib.sha256(made.content).hexdigest()}"
    assert made.size_bytes == 3


def test_the_text_reads_back_as_the_manifest() -> None:
    made = manifest()
    assert parse_manifest(made.digest, made.content) == made


def test_another_text_under_the_digest_is_refused() -> None:
    made = manifest()
    with pytest.raises(DomainError) as refused:
        parse_manifest(made.digest, made.content.replace(b"model.pkl", b"evil.pkl"))
    assert refused.value.reason is Reason.DIGEST_MISMATCH


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../b", "a\\b", "C:x", "%2e%2e/x", "", "a."])
def test_a_path_that_leaves_the_root_is_refused(path: str) -> None:
    entry = ManifestEntry(path, "sha256:" + "0" * 64, 1)
    text = f"{entry.digest} 1 {path}\n"
    with pytest.raises(DomainError) as refused:
        manifest_of(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", [entry])
    assert refused.value.reason is Reason.ARTIFACT_PATH_INVALID

"""Blob URLs: what they say, and what of them is refused in one line."""

from __future__ import annotations

import pytest

from trackway_server.artifacts.config import S3Settings
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.store.s3_location import S3Location, parse_blob_url
from trackway_server.core.lifecycle import StartupError


def test_what_a_url_says() -> None:
    assert parse_blob_url("s3://bucket") == S3Location("bucket")
    assert parse_blob_url("s3://bucket/a/b/?endpoint=http://127.0.0.1:8333/") == S3Location(
        "bucket", "a/b/", "http://127.0.0.1:8333", "us-east-1", "path"
    )
    assert parse_blob_url("s3://b.c-d/x?region=eu-central-1&addressing=path&sse=aws:kms&kms_key=k") == S3Location(
        "b.c-d", "x/", None, "eu-central-1", "path", "aws:kms", "k"
    )
    assert parse_blob_url("s3://bucket?endpoint=https://h&addressing=virtual").addressing == "virtual"


def test_keys_hold_hexadecimal_digits_only() -> None:
    digest = Digest.of_hex("ab" + "c" * 62)
    assert parse_blob_url("s3://bucket").key(digest) == "sha256/ab/" + "c" * 62
    assert parse_blob_url("s3://bucket/p").key(digest) == "p/sha256/ab/" + "c" * 62


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("bucket", "begins with s3://"),
        ("https://bucket", "begins with s3://"),
        ("s3://", "a bucket has"),
        ("s3://Bucket", "a bucket has"),
        ("s3://b/../x", "a bucket has"),
        ("s3://user:hush-hush@bucket", "it holds no keys"),
        ("s3://bucket/a//b", "a prefix is"),
        ("s3://bucket/../b", "a prefix is"),
        ("s3://bucket/a%2e", "a prefix is"),
        ("s3://bucket/a b", "a prefix is"),
        ("s3://bucket#x", "behind #"),
        ("s3://bucket?secret=hush-hush", "'secret' is no parameter"),
        ("s3://bucket?region=a&region=b", "given once"),
        ("s3://bucket?region=a/b", "region is"),
        ("s3://bucket?endpoint=ftp://h", "endpoint is"),
        ("s3://bucket?endpoint=http://u:hush-hush@h", "endpoint is"),
        ("s3://bucket?endpoint=http://h/bucket", "endpoint ends"),
        ("s3://bucket?endpoint=http://h:port", "endpoint is"),
        ("s3://[bucket", "begins with s3://"),
        ("s3://bucket?addressing=other", "addressing is"),
        ("s3://bucket?sse=other", "sse is"),
        ("s3://bucket?sse=AES256&kms_key=k", "kms_key goes"),
    ],
)
def test_what_makes_no_sense_is_refused(url: str, said: str) -> None:
    with pytest.raises(StartupError) as refusal:
        parse_blob_url(url)
    assert said in str(refusal.value)
    assert "hush" not in str(refusal.value)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_S3_ACCESS_KEY_ID", "hush-hush")
    monkeypatch.setenv("TRACKWAY_S3_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("TRACKWAY_S3_SESSION_TOKEN", "")
    settings = S3Settings()
    assert settings.access_key_id is not None
    assert settings.session_token is None
    assert "hush" not in f"{settings!r} {settings}"

"""Where in S3 blobs lie, as a blob URL says it: `s3://BUCKET[/PREFIX][?endpoint=…&region=…&addressing=…&sse=…&kms_key=…]`.

endpoint    `http://HOST:PORT` or `https://HOST`; without it, AWS's own of the region
region      with an endpoint `us-east-1`, else what the AWS chain says
addressing  `path` (the default with an endpoint) or `virtual` (the default without one)
sse         `AES256` or `aws:kms`: the bucket's server encrypts what is stored; `kms_key` names the key for `aws:kms`
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qsl, urlsplit

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.core.lifecycle import StartupError

DEFAULT_REGION = "us-east-1"
SHARD_DIGITS = 2

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX_PART = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,100}", re.ASCII)
_REGION = re.compile(r"[A-Za-z0-9-]{1,40}", re.ASCII)
_PARAMETERS = frozenset({"endpoint", "region", "addressing", "sse", "kms_key"})
_ADDRESSING = frozenset({"path", "virtual"})
_ENCRYPTIONS = frozenset({"AES256", "aws:kms"})


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket, a prefix in it, and how it is reached. It holds no secret."""

    bucket: str
    prefix: str = ""
    """Empty, or with a `/` at its end."""
    endpoint: str | None = None
    region: str | None = None
    addressing: str = "virtual"
    sse: str = ""
    kms_key: str = ""

    @property
    def blobs(self) -> str:
        """The prefix of all blobs."""
        return f"{self.prefix}sha256/"

    @property
    def incoming(self) -> str:
        """The prefix of what is still being uploaded."""
        return f"{self.prefix}incoming/"

    def key(self, digest: Digest) -> str:
        """The key of a blob: nothing but hexadecimal digits behind the prefix."""
        return f"{self.blobs}{digest.hex[:SHARD_DIGITS]}/{digest.hex[SHARD_DIGITS:]}"

    def at(self, endpoint: str) -> S3Location:
        """The same bucket, reached at another endpoint. Raises StartupError where it is none."""
        try:
            return replace(self, endpoint=_endpoint(endpoint))
        except StartupError:
            message = "TRACKWAY_S3_PRESIGN_ENDPOINT is `same`, http://HOST:PORT or https://HOST"
            raise StartupError(message) from None

    def __str__(self) -> str:
        where = f" at {self.endpoint}" if self.endpoint else ""
        return f"bucket {self.bucket!r}{where}"


def parse_blob_url(url: str) -> S3Location:
    """Read a blob URL. Raises StartupError with what is wrong in it; the text never repeats a password."""
    parts = _split(url)
    if parts is None or parts.scheme != "s3":
        raise _refused("it begins with s3://, as in s3://bucket/prefix?endpoint=https://host&region=us-east-1")
    if "@" in parts.netloc:
        raise _refused("it holds no keys: set TRACKWAY_S3_ACCESS_KEY_ID and TRACKWAY_S3_SECRET_ACCESS_KEY")
    if not _BUCKET.fullmatch(parts.netloc):
        raise _refused("a bucket has 3 to 63 lower-case letters, digits, dots and hyphens: s3://BUCKET/PREFIX")
    if parts.fragment:
        raise _refused("it has no part behind #")
    return _location(parts.netloc, _prefix(parts.path), _parameters(parts.query))


def _location(bucket: str, prefix: str, given: dict[str, str]) -> S3Location:
    endpoint = _endpoint(given.get("endpoint"))
    region = given.get("region") or (DEFAULT_REGION if endpoint else None)
    if region is not None and not _REGION.fullmatch(region):
        raise _refused("region is a name like eu-central-1")
    addressing = given.get("addressing") or ("path" if endpoint else "virtual")
    if addressing not in _ADDRESSING:
        raise _refused("addressing is path or virtual")
    sse, kms_key = given.get("sse", ""), given.get("kms_key", "")
    if sse and sse not in _ENCRYPTIONS:
        raise _refused("sse is AES256 or aws:kms")
    if kms_key and sse != "aws:kms":
        raise _refused("kms_key goes with sse=aws:kms")
    return S3Location(bucket, prefix, endpoint, region, addressing, sse, kms_key)


def _prefix(path: str) -> str:
    trimmed = path.strip("/")
    if not trimmed:
        return ""
    # Servers disagree about what an empty part, `..` or an odd character in a key means.
    if not all(_PREFIX_PART.fullmatch(part) for part in trimmed.split("/")):
        raise _refused("a prefix is made of letters, digits, dots, hyphens and underscores, with single slashes")
    return f"{trimmed}/"


def _parameters(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    if unknown := sorted(given.keys() - _PARAMETERS):
        raise _refused(f"{unknown[0]!r} is no parameter of it: choose from {', '.join(sorted(_PARAMETERS))}")
    if len(given) != len(pairs):
        raise _refused("each parameter is given once")
    return given


def _endpoint(text: str | None) -> str | None:
    if not text:
        return None
    parts = _split(text)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise _refused("endpoint is http://HOST:PORT or https://HOST, without keys")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _refused("endpoint ends with its host and port: a prefix goes into s3://BUCKET/PREFIX")
    return f"{parts.scheme}://{parts.netloc}"


def _split(url: str) -> SplitResult | None:
    """The URL in parts; None where it has none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # is a number, or ValueError
    except ValueError:
        return None
    return parts


def _refused(rule: str) -> StartupError:
    return StartupError(f"--blob-url cannot be used: {rule}")

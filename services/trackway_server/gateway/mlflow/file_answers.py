"""How a file that somebody uploaded is answered: as a download that no browser shows or runs, in parts where asked."""

from __future__ import annotations

import mimetypes
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import Headers

from trackway.api.artifacts.v1.resources_pb2 import Artifact
from trackway_server.gateway.guard import SANDBOX_POLICY
from trackway_server.gateway.mlflow.artifact_paths import as_named

BINARY = "application/octet-stream"

_TEXTS = frozenset(
    [
        "txt",
        "log",
        "err",
        "cfg",
        "conf",
        "cnf",
        "cf",
        "ini",
        "properties",
        "prop",
        "hocon",
        "toml",
        "yaml",
        "yml",
        "xml",
        "json",
        "js",
        "py",
        "py3",
        "csv",
        "tsv",
        "md",
        "rst",
        "ipynb",
        "MLmodel",
        "MLproject",
    ]
)
"""What MLflow's server answers as text/plain, by the end of the name or the whole of it."""
_HARMLESS = frozenset({"application/pdf", "application/zip", "application/gzip"})
_HARMLESS_KINDS = ("audio/", "video/", "image/")
_RUNS = frozenset({"image/svg+xml"})
_RANGE = re.compile(r"bytes=(?:(?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})?|-(?P<suffix>[0-9]{1,18}))", re.ASCII)
_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes to answer: `size_bytes` of them from `first` on. An empty one of a file that has bytes is none."""

    status: int
    first: int
    size_bytes: int


def part_of(headers: Headers, artifact: Artifact) -> Part:
    """What a request asks of a file: all, or the one range it names (RFC 9110, section 14). Several are answered
    as all.

    The status is 200, 206, 304 for what the client has already, or 416.
    """
    whole, tag = artifact.size_bytes, etag(artifact)
    if tag in headers.get("if-none-match", ""):
        return Part(304, 0, 0)
    asked = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if asked is None or headers.get("if-range", tag) != tag:
        return Part(200, 0, whole)
    if asked["suffix"] is not None:
        first, last = max(whole - int(asked["suffix"]), 0), whole - 1
    else:
        first, last = int(asked["first"]), min(int(asked["last"] or whole - 1), whole - 1)
    if asked["last"] is not None and int(asked["last"]) < int(asked["first"]):
        return Part(200, 0, whole)  # no range at all
    return Part(206, first, last - first + 1) if first <= last else Part(416, 0, 0)


def headers_of(artifact: Artifact, part: Part) -> Mapping[str, str]:
    """The head of the answer."""
    whole = artifact.size_bytes
    ranges = {
        206: {"Content-Range": f"bytes {part.first}-{part.first + part.size_bytes - 1}/{whole}"},
        416: {"Content-Range": f"bytes */{whole}"},
    }
    return {
        "Content-Type": media_type_of(artifact.path),
        "Content-Disposition": disposition_of(artifact.path),
        "Content-Security-Policy": SANDBOX_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "ETag": etag(artifact),
        "Cache-Control": "private, no-cache",
        **({} if part.status == 304 else {"Content-Length": str(part.size_bytes)}),
        **ranges.get(part.status, {}),
    }


def etag(artifact: Artifact) -> str:
    """The digest, quoted."""
    return f'"{artifact.digest}"'


def media_type_of(path: str) -> str:
    """A type that no browser runs anything of: MLflow's where it is such a one, else that of bytes."""
    name = posixpath.basename(path)
    if posixpath.splitext(name)[1].removeprefix(".") in _TEXTS or name in _TEXTS:
        return "text/plain"
    guessed, encoding = mimetypes.guess_type(name)
    if guessed is None or encoding is not None or guessed in _RUNS:
        return BINARY
    return guessed if guessed in _HARMLESS or guessed.startswith(_HARMLESS_KINDS) else BINARY


def disposition_of(path: str) -> str:
    """`attachment`, with the name as it is (RFC 6266), and for old readers in plain letters."""
    name = posixpath.basename(as_named(path))
    plain = _PLAIN.sub("_", name)
    told = f'attachment; filename="{plain}"'
    return told if plain == name else f"{told}; filename*=UTF-8''{quote(name, safe='')}"

"""Secrets in a diff: the lines and the shape of it stay, so that it can be read and, but for them, applied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from trackway._source.redaction import HIDDEN, redacted

_CODE = frozenset(
    (".py", ".pyi", ".ipynb", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".js", ".ts", ".tsx", ".java", ".go")
) | {".rs", ".scala", ".kt", ".jl", ".r", ".rb", ".php", ".cs", ".swift", ".md", ".rst", ".tex", ".html", ".css"}
"""Of files whose values stand in quotes; others may be settings."""
_OF_SECRETS = re.compile(
    r"(?i)\.?_?netrc|\.pgpass|\.htpasswd|\.git-credentials|id_(?:rsa|dsa|ecdsa|ed25519)|.+\.(?:pem|key|p8|ppk|asc|jks|kdbx)"
)
"""Files that hold nothing else."""
_ENV = re.compile(r"(?i)\.env(?:\..+)?|.+\.env|.+\.tfvars|credentials|secrets?\.(?:ya?ml|json|toml|ini)|\.s3cfg|\.boto")
"""Files of names and values, all of which may be secret."""
_ENV_LINE = re.compile(r"(\s*(?:export\s+)?[\"']?[\w.-]+[\"']?\s*[=:]\s*)(\S.*?)(,?\s*)")
_EXAMPLE = re.compile(r"(?i)example|sample|template|\.dist$")
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?!.*-----END )")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(r"[\s\"'#/*]*[A-Za-z0-9+/=:,. -]{0,200}(?:\\n)?[\s\"',+\\]*")


def without_secrets(diff: bytes) -> tuple[bytes, int]:
    """The diff with its secrets replaced, and how many lines that concerns."""
    lines = diff.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    told = list(_lines(lines))
    changed = sum(one != other for one, other in zip(lines, told, strict=True))
    return "".join(told).encode("utf-8", "surrogateescape"), changed


def _lines(lines: list[str]) -> Iterator[str]:
    name, in_key, in_hunk = "", False, False
    for whole in lines:
        line = whole.rstrip("\r\n")
        end = whole[len(line) :]
        if line.startswith("diff --git "):
            in_key = in_hunk = False
        elif not in_hunk and line.startswith(("--- ", "+++ ")):
            path = line[4:].strip().strip('"')
            name = PurePosixPath(path).name if path != "/dev/null" else name
        elif line.startswith("@@ "):
            in_key, in_hunk = False, True
            start = line.find(" @@") + 3
            yield line[:start] + _told(line[start:], name) + end
            continue
        elif in_hunk and line[:1] in ("+", "-", " "):
            mark, text = line[:1], line[1:]
            if in_key and _END.search(text) is None and _KEY_LINE.fullmatch(text):
                yield mark + HIDDEN + end
                continue
            in_key = _BEGIN.search(text) is not None
            yield mark + _told(text, name) + end
            continue
        yield redacted(line) + end


def _told(text: str, name: str) -> str:
    if not text.strip() or text.lstrip().startswith("-----"):
        return redacted(text)
    if _OF_SECRETS.fullmatch(name):
        return HIDDEN
    if _ENV.fullmatch(name) and not _EXAMPLE.search(name):
        found = _ENV_LINE.fullmatch(text)
        if found is not None and not text.lstrip().startswith("#"):
            return found[1] + HIDDEN + found[3]
    return redacted(text, loose=PurePosixPath(name).suffix.lower() not in _CODE)

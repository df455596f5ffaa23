"""Which packages a process could import, read from their metadata, as a list that pip installs again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from urllib.parse import urlsplit, urlunsplit

from trackway._source.redaction import redacted


def requirements(path: list[str]) -> str:
    """The distributions found on `path` (that process's `sys.path`), one a line, sorted by name: `name==version`, or
    `name @ URL` for what was installed from a repository. Of several of one name the first on the path counts."""
    lines: dict[str, str] = {}
    for found in _readable(distributions(path=path)):
        name = found.name
        if name:
            lines.setdefault(name.lower().replace("_", "-").replace(".", "-"), _line(found, name))
    return "".join(f"{redacted(lines[name])}\n" for name in sorted(lines))


def _readable(found: Iterable[Distribution]) -> Iterable[Distribution]:
    """Without those whose metadata cannot be read: a package that is being installed, a broken one."""
    for each in found:
        try:
            if each.metadata is not None and each.version is not None:
                yield each
        except (OSError, UnicodeDecodeError, KeyError):
            continue


def _line(found: Distribution, name: str) -> str:
    """PEP 610's `direct_url.json` says where a package came from, if not from an index."""
    try:
        origin = json.loads(found.read_text("direct_url.json") or "null")
    except (ValueError, OSError):
        origin = None
    if isinstance(origin, dict) and isinstance(origin.get("url"), str):
        vcs = origin.get("vcs_info")
        if isinstance(vcs, dict):
            return f"{name} @ {vcs.get('vcs')}+{_public(origin['url'])}@{vcs.get('commit_id')}"
        if isinstance(origin.get("dir_info"), dict):
            return f"# {name}=={found.version} was installed from a folder of that machine"
    return f"{name}=={found.version}"


def _public(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

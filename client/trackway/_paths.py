"""Where a file that a server names may be written: inside the folder that the user chose, or nowhere."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from trackway.errors import InvalidArgument

_MEANINGFUL = frozenset('\\:*?"<>|%#')
"""Backslash and the like: some file system, or a reader of URLs, gives them a meaning."""
_SHOWN = 200


def safe_destination(root: Path | str, path: str) -> Path:
    """The place of `path`, relative and with `/` between its parts, below the folder `root`.

    Whoever sent the path is not trusted. Raises InvalidArgument for a path that is not in normal form, and where a link
    inside `root` would lead the file out of it. Nothing is created.
    """
    if problem := _problem(path):
        shown = path[:_SHOWN].encode("ascii", "backslashreplace").decode()
        raise InvalidArgument(f"the artifact path {shown!r} {problem}: it is not written to this machine")
    base = Path(root)
    destination = base.joinpath(*path.split("/"))
    # Resolved last of all, because links are what the text of a path cannot show.
    if not destination.parent.resolve().is_relative_to(base.resolve()):
        raise InvalidArgument(
            f"a link below {str(base)!r} leads {path!r} out of it: remove the link, or choose another folder"
        )
    return destination


def _problem(path: str) -> str:
    if not path:
        return "is empty"
    if any(letter in _MEANINGFUL or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in path):
        return "holds a character that has a meaning to file systems"
    if path != unicodedata.normalize("NFC", path):
        return "is not in Unicode's normal form"
    return next((found for part in path.split("/") if (found := _part_problem(part))), "")


def _part_problem(part: str) -> str:
    if part in ("", ".", "..") or unicodedata.normalize("NFKC", part) in ("", ".", ".."):
        return "has a part that is empty, '.' or '..'"
    if part.endswith((".", " ")):
        return "has a part that ends in a dot or a space"
    if "/" in unicodedata.normalize("NFKC", part) or "\\" in unicodedata.normalize("NFKC", part):
        return "has a letter that looks like a separator"
    return "has a part that is too long" if len(part.encode()) > 255 else ""

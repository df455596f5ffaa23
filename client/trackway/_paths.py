"""Where a file that a server names may be written: inside the folder that the user chose, or nowhere."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from trackway.errors import InvalidArgument

_MEANINGFUL = frozenset("\\:?%#")
"""Some file system, or a reader of URLs, gives them a meaning; no server of ours takes them."""
_REFUSED_BY_WINDOWS = frozenset('*"<>|')
_DEVICE_OF_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|$)", re.IGNORECASE)
_PART_BYTES = 255
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
    if problem := _form_problem(path):
        return problem
    if path != unicodedata.normalize("NFC", path):
        return "is not in Unicode's normal form"
    alike = unicodedata.normalize("NFKC", path)
    if alike.count("/") != path.count("/") or _form_problem(alike):
        return "has a letter that looks like one with a meaning to file systems"
    return next((found for part in path.split("/") if (found := _name_problem(part))), "")


def _form_problem(path: str) -> str:
    if any(letter in _MEANINGFUL or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in path):
        return "holds a character that has a meaning to file systems"
    if any(not part or part.endswith((".", " ")) for part in path.split("/")):
        return "has a part that is empty, or ends in a dot or a space"
    return ""


def _name_problem(part: str) -> str:
    if os.name == "nt" and (_DEVICE_OF_WINDOWS.match(part) or not _REFUSED_BY_WINDOWS.isdisjoint(part)):
        return "has a part that Windows does not take as the name of a file"
    return "has a part that is too long" if len(part.encode()) > _PART_BYTES else ""

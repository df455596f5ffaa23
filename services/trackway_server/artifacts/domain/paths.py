"""Paths of artifacts. No instance holds a path that could leave its owner, whatever file system or URL it meets later.

A path is checked whenever one is made: from a request, a page token, and each row that comes out of the database.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from trackway_server.core.errors import DomainError, Reason

MAX_PATH_BYTES = 1024
MAX_PART_BYTES = 255
SHOWN_CHARACTERS = 200

# Control characters, line and paragraph separators, lone surrogates; then what some reader of paths gives a meaning:
# backslash (Windows), percent (URL decoding), hash and question mark (URL parts), colon (drives, schemes, streams).
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\%#?:]")
_BAD_PART = re.compile(r"(?:\A|/)(?:[^/]*[. ])?(?:\Z|/)")


@dataclass(frozen=True, slots=True, order=True)
class ArtifactPath:
    """A relative path in normal form (FORMAT_ARTIFACT_PATH in common/v1/limits.proto), never empty.

    At most 1,024 bytes of UTF-8, each part at most 255. Paths sort by code point, which is by UTF-8 bytes.
    Raises DomainError(ARTIFACT_PATH_INVALID).
    """

    text: str

    def __post_init__(self) -> None:
        if problem := _problem(self.text):
            shown = self.text[:SHOWN_CHARACTERS].encode("utf-8", "backslashreplace").decode()
            raise DomainError(
                Reason.ARTIFACT_PATH_INVALID, f"The artifact path {shown!r} {problem}; choose another.", path=shown
            )

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """The last part."""
        return self.text.rpartition("/")[2]

    def ancestors(self) -> tuple[str, ...]:
        """The folders the path lies in, outermost first: of `a/b/c` they are `a` and `a/b`."""
        return tuple(self.text[: match.start()] for match in re.finditer("/", self.text))


Folder = ArtifactPath | None
"""A folder of an owner; None is its root."""


def parse_folder(text: str) -> Folder:
    """The folder named by `text`; the empty text is the root. Raises DomainError(ARTIFACT_PATH_INVALID)."""
    return ArtifactPath(text) if text else None


def prefix_of(folder: Folder) -> str:
    """What every path below the folder begins with: `a/b/`, or nothing for the root."""
    return f"{folder}/" if folder else ""


def end_of(folder: Folder) -> str | None:
    """The first text after every path below the folder, in the order of paths; None for the root."""
    return after_folder(str(folder)) if folder else None


def after_file(path: str) -> str:
    """The first text after a file's path: no path has a character below a space."""
    return f"{path}\x01"


def after_folder(path: str) -> str:
    """The first text after every path below a folder: `0` is the character after `/`."""
    return f"{path}0"


def _problem(text: str) -> str | None:
    """What is wrong with a path, as the end of a sentence; None for a good one."""
    if problem := _problem_of_length(text) or _problem_of_form(text):
        return problem
    if text.isascii():
        return None
    if not unicodedata.is_normalized("NFC", text):
        return "is not in Unicode normal form C"
    compatible = unicodedata.normalize("NFKC", text)
    if compatible.count("/") != text.count("/") or _problem_of_form(compatible):
        return "holds a character that looks like another with a meaning in paths"
    return None


def _problem_of_length(text: str) -> str | None:
    encoded = text.encode("utf-8", "surrogatepass")
    if not encoded:
        return "is empty"
    if len(encoded) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    if any(len(part) > MAX_PART_BYTES for part in encoded.split(b"/")):
        return f"has a part longer than {MAX_PART_BYTES} bytes"
    return None


def _problem_of_form(text: str) -> str | None:
    if found := _FORBIDDEN.search(text):
        return f"holds the character {found[0]!a}"
    if _BAD_PART.search(text):
        return "has a part that is empty, or ends in a dot or a space"
    return None

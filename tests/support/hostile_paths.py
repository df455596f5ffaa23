"""Paths as attackers write them (attacks.md, "File paths and source URIs"): a list, and a generator of more."""

from __future__ import annotations

import ntpath
import posixpath
import unicodedata
from urllib.parse import unquote

from hypothesis import strategies as st

REFUSED = (
    "/",
    "/etc/passwd",
    "//host/share",
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "a/../b",
    ".",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    "..\\x",
    "..\\..\\x",
    "a\\b",
    "\\x",
    "\\\\host\\share\\x",
    "\\\\?\\C:\\x",
    "C:\\x",
    "C:/x",
    "C:x",
    "a:stream",
    "file:x",
    "file:/etc/passwd",
    "file:///etc/passwd",
    "s3://bucket/x",
    "http://169.254.169.254/latest",
    "%2e%2e/x",
    "%2E%2E%2Fx",
    "%252e%252e%252fx",
    "..%2fx",
    "..%5cx",
    "%00",
    "%c0%ae%c0%ae/x",
    "a#/../../x",
    "#../x",
    "a?b=../x",
    "a?",
    "a\x00b",
    "a\x00.png",
    "a\nb",
    "a\rb",
    "a\x1b[2Jb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "a.",
    "a ",
    "a./b",
    "a /b",
    "...",
    ". .",
    "\uff0e\uff0e/x",  # fullwidth full stops
    "a/\uff0e\uff0e",
    "\u2024\u2024/x",  # one-dot leaders
    "\u2025/x",  # two-dot leader
    "\u2026/x",  # ellipsis
    "a\uff0f..\uff0fb",  # fullwidth solidus
    "a\uff0fb",
    "..\uff3cx",  # fullwidth reverse solidus
    "a\ufe68b",  # small reverse solidus
    "C\uff1ax",  # fullwidth colon
    "\uff05252e",  # fullwidth percent
    "a\u00a0",  # a space after compatibility decomposition
    "e\u0301",  # not composed
    "x" * 1025,
    "x/" * 600 + "x",
    "x" * 256,
    "\u00e9" * 128,
)
"""Each is refused by every RPC that takes a path."""

TAKEN = (
    "a",
    "model/MLmodel",
    ".hidden",
    "..a",
    "...a/b",
    "~/x",
    "$HOME/x",
    "-rf",
    "a b/c d.txt",
    " a",
    "con",
    "nul.txt",
    "COM1",
    "aux.json",
    "a*b",
    'a"b',
    "a<b>|c",
    "a;b&c`d`",
    "\u00e9t\u00e9/\u65e5\u672c\u8a9e.png",
    "a\u2215..\u2215b",  # division slash: a letter like any other, to every reader
    "a\u202egnp.exe",
    "\U0001f389",
    "x" * 255,
    "/".join(["x" * 200] * 5),
)
"""Each is a name like any other and comes back exactly."""

_ODD_PARTS = """
.. . ... %2e%2e %252e ..%2f C: file: ~ con nul.txt a a. # ? - b.txt
\u2024\u2024 \uff0e\uff0e \u2025 \u2026 \u2215 \uff0f \uff3c \u00e9 e\u0301 \u202e \ufeff \U0001f389
"""
_PARTS = st.one_of(
    st.sampled_from([*_ODD_PARTS.split(), "", "a ", " a", "\x00", "\n", "\x7f", "\u00a0"]),
    st.sampled_from(["x" * 255, "x" * 256, "\u00e9" * 127]),
    st.text(max_size=6),
)
_SEPARATORS = st.sampled_from(["/", "/", "/", "\\", "//", "\u2215", "\uff0f"])
_PREFIXES = st.sampled_from(["", "", "", "", "/", "//", "file://", "C:\\", "\\\\host\\share\\"])


@st.composite
def hostile_paths(draw: st.DrawFn) -> str:
    """Any text that somebody could take for a path, no lone surrogates (protobuf carries none)."""
    pieces = draw(st.lists(st.tuples(_PARTS, _SEPARATORS), min_size=1, max_size=5))
    text = draw(_PREFIXES) + "".join(part + separator for part, separator in pieces[:-1]) + pieces[-1][0]
    return text.encode("utf-8", "replace").decode()


def stays_inside(path: str) -> bool:
    """Whether every reader of the path we can think of stays below the folder it starts from."""
    decoded = {path, unquote(path), unquote(unquote(path))}
    readings = decoded | {unicodedata.normalize("NFKC", path), path.partition("#")[0]}
    return all(_inside_posix(reading) and _inside_windows(reading) for reading in readings)


def _inside_posix(path: str) -> bool:
    return posixpath.normpath(posixpath.join("/root", path)).startswith("/root/") and "\x00" not in path


def _inside_windows(path: str) -> bool:
    joined = ntpath.normpath(ntpath.join("R:\\root", path))
    return joined.startswith("R:\\root\\")

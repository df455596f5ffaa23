"""Values and names that no server keeps as they are: the run goes on with as much as fits, and a mark that says so."""

from __future__ import annotations

import sys


def cut(kind: str, name: str, value: str, limit: int) -> str:
    """The beginning of `value`, with a mark at its end, in at most `limit` bytes of UTF-8.

    The mark has the length and the SHA-256 of the whole, so that another value of a param is still another one. One
    line on stderr tells what happened.
    """
    import hashlib

    raw = value.encode()
    digest = hashlib.sha256(raw).hexdigest()[:16]
    mark = f"… [cut off here: {len(raw):,} bytes in all, SHA-256 {digest}…]"
    sys.stderr.write(
        f"trackway: the value of the {kind} {name!r:.80} has {len(raw):,} bytes; the first {limit:,} are kept: "
        "log it with log_text to keep all of it\n"
    )
    return raw[: limit - len(mark.encode())].decode(errors="ignore") + mark


def one_line(name: str, limit: int) -> str:
    """`name` as a server takes it: one line of at most `limit` characters, an ellipsis for those beyond.

    A run whose creation is refused for its name would never be seen, with all that was logged to it.
    """
    line = name.encode("utf-8", "backslashreplace").decode()
    line = "".join(" " if _is_control(character) else character for character in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029"

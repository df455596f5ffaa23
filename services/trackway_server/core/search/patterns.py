"""Patterns of text: LIKE, ILIKE and RLIKE. Regular expressions are RE2's: their cost grows with the text, no faster."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from trackway_server.core.search.syntax import Operator

MAX_PATTERN = 1_000

Matcher = Callable[[str], bool]


def problem_of(pattern: str) -> str | None:
    """Why a regular expression cannot be used; None where it can."""
    if len(pattern) > MAX_PATTERN:
        return f"more than {MAX_PATTERN} characters"
    import re2

    try:
        _compiled(pattern)
    except re2.error as error:
        return str(error.args[0].decode() if isinstance(error.args[0], bytes) else error)
    return None


@lru_cache(maxsize=256)
def matcher(operator: Operator, pattern: str) -> Matcher:
    """Whether a text matches: LIKE and ILIKE the whole of it (`%`: any text, `_`: any character), RLIKE a part.

    To ILIKE the letters A to Z are a to z; all other characters are themselves, as in every database.
    """
    if operator is Operator.RLIKE:
        search = _compiled(pattern).search
        return lambda text: search(text) is not None
    if operator is Operator.ILIKE:
        matches = matcher(Operator.LIKE, lower_ascii(pattern))
        return lambda text: matches(lower_ascii(text))
    parts = (".*" if part == "%" else "." if part == "_" else _quoted(part) for part in re.split("([%_])", pattern))
    full_match = _compiled("(?s)" + "".join(parts)).fullmatch
    return lambda text: full_match(text) is not None


def lower_ascii(text: str) -> str:
    """The text with a to z for A to Z."""
    return text.encode().lower().decode()


def _quoted(text: str) -> str:
    import re2

    return str(re2.escape(text))


def _compiled(pattern: str) -> Any:
    # Loaded where it is used: not at a server's start.
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    return re2.compile(pattern, options)

"""Times in filters: a literal means a span of time, as exact as it was written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

Span = tuple[int, int]
"""From (included) and to (not included), microseconds since 1970 UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_RELATIVE = re.compile(r"now(?:\s*-\s*(\d{1,6})\s*([smhdw]))?", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?![:\d])")
_FRACTION = re.compile(r"\d{2}:\d{2}:\d{2}[.,]\d")

MS = 1_000
SECOND = 1_000_000


def span_of_milliseconds(milliseconds: int | float) -> Span:
    """The span of a time in milliseconds since 1970, MLflow's unit."""
    first = int(milliseconds * MS)
    return first, first + MS


def span_of_text(text: str, now_us: int) -> Span | None:
    """The span of `2026-11-23`, `2026-11-23T14:30`, … (UTC without a zone), `now` or `now-7d`; None for others."""
    text = text.strip()
    if found := _RELATIVE.fullmatch(text):
        back = timedelta(**{_UNITS[found[2].lower()]: int(found[1])}) if found[1] else timedelta()
        first = now_us - back // timedelta(microseconds=1)
        return first, first + 1
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    first = (moment - _EPOCH) // timedelta(microseconds=1)
    return first, first + _length(text)


def _length(text: str) -> int:
    if _DAY.fullmatch(text):
        return 86_400 * SECOND
    if _MINUTE.match(text):
        return 60 * SECOND
    return 1 if _FRACTION.search(text) else SECOND

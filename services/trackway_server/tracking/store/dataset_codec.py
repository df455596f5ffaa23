"""The tags of a data set as one column: a JSON object, or nothing where there are none."""

from __future__ import annotations

import json
from collections.abc import Mapping


def encode_tags(tags: Mapping[str, str]) -> str:
    """The text of the column."""
    return json.dumps(dict(tags), ensure_ascii=False, sort_keys=True, separators=(",", ":")) if tags else ""


def decode_tags(text: str) -> dict[str, str]:
    """The tags that encode_tags took."""
    return dict(json.loads(text)) if text else {}

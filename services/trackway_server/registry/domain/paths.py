"""Paths of artifacts in normal form (FORMAT_ARTIFACT_PATH in common/v1/limits.proto)."""

from __future__ import annotations

import re
import unicodedata

MAX_PATH_BYTES = 1024

# What an encoding, a drive, a query or a fragment is made of; control characters, line ends and lone surrogates.
_FORBIDDEN = re.compile("[\\\\%#?:\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_normal_path(path: str) -> bool:
    """Whether the path is relative, `/`-separated, in normal form, and can mean nothing else after any decoding.

    It must hold after NFKC too: full-width dots and slashes become plain ones where somebody normalises later.
    """
    if not _is_plain(path) or len(path.encode()) > MAX_PATH_BYTES:
        return False
    if path.isascii():
        return True
    return unicodedata.is_normalized("NFC", path) and _is_plain(unicodedata.normalize("NFKC", path))


def _is_plain(path: str) -> bool:
    if _FORBIDDEN.search(path):
        return False
    return all(part and part[-1] not in ". " for part in path.split("/"))

"""Names of files that are common with MLflow and that Trackway has none of: `%`, which the images of MLflow 2's
`log_image(key=…)` have, and `:`, which times have. They are kept under characters that look like them and that no
address and no system gives a meaning, as the server keeps them for MLflow's HTTP clients."""

from __future__ import annotations

import unicodedata

INSTEAD = {"%": "\N{COMMERCIAL MINUS SIGN}", ":": "\N{MODIFIER LETTER COLON}"}
_KEPT = str.maketrans(INSTEAD)
_NAMED = str.maketrans({kept: named for named, kept in INSTEAD.items()})


def kept(path: str) -> str:
    """A path of MLflow's as it is kept, in Unicode NFC."""
    return unicodedata.normalize("NFC", path).translate(_KEPT)


def named(path: str) -> str:
    """A kept path as MLflow named it."""
    return path.translate(_NAMED)

"""What can be known to be wrong without asking a server. The rules are those of `common/v1/limits.proto`."""

from __future__ import annotations

from trackway.errors import InvalidArgument

MAX_KEY_LENGTH = 250
MAX_PARAM_BYTES = 4 << 20
MAX_TAG_BYTES = 1 << 20
MAX_PATH_BYTES = 1024

_KEY_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. :/")
_PATH_FORBIDDEN = frozenset('\\%#?:')


def key(kind: str, name: object) -> str:
    """`name` as the key of a metric, param or tag. Raises InvalidArgument."""
    if not isinstance(name, str):
        raise InvalidArgument(f"the key of a {kind} must be a str, not {type(name).__name__}: {name!r:.80}")
    if not name or len(name) > MAX_KEY_LENGTH:
        raise InvalidArgument(f"the key of a {kind} must have 1 to {MAX_KEY_LENGTH} characters: {name!r:.80}")
    if not _KEY_LETTERS.issuperset(name) and not all(each in _KEY_LETTERS or each.isalnum() for each in name):
        raise InvalidArgument(
            f"the key {name!r} of a {kind} may hold letters, digits, underscores, dashes, periods, spaces, colons and "
            "slashes only"
        )
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise InvalidArgument(f"the key {name!r} of a {kind} must have no part that is empty, '.' or '..' between its slashes")
    return name


def text(kind: str, name: str, value: object, limit: int) -> str:
    """`value` as text of at most `limit` bytes. Raises InvalidArgument."""
    result = value if isinstance(value, str) else str(value)
    if len(result) * 4 > limit and len(result.encode("utf-8", "surrogatepass")) > limit:
        raise InvalidArgument(f"the value of the {kind} {name!r} is longer than {limit:,} bytes; log it as an artifact (log_text)")
    return result


def mapping(kind: str, values: object) -> None:
    """Raises InvalidArgument where `values` is no mapping."""
    if not hasattr(values, "items"):
        raise InvalidArgument(f"{kind} must be a dict, not {type(values).__name__}")


def artifact_path(path: object) -> str:
    """`path` as the path of an artifact within its run, in normal form. Raises InvalidArgument."""
    if not isinstance(path, str):
        path = _as_text(path)
    parts = path.split("/")
    if path and not any(_bad_part(part) for part in parts) and len(path.encode("utf-8", "surrogatepass")) <= MAX_PATH_BYTES:
        return _normal_unicode(path)
    raise InvalidArgument(
        f"{path!r} is no artifact path: write parts joined by '/', none of them empty, '.' or '..', or ending in a dot or "
        r"space, without \ % # ? : and control characters"
    )


def _as_text(path: object) -> str:
    if hasattr(path, "__fspath__"):
        return str(path.__fspath__()).replace("\\", "/")
    raise InvalidArgument(f"an artifact path must be a str, not {type(path).__name__}")


def _bad_part(part: str) -> bool:
    if part in ("", ".", "..") or part[-1] in ". ":
        return True
    return not part.isprintable() or not _PATH_FORBIDDEN.isdisjoint(part)


def _normal_unicode(path: str) -> str:
    if path.isascii():
        return path
    import unicodedata

    composed = unicodedata.normalize("NFC", path)
    if any(_bad_part(part) for part in unicodedata.normalize("NFKC", composed).split("/")):
        raise InvalidArgument(f"{path!r} is no artifact path: it holds characters that look like a forbidden one")
    return composed

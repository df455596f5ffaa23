"""Which buckets are read with this machine's keys.

A database or a server names places of files, and so does everybody who may write there: any bucket that the keys of
whoever imports can read. Those are read that the source's own root of artifacts is in, and those that are allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from trackway.errors import Unsupported
from trackway.importing.places import Place, place_of

NOT_ALLOWED = "ARTIFACTS_NOT_ALLOWED"


class Buckets:
    """Places in S3 that may be read, by the addresses that they are below."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = [_parts(root) for root in roots if urlsplit(root).scheme == "s3"]

    def place(self, uri: str) -> Place:
        """The place of an address in S3. Raises Unsupported (ARTIFACTS_NOT_ALLOWED) where it must not be read."""
        bucket, path = _parts(uri)
        for allowed, root in self._roots:
            if bucket == allowed and (not root or path == root or path.startswith(f"{root}/")):
                return place_of(uri)
        raise Unsupported(
            f"{uri} is not below the source's own root of artifacts: to have it read with your keys, allow it by "
            f"--artifacts-from s3://{bucket}/{path}",
            reason=NOT_ALLOWED,
        )


def own_root(default_location: str) -> str:
    """A source's root of artifacts, by the place of its experiment 0: its server made that, and no user of it."""
    return default_location.rstrip("/").removesuffix("/0")


def _parts(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return parts.netloc, unquote(parts.path).strip("/")

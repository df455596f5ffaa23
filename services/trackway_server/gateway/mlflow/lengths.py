"""Values of params and tags that are longer than the services keep.

MLflow cuts off what is too long and lets the run go on; so does this, with a mark."""

from __future__ import annotations

import hashlib

from trackway_server.gateway.mlflow.parameters import Parameters

MAX_PARAM_BYTES = 4 << 20
MAX_TAG_BYTES = 1 << 20
"""As `metrics/v1/ingest.proto` has them."""


def param_value(asked: Parameters) -> str:
    """The `value` of a param, or what is kept of it."""
    return _kept(asked.text("value", ""), MAX_PARAM_BYTES)


def tag_value(asked: Parameters) -> str:
    """The `value` of a tag, or what is kept of it."""
    return _kept(asked.text("value", ""), MAX_TAG_BYTES)


def _kept(value: str, limit: int) -> str:
    """The mark has the length and the digest of the whole, so that another value of a param is still another one."""
    if 4 * len(value) <= limit or len(raw := value.encode()) <= limit:
        return value
    mark = f"… [cut off here: {len(raw):,} bytes in all, SHA-256 {hashlib.sha256(raw).hexdigest()[:16]}…]"
    return raw[: limit - len(mark.encode())].decode(errors="ignore") + mark

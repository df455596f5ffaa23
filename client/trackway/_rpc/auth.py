"""What every call carries: the caller's key and a request id."""

from __future__ import annotations

from trackway.config import ServerAddress

Metadata = tuple[tuple[str, str], ...]


def call_metadata(address: ServerAddress, request_id: str) -> Metadata:
    """Metadata of one call."""
    identity = ("x-request-id", request_id)
    return (identity, ("authorization", f"Bearer {address.token}")) if address.token else (identity,)

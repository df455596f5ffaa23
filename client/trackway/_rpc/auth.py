"""What every call carries: the caller's key, a request id, and the trace it belongs to, if any."""

from __future__ import annotations

from trackway._rpc.trace_context import trace_headers
from trackway.config import ServerAddress

Metadata = tuple[tuple[str, str], ...]


def call_metadata(address: ServerAddress, request_id: str) -> Metadata:
    """Metadata of one call."""
    told = (("x-request-id", request_id), *trace_headers())
    return (*told, ("authorization", f"Bearer {address.token}")) if address.token else told

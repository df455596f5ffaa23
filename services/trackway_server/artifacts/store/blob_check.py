"""What every blob store checks and answers alike."""

from __future__ import annotations

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.core.errors import DomainError, Reason

PIECE_BYTES = 1 << 20


def check_received(digest: Digest, size_bytes: int, actual: Digest, actual_bytes: int) -> None:
    """Raise DomainError(DIGEST_MISMATCH) unless what was received is what the sender says it sent."""
    if actual == digest and actual_bytes == size_bytes:
        return
    raise DomainError(
        Reason.DIGEST_MISMATCH,
        f"The bytes received ({actual_bytes}) are not the bytes sent ({size_bytes}); send the file again.",
        expected=digest.text,
        actual=actual.text,
    )

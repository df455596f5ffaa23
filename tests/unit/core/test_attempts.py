"""Wrong keys are slowed down, in bounded memory."""

from __future__ import annotations

import pytest

from trackway_server.core.auth.attempts import MAX_COUNTED, REFILL_SECONDS, FailedAttempts
from trackway_server.core.errors import DomainError, Reason


def test_a_burst_then_one_at_a_time() -> None:
    attempts = FailedAttempts(3)
    for _ in range(3):
        attempts.check(["peer a", "key b"], 0.0)
        attempts.note(["peer a", "key b"], 0.0)
    for origins in (["peer a"], ["peer x", "key b"]):
        with pytest.raises(DomainError) as refused:
            attempts.check(origins, 0.0)
        assert refused.value.reason is Reason.TOO_MANY_ATTEMPTS
    attempts.check(["peer x", "key y"], 0.0)
    attempts.check(["peer a"], REFILL_SECONDS)
    attempts.note(["peer a"], REFILL_SECONDS)
    with pytest.raises(DomainError):
        attempts.check(["peer a"], REFILL_SECONDS)


def test_memory_is_bounded() -> None:
    attempts = FailedAttempts(3)
    for number in range(MAX_COUNTED + 100):
        attempts.note([f"peer {number}"], 0.0)
    assert len(attempts) == MAX_COUNTED

"""Token buckets and counts of open calls, and what they remember."""

from __future__ import annotations

import pytest

from trackway_server.core.rpc.quotas import MOST_BUCKETS, OpenCalls, RateLimit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(per_second=8, burst=3, clock=clock)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") == pytest.approx(0.125)
    clock.now += 0.125
    assert limit.take("a") == 0
    assert limit.take("a") > 0
    clock.now += 3600  # a long pause saves no more than a burst
    assert [limit.take("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_one_principal_does_not_use_up_anothers_share() -> None:
    limit = RateLimit(per_second=1, burst=1, clock=Clock())
    assert (limit.take("a"), limit.take("b")) == (0, 0)
    assert limit.take("a") > 0


def test_the_memory_of_names_is_bounded_and_keeps_the_busy_ones() -> None:
    limit = RateLimit(per_second=0.001, burst=1, clock=Clock())
    for number in range(3 * MOST_BUCKETS):
        limit.take("busy")
        limit.take(str(number))
    assert len(limit) == MOST_BUCKETS
    assert limit.take("busy") > 0


def test_open_calls_are_forgotten_when_they_end() -> None:
    calls = OpenCalls(2)
    assert [calls.begin("a"), calls.begin("a"), calls.begin("a"), calls.begin("b")] == [True, True, False, True]
    calls.end("a")
    assert calls.begin("a")
    for name in ("a", "a", "b"):
        calls.end(name)
    assert len(calls) == 0

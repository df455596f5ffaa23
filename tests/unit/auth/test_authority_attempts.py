"""Wrong keys are slowed down by address and by key, and nobody can use that to lock others out."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from trackway_server.auth.authority import Authority
from trackway_server.auth.config import AuthSettings
from trackway_server.auth.domain import keys
from trackway_server.auth.domain.model import Caller
from trackway_server.auth.store.memory import MemoryAuthStore
from trackway_server.core.errors import DomainError, Reason

ADMIN = "tw_" + "k" * 43
BURST = 3


class Clock:
    now = 1_000_000_000_000

    def now_us(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryAuthStore:
    return MemoryAuthStore()


@pytest.fixture
def authority(store: MemoryAuthStore, clock: Clock, tmp_path: Path) -> Authority:
    settings = AuthSettings(data_dir=tmp_path, admin_key=SecretStr(ADMIN), failed_attempts=BURST)
    return Authority(store, clock, settings)


async def reason(authority: Authority, key: str, peer: str) -> Reason | None:
    try:
        await authority.exchange(key, peer)
    except DomainError as error:
        return error.reason
    return None


async def key_of(store: MemoryAuthStore, clock: Clock) -> str:
    key, secret = keys.make_key("admin", "", clock.now_us(), 0)
    await store.write(lambda unit: keys.add_key(unit, key, Caller("admin", True), clock.now_us()))
    return secret


async def test_by_address_whatever_the_key_and_the_port(authority: Authority) -> None:
    for number in range(BURST):
        guess = f"twk_{number:012x}_" + "x" * 43
        assert await reason(authority, guess, f"ipv4:10.0.0.1:{number}") is Reason.CREDENTIALS_INVALID
    assert await reason(authority, ADMIN, "ipv4:10.0.0.1:99") is Reason.TOO_MANY_ATTEMPTS
    assert await reason(authority, ADMIN, "ipv4:10.0.0.2:99") is None


async def test_one_subscriber_s_ipv6_addresses_count_as_one(authority: Authority) -> None:
    for number in range(BURST):
        peer = f"ipv6:%5B2001:db8:0:1::{number}%5D:5"
        assert await reason(authority, "tw_wrong", peer) is Reason.CREDENTIALS_INVALID
    assert await reason(authority, ADMIN, "ipv6:%5B2001:db8:0:1:ffff::9%5D:5") is Reason.TOO_MANY_ATTEMPTS
    assert await reason(authority, ADMIN, "ipv6:%5B2001:db8:0:2::9%5D:5") is None


async def test_by_the_id_of_the_key_from_whichever_address(
    authority: Authority, store: MemoryAuthStore, clock: Clock
) -> None:
    right, another = await key_of(store, clock), await key_of(store, clock)
    wrong = right[:-1] + ("A" if right[-1] != "A" else "B")
    for number in range(BURST):
        assert await reason(authority, wrong, f"ipv4:10.0.0.{number}:5") is Reason.CREDENTIALS_INVALID
    assert await reason(authority, right, "ipv4:10.0.1.1:5") is Reason.TOO_MANY_ATTEMPTS
    assert await reason(authority, another, "ipv4:10.0.1.1:5") is None
    clock.now += 3_000_000  # one more after three seconds
    assert await reason(authority, right, "ipv4:10.0.1.1:5") is None


async def test_nonsense_from_elsewhere_locks_the_administrator_not_out(authority: Authority) -> None:
    for number in range(5 * BURST):
        await reason(authority, f"nonsense {number}", f"ipv4:10.0.{number}.1:5")
    assert await reason(authority, ADMIN, "ipv4:10.1.0.1:5") is None

"""Exchanges keys for tokens, and keeps the keys that sign them."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import SecretStr

from trackway_server.auth.config import AuthSettings
from trackway_server.auth.domain import keys, signing
from trackway_server.auth.domain.model import BOOTSTRAP_ADMIN, Identity, SigningKey
from trackway_server.auth.domain.ports import AuthStore
from trackway_server.auth.issuing import issue, new_signing_key
from trackway_server.core.auth.attempts import FailedAttempts
from trackway_server.core.auth.tokens import LEEWAY_SECONDS
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.origin import origin_of

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
ADMIN_KEY_ID = "admin"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token and when it ends."""

    token: str
    expire_time_us: int
    lifetime_us: int

    def __repr__(self) -> str:
        return f"Issued(expire_time_us={self.expire_time_us})"


class Authority:
    """See the module. The clock's time is that of the tokens."""

    def __init__(self, store: AuthStore, clock: Clock, settings: AuthSettings) -> None:
        self._store = store
        self._clock = clock
        self._admin_key: SecretStr | None = settings.admin_key
        self._lifetime_us = settings.token_seconds * _SECOND_US
        self._rotate_us = int(settings.rotate_days * _DAY_US)
        self._attempts = FailedAttempts(settings.failed_attempts)

    async def exchange(self, key: str, peer: str) -> Issued:
        """A token for a key. Raises CREDENTIALS_INVALID, TOO_MANY_ATTEMPTS."""
        now_us = self._clock.now_us()
        presented = keys.parse(key)
        # What has not the form of an API key counts for its address alone: it shares nothing with the admin key.
        origins = [f"peer {origin_of(peer)}", *([f"key {presented.key_id}"] if presented else [])]
        self._attempts.check(origins, now_us / _SECOND_US)
        identity = await self._identify(key, presented, now_us)
        if identity is None:
            self._attempts.note(origins, now_us / _SECOND_US)
            message = "This server does not know that key, or it has expired or was revoked; ask for a new one."
            raise DomainError(Reason.CREDENTIALS_INVALID, message)
        return await self.issued(identity)

    def now_us(self) -> int:
        """The time of the tokens."""
        return self._clock.now_us()

    async def issued(self, identity: Identity) -> Issued:
        """A token for the identity; it ends with what it was exchanged for."""
        now_us = self._clock.now_us()
        key = await self._signing_key(now_us)
        expire_us = now_us + self._lifetime_us
        if identity.key_expire_time_us:
            expire_us = min(expire_us, identity.key_expire_time_us)
        return Issued(issue(identity, key, now_us, expire_us), expire_us, expire_us - now_us)

    async def published_keys(self) -> Sequence[SigningKey]:
        """The keys that verify tokens, newest first, the one that signs first of all."""
        now_us = self._clock.now_us()
        await self._signing_key(now_us)
        found = await self._store.read(lambda unit: unit.signing_keys())
        return signing.published(found, self._oldest_retired_us(now_us))

    async def rotate(self, *, drop_old: bool) -> Sequence[SigningKey]:
        """Make a new signing key; the keys then published."""
        now_us = self._clock.now_us()
        new, oldest = new_signing_key(now_us), self._oldest_retired_us(now_us)
        return await self._store.write(lambda unit: signing.rotate(unit, new, oldest, drop_old=drop_old))

    async def _identify(self, key: str, presented: keys.Presented | None, now_us: int) -> Identity | None:
        if self._admin_key is not None and _same(key, self._admin_key):
            return await self._store.read(lambda unit: keys.identity_of(unit, BOOTSTRAP_ADMIN, ADMIN_KEY_ID))
        if presented is None:
            return None
        identity = await self._store.read(lambda unit: keys.identify(unit, presented, now_us))
        if identity is not None:
            await self._note_use(presented.key_id, now_us)
        return identity

    async def _note_use(self, key_id: str, now_us: int) -> None:
        key = await self._store.read(lambda unit: unit.key(key_id))
        if key is not None and now_us - key.last_use_time_us >= keys.LAST_USE_RESOLUTION_US:
            await self._store.write(partial(keys.note_use, key_id=key_id, now_us=now_us))

    async def _signing_key(self, now_us: int) -> SigningKey:
        oldest_us = now_us - self._rotate_us
        present = signing.signing_key(await self._store.read(lambda unit: unit.signing_keys()), oldest_us)
        if present is not None:
            return present
        new, oldest_retired_us = new_signing_key(now_us), self._oldest_retired_us(now_us)
        return await self._store.write(lambda unit: signing.ensure_signing_key(unit, new, oldest_us, oldest_retired_us))

    def _oldest_retired_us(self, now_us: int) -> int:
        return now_us - self._lifetime_us - LEEWAY_SECONDS * _SECOND_US


def _same(key: str, expected: SecretStr) -> bool:
    return hmac.compare_digest(key.encode(errors="replace"), expected.get_secret_value().encode())

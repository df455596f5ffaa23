"""API keys: `twk_`, an id by which the key is found, `_`, and 256 random bits, of which a salted hash is kept.

One round of SHA-256 is enough for a secret that nobody can guess; slow hashes are for what people make up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trackway_server.auth.domain.directory import living_principal
from trackway_server.auth.domain.model import ApiKey, Caller, Identity
from trackway_server.auth.domain.ports import AuthUnit
from trackway_server.core.errors import DomainError, Reason

PREFIX = "twk_"
MAX_KEYS = 100
LAST_USE_RESOLUTION_US = 60_000_000
_KEY = re.compile(r"twk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Presented:
    """A key as its holder presents it, taken apart."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Presented({self.key_id!r})"


def parse(text: str) -> Presented | None:
    """The parts of a key; None for what has not its form."""
    found = _KEY.fullmatch(text)
    return Presented(found[1], found[2]) if found else None


def make_key(principal: str, name: str, now_us: int, expire_time_us: int) -> tuple[ApiKey, str]:
    """A new key, and its secret, which is nowhere else."""
    key_id, secret, salt = secrets.token_hex(6), secrets.token_urlsafe(32), secrets.token_bytes(16)
    key = ApiKey(key_id, principal, name, salt, _digest(salt, secret), now_us, expire_time_us)
    return key, f"{PREFIX}{key_id}_{secret}"


def add_key(unit: AuthUnit, key: ApiKey, caller: Caller, now_us: int) -> ApiKey:
    """Store a new key. Raises PRINCIPAL_NOT_FOUND, PERMISSION_DENIED for another's key, LIMIT_EXCEEDED."""
    _check_own(key.principal, caller)
    living_principal(unit, key.principal)
    if sum(each.valid_at(now_us) for each in unit.keys_of(key.principal)) >= MAX_KEYS:
        message = f"{key.principal} has {MAX_KEYS} keys already; revoke one."
        raise DomainError(Reason.LIMIT_EXCEEDED, message, limit="keys of a principal", maximum=str(MAX_KEYS))
    unit.put_key(key)
    return key


def list_keys(unit: AuthUnit, principal: str, caller: Caller, after: str, limit: int) -> Sequence[ApiKey]:
    """The keys of a principal after the one of that id, newest first.

    Raises PRINCIPAL_NOT_FOUND, PERMISSION_DENIED for another's.
    """
    _check_own(principal, caller)
    living_principal(unit, principal)
    found = unit.keys_of(principal)
    first = next((number for number, key in enumerate(found, 1) if key.key_id == after), 0)
    return found[first : first + limit]


def revoke_key(unit: AuthUnit, key_id: str, caller: Caller, now_us: int) -> ApiKey:
    """End a key; one that is revoked stays so. Raises KEY_NOT_FOUND, also for another's: ids tell nothing."""
    key = unit.key(key_id)
    if key is None or not (caller.server_admin or key.principal == caller.name):
        raise DomainError(Reason.KEY_NOT_FOUND, f"There is no key {key_id!r}; list the keys.", key_id=key_id)
    revoked = key if key.revoke_time_us else replace(key, revoke_time_us=now_us)
    unit.put_key(revoked)
    return revoked


def identify(unit: AuthUnit, presented: Presented, now_us: int) -> Identity | None:
    """Whose key it is and what they may do; None where it is not right, not valid, or its owner is gone."""
    key = unit.key(presented.key_id)
    salt, digest = (key.salt, key.digest) if key else (b"", b"")
    right = hmac.compare_digest(_digest(salt, presented.secret), digest)
    if key is None or not right or not key.valid_at(now_us):
        return None
    return identity_of(unit, key.principal, key.key_id, key.expire_time_us)


def identity_of(unit: AuthUnit, name: str, key_id: str, key_expire_time_us: int = 0) -> Identity | None:
    """What a principal may do; None where it is gone."""
    principal = unit.principal(name)
    if principal is None or principal.delete_time_us:
        return None
    roles = {binding.workspace: binding.role for binding in unit.roles_of(name)}
    return Identity(name, principal.server_admin, roles, key_id, key_expire_time_us)


def note_use(unit: AuthUnit, key_id: str, now_us: int) -> None:
    """Remember when the key was last used, to the minute."""
    key = unit.key(key_id)
    if key is not None and now_us - key.last_use_time_us >= LAST_USE_RESOLUTION_US:
        unit.put_key(replace(key, last_use_time_us=now_us))


def _check_own(principal: str, caller: Caller) -> None:
    if not caller.server_admin and principal != caller.name:
        message = f"Only an administrator of the server manages the keys of {principal}."
        raise DomainError(Reason.PERMISSION_DENIED, message, permission="auth.administer")


def _digest(salt: bytes, secret: str) -> bytes:
    return hashlib.sha256(salt + secret.encode()).digest()

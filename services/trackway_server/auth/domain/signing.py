"""Which key signs, and which are published. All functions run within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trackway_server.auth.domain.model import SigningKey
from trackway_server.auth.domain.ports import AuthUnit


def signing_key(keys: Sequence[SigningKey], oldest_us: int) -> SigningKey | None:
    """The key that signs; None where there is none, or it was made before `oldest_us`."""
    newest = next((key for key in keys if not key.retire_time_us), None)
    return newest if newest is not None and newest.create_time_us >= oldest_us else None


def published(keys: Sequence[SigningKey], oldest_retired_us: int) -> list[SigningKey]:
    """The keys whose tokens may still be valid: those that sign, and those retired since."""
    return [key for key in keys if not key.retire_time_us or key.retire_time_us >= oldest_retired_us]


def rotate(unit: AuthUnit, new: SigningKey, oldest_retired_us: int, *, drop_old: bool) -> list[SigningKey]:
    """Have `new` sign from now on; the keys that are then published, newest first."""
    for key in unit.signing_keys():
        if drop_old or (key.retire_time_us and key.retire_time_us < oldest_retired_us):
            unit.delete_signing_key(key.kid)
        elif not key.retire_time_us:
            unit.put_signing_key(replace(key, retire_time_us=new.create_time_us))
    unit.put_signing_key(new)
    return published(unit.signing_keys(), oldest_retired_us)


def ensure_signing_key(unit: AuthUnit, new: SigningKey, oldest_us: int, oldest_retired_us: int) -> SigningKey:
    """The key that signs, `new` where there is none or it is too old. Of several at once, one makes it."""
    present = signing_key(unit.signing_keys(), oldest_us)
    if present is None:
        rotate(unit, new, oldest_retired_us, drop_old=False)
    return present or new

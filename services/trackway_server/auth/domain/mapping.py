"""From what others say of a caller (an issuer's claims, the names in a certificate) to who that is here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trackway_server.auth.domain.model import BOOTSTRAP_ADMIN, MAX_ROLES, Identity, Role
from trackway_server.auth.domain.ports import AuthUnit
from trackway_server.core.errors import DomainError, Reason

MAX_SUBJECT = 200
_SUBJECT = re.compile(rf"[!-~]{{1,{MAX_SUBJECT}}}")

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a token of an issuer must say, and what its holder may then do."""

    claims: Mapping[str, Sequence[str]]
    """Claim → patterns, of which one must match: a text in which `*` stands for any text. Of a claim with several
    values one must match. All claims named here must."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Workspace → role."""
    principal: str = ""
    """A user or service account that the holder is; empty: the holder is named by the issuer."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """Whom a mapping names."""

    principal: str
    known: bool
    """Whether it is a user or service account of this server, which must be there; else somebody of an issuer."""
    roles: Mapping[str, Role]
    """Workspace → role, beside those that a known principal has."""


def mapped_claims(issuer: str, subject_claim: str, rules: Sequence[Rule], claims: Claims) -> Mapped:
    """Who the holder of a token is: the principal of the first rule that names one, else `ISSUER:SUBJECT`; what all
    rules give that the claims meet.

    Raises IDENTITY_UNMAPPED where they meet none, or the subject makes no name.
    """
    met = [rule for rule in rules if all(_says(claims, name, wanted) for name, wanted in rule.claims.items())]
    if not met:
        raise unmapped(f"The token of {issuer} is right, and no rule here maps its claims to anybody; add one.")
    roles: dict[str, Role] = {}
    for rule in met:
        roles = greatest(roles, rule.roles)
    if known := next((rule.principal for rule in met if rule.principal), ""):
        return Mapped(known, True, roles)
    subject = claim(claims, subject_claim)
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise unmapped(f"The token of {issuer} has no claim {subject_claim} that names somebody.")
    return Mapped(f"{issuer}:{subject}", False, roles)


def identity_of(unit: AuthUnit, who: Mapped, key_id: str, expire_time_us: int) -> Identity:
    """What somebody may do: roles in workspaces that exist. Raises IDENTITY_UNMAPPED for a known principal that is not
    (or no more) here, LIMIT_EXCEEDED for more roles than a token holds."""
    roles, server_admin = who.roles, False
    if who.known:
        principal = unit.principal(who.principal)
        if principal is None or principal.delete_time_us or who.principal == BOOTSTRAP_ADMIN:
            raise unmapped(f"The identity is mapped to {who.principal}, who is no user or service account here.")
        server_admin = principal.server_admin
        roles = greatest(roles, {binding.workspace: binding.role for binding in unit.roles_of(who.principal)})
    living = {
        name: role for name, role in roles.items() if (found := unit.workspace(name)) and not found.delete_time_us
    }
    if len(living) > MAX_ROLES:
        message = f"{who.principal} has more than {MAX_ROLES} roles; take some away, or map it to fewer."
        raise DomainError(Reason.LIMIT_EXCEEDED, message, limit="roles of a principal", maximum=str(MAX_ROLES))
    return Identity(who.principal, server_admin, living, key_id, expire_time_us)


def greatest(one: Mapping[str, Role], other: Mapping[str, Role]) -> dict[str, Role]:
    """The roles of both, the greater of two in the same workspace."""
    return {name: max(roles[name] for roles in (one, other) if name in roles) for name in {*one, *other}}


def claim(claims: Claims, name: str) -> Any:
    """The value of a claim; None where there is none. `a.b` finds `b` within `a`, unless there is a claim `a.b`.

    An address of mail that the issuer says it has not verified is none.
    """
    if name == "email" and claims.get("email_verified") is False:
        return None
    if name in claims:
        return claims[name]
    for position, letter in enumerate(name):
        inner = claims.get(name[:position]) if letter == "." else None
        if isinstance(inner, Mapping) and (found := claim(inner, name[position + 1 :])) is not None:
            return found
    return None


def unmapped(message: str) -> DomainError:
    """The refusal of somebody who is authentic, and nobody here."""
    return DomainError(Reason.IDENTITY_UNMAPPED, message)


def _says(claims: Claims, name: str, patterns: Sequence[str]) -> bool:
    value = claim(claims, name)
    values = value if isinstance(value, list) else [value]
    texts = [_text(each) for each in values]
    return any(matches(pattern, text) for pattern in patterns for text in texts if text is not None)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def matches(pattern: str, text: str) -> bool:
    """Whether the text is what the pattern says; `*` stands for any text. In linear time: no regular expression."""
    first, *others = pattern.split("*")
    if not others:
        return text == first
    *middles, last = others
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for middle in middles:
        found = text.find(middle, position, end)
        if found < 0:
            return False
        position = found + len(middle)
    return True

"""Making signing keys, and signing tokens: JWTs (RFC 7519), EdDSA on Ed25519 (RFC 8037, RFC 9864)."""

from __future__ import annotations

from joserfc import jwt
from joserfc.jwk import OKPKey

from trackway_server.auth.domain.model import Identity, SigningKey
from trackway_server.core.auth.tokens import ALGORITHM, AUDIENCE, ISSUER, Claims
from trackway_server.core.ids import new_id


def new_signing_key(now_us: int) -> SigningKey:
    """A random key pair."""
    made = OKPKey.generate_key("Ed25519").as_dict(private=True)
    return SigningKey(new_id(), str(made["x"]), str(made["d"]), now_us)


def issue(identity: Identity, key: SigningKey, now_us: int, expire_time_us: int) -> str:
    """A token for the identity, until then."""
    claims: Claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": identity.principal,
        "iat": now_us // 1_000_000,
        "exp": expire_time_us // 1_000_000,
        "jti": new_id(),
        "key": identity.key_id,
        "admin": identity.server_admin,
        "roles": {workspace: int(role) for workspace, role in identity.roles.items()},
    }
    pair = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": key.x, "d": key.d})
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, dict(claims), pair, algorithms=[ALGORITHM])

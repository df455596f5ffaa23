"""The tables of `auth.db`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table

METADATA = MetaData()


def _exact(length: int) -> String:
    """Text that every database compares and sorts by code points."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


PRINCIPALS = Table(
    "principals",
    METADATA,
    Column("name", _exact(250), primary_key=True),
    Column("kind", Integer, nullable=False, comment="auth.v1.PrincipalKind"),
    Column("display_name", String(1000), nullable=False),
    Column("server_admin", Boolean, nullable=False),
    Column("create_time_us", BigInteger, nullable=False),
    Column("delete_time_us", BigInteger, nullable=False, comment="0: not deleted"),
)

WORKSPACES = Table(
    "workspaces",
    METADATA,
    Column("name", _exact(63), primary_key=True),
    Column("description", String(1000), nullable=False),
    Column("create_time_us", BigInteger, nullable=False),
    Column("delete_time_us", BigInteger, nullable=False, comment="0: not deleted"),
)

ROLES = Table(
    "roles",
    METADATA,
    Column("workspace", _exact(63), ForeignKey("workspaces.name"), primary_key=True),
    Column("principal", _exact(250), ForeignKey("principals.name"), primary_key=True),
    Column("role", Integer, nullable=False, comment="auth.v1.Role"),
    Index("ix_roles_principal", "principal", "workspace"),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", _exact(12), primary_key=True),
    Column("principal", _exact(250), ForeignKey("principals.name"), nullable=False),
    Column("name", String(1000), nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of salt and secret"),
    Column("create_time_us", BigInteger, nullable=False),
    Column("expire_time_us", BigInteger, nullable=False, comment="0: never"),
    Column("revoke_time_us", BigInteger, nullable=False, comment="0: not revoked"),
    Column("last_use_time_us", BigInteger, nullable=False, comment="0: never"),
    Index("ix_api_keys_principal", "principal", "create_time_us", "key_id"),
)

SIGNING_KEYS = Table(
    "signing_keys",
    METADATA,
    Column("kid", _exact(32), primary_key=True),
    Column("x", String(64), nullable=False, comment="public, base64url"),
    Column("d", String(64), nullable=False, comment="private, base64url"),
    Column("create_time_us", BigInteger, nullable=False),
    Column("retire_time_us", BigInteger, nullable=False, comment="0: it signs"),
)

"""Principals, workspaces, roles and keys; the workspace `default` and its administrator."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def exact(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables, the workspace `default`, and `admin`, whose key is not in the database."""
    op.create_table(
        "principals",
        sa.Column("name", exact(250), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False, comment="auth.v1.PrincipalKind"),
        sa.Column("display_name", sa.String(1000), nullable=False),
        sa.Column("server_admin", sa.Boolean(), nullable=False),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("delete_time_us", sa.BigInteger(), nullable=False, comment="0: not deleted"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "workspaces",
        sa.Column("name", exact(63), nullable=False),
        sa.Column("description", sa.String(1000), nullable=False),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("delete_time_us", sa.BigInteger(), nullable=False, comment="0: not deleted"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "roles",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("principal", exact(250), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False, comment="auth.v1.Role"),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.name"]),
        sa.ForeignKeyConstraint(["principal"], ["principals.name"]),
        sa.PrimaryKeyConstraint("workspace", "principal"),
    )
    op.create_index("ix_roles_principal", "roles", ["principal", "workspace"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("key_id", exact(12), nullable=False),
        sa.Column("principal", exact(250), nullable=False),
        sa.Column("name", sa.String(1000), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of salt and secret"),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("expire_time_us", sa.BigInteger(), nullable=False, comment="0: never"),
        sa.Column("revoke_time_us", sa.BigInteger(), nullable=False, comment="0: not revoked"),
        sa.Column("last_use_time_us", sa.BigInteger(), nullable=False, comment="0: never"),
        sa.ForeignKeyConstraint(["principal"], ["principals.name"]),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_index("ix_api_keys_principal", "api_keys", ["principal", "create_time_us", "key_id"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("kid", exact(32), nullable=False),
        sa.Column("x", sa.String(64), nullable=False, comment="public, base64url"),
        sa.Column("d", sa.String(64), nullable=False, comment="private, base64url"),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("retire_time_us", sa.BigInteger(), nullable=False, comment="0: it signs"),
        sa.PrimaryKeyConstraint("kid"),
    )
    _seed(time.time_ns() // 1_000)


def _seed(now_us: int) -> None:
    op.execute(
        sa.text(
            "INSERT INTO workspaces (name, description, create_time_us, delete_time_us) "
            "VALUES ('default', '', :now_us, 0)"
        ).bindparams(now_us=now_us)
    )
    op.execute(
        sa.text(
            "INSERT INTO principals (name, kind, display_name, server_admin, create_time_us, delete_time_us) "
            "VALUES ('admin', 1, 'Bootstrap administrator', :yes, :now_us, 0)"
        ).bindparams(yes=True, now_us=now_us)
    )
    op.execute(sa.text("INSERT INTO roles (workspace, principal, role) VALUES ('default', 'admin', 4)"))


def downgrade() -> None:
    """Drop the tables."""
    for table in ("signing_keys", "api_keys", "roles", "workspaces", "principals"):
        op.drop_table(table)

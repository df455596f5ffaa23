"""The tables of `artifacts.db`. Paths sort by their UTF-8 bytes: SQLite does so by itself, PostgreSQL is told to."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKeyConstraint, Index, MetaData, String, Table, Text

METADATA = MetaData()

PathText = Text().with_variant(Text(collation="C"), "postgresql")

ARTIFACTS = Table(
    "artifacts",
    METADATA,
    Column("workspace", String(63), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("path", PathText, primary_key=True),
    Column("digest", String(71), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("create_time_us", BigInteger, nullable=False),
    Index("artifacts_by_digest", "digest"),
)
"""One row a file of an owner."""

path_column = ARTIFACTS.c.path

MANIFESTS = Table(
    "manifests",
    METADATA,
    Column("workspace", String(63), primary_key=True),
    Column("digest", String(71), primary_key=True),
    Column("create_time_us", BigInteger, nullable=False),
)
"""One row a manifest. No row is ever changed."""

MANIFEST_ENTRIES = Table(
    "manifest_entries",
    METADATA,
    Column("workspace", String(63), primary_key=True),
    Column("manifest_digest", String(71), primary_key=True),
    Column("path", PathText, primary_key=True),
    Column("digest", String(71), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    ForeignKeyConstraint(["workspace", "manifest_digest"], ["manifests.workspace", "manifests.digest"]),
    Index("manifest_entries_by_digest", "digest"),
)
"""One row a file of a manifest, written with it. The two indexes by digest tell whether a blob is still needed."""

UNUSED_BLOBS = Table(
    "unused_blobs",
    METADATA,
    Column("digest", String(71), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False, comment="0: no collection has seen it yet"),
    Column("removing", Boolean, nullable=False),
)
"""One row a blob that a file has let go of: whether another still needs it is looked up when it is collected."""

"""Alembic's entry: the shared environment on our tables."""

from __future__ import annotations

from trackway_server.artifacts.store.tables import METADATA
from trackway_server.core.db.alembic_env import run

run(METADATA)

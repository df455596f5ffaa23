"""Alembic's entry for the registry's tables."""

from __future__ import annotations

from trackway_server.core.db.alembic_env import run
from trackway_server.registry.store.tables import METADATA

run(METADATA)

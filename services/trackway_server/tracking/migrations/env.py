"""Alembic's environment: core's, for the tables of Tracking."""

from __future__ import annotations

from trackway_server.core.db.alembic_env import run
from trackway_server.tracking.store.tables import METADATA

run(METADATA)

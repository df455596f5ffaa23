"""Alembic's environment: core's, for the tables of the directory."""

from __future__ import annotations

from trackway_server.auth.store.tables import METADATA
from trackway_server.core.db.alembic_env import run

run(METADATA)

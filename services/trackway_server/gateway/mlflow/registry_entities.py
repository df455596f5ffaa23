"""Registered models and versions as MLflow's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackway.api.registry.v1.resources_pb2 import ModelVersion, RegisteredModel


def model_json(model: RegisteredModel) -> dict[str, Any]:
    """MLflow's RegisteredModel."""
    return {
        "name": model.name,
        "creation_timestamp": model.create_time_us // 1000,
        "last_updated_timestamp": model.update_time_us // 1000,
        **_unless_empty("description", model.description),
        **_unless_empty("latest_versions", [version_json(version) for version in model.latest_versions]),
        **_unless_empty("tags", _pairs(model.tags)),
        **_unless_empty(
            "aliases", [{"alias": alias, "version": str(number)} for alias, number in sorted(model.aliases.items())]
        ),
    }


def version_json(version: ModelVersion) -> dict[str, Any]:
    """MLflow's ModelVersion. A version is ready when it is there."""
    return {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.create_time_us // 1000,
        "last_updated_timestamp": version.update_time_us // 1000,
        "user_id": version.user,
        "current_stage": version.stage,
        "description": version.description,
        "source": version.source,
        "run_id": version.run_id,
        "status": "READY",
        **_unless_empty("tags", _pairs(version.tags)),
        "run_link": version.run_link,
        **_unless_empty("aliases", list(version.aliases)),
        **_unless_empty("model_id", version.model_id),
    }


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(values.items())]


def _unless_empty(name: str, value: Any) -> dict[str, Any]:
    return {name: value} if value else {}

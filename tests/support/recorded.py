"""What a process recorded, read back from its spools."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackway._ingest.reader import SpoolReader
from trackway._ingest.spool import Kind

Point = tuple[str, dict[str, str], int, float]


@dataclass
class Recorded:
    """One writer's records, in their order."""

    owns_run: bool
    start: dict[str, Any] | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    deleted_tags: list[str] = field(default_factory=list)
    statuses: list[tuple[int, str]] = field(default_factory=list)
    datasets: list[dict[str, Any]] = field(default_factory=list)
    model_inputs: list[str] = field(default_factory=list)
    model_outputs: list[tuple[str, int]] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    times_us: list[int] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)


def recorded(root: Path, run_id: str) -> list[Recorded]:
    """The writers of a run, oldest first."""
    folders = sorted((root / run_id).iterdir(), key=lambda folder: (folder / "meta.json").stat().st_mtime_ns)
    return [_read(folder) for folder in folders]


def only_recorded(root: Path, run_id: str) -> Recorded:
    """The one writer of a run."""
    (found,) = recorded(root, run_id)
    return found


def _read(folder: Path) -> Recorded:
    found = Recorded(json.loads((folder / "meta.json").read_text())["owns_run"])
    series: dict[int, tuple[str, dict[str, str]]] = {}
    reader = SpoolReader(folder)
    while batch := reader.read(max_points=1_000_000):
        for _, kind, fields in batch.objects:
            _add(found, series, kind, fields)
        for block in batch.blocks:
            _add_points(found, series, block)
    reader.close()
    for note in sorted((folder / "artifacts").glob("*.json")):
        found.artifacts[json.loads(note.read_text())["path"]] = note.with_suffix(".data").read_bytes()
    return found


def _add(found: Recorded, series: dict[int, tuple[str, dict[str, str]]], kind: int, fields: dict[str, Any]) -> None:
    if kind == Kind.RUN_START:
        found.start = fields
        found.tags.update(fields["tags"])
    elif kind == Kind.PARAMS:
        found.params.update(fields["params"])
    elif kind == Kind.TAGS:
        found.tags.update(fields["set"])
        found.deleted_tags += fields.get("delete", [])
    elif kind == Kind.RUN_STATUS:
        found.statuses.append((fields["status"], fields["message"]))
    elif kind == Kind.MODEL_INPUT:
        found.model_inputs.append(fields["model_id"])
    elif kind == Kind.MODEL_OUTPUT:
        found.model_outputs.append((fields["model_id"], fields["step"]))
    elif kind == Kind.DATASET:
        found.datasets.append(fields)
    elif kind == Kind.SERIES:
        series[fields["series_id"]] = (fields["key"], fields["context"])


def _add_points(found: Recorded, series: dict[int, tuple[str, dict[str, str]]], block: Any) -> None:
    for row, step in enumerate(block.steps):
        for column, series_id in enumerate(block.series):
            found.points.append((*series[series_id], int(step), float(block.values[row, column])))
            found.times_us.append(int(block.times[row]))

"""What training processes wrote to their consoles, read back from spools."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.training import wait_until
from trackway._ingest.reader import SpoolReader
from trackway._ingest.spool import Kind


@dataclass
class Console:
    """One writer's console."""

    labels: dict[str, str]
    blocks: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False

    def lines(self, stream: int | None = None) -> list[str]:
        """The complete lines, of one stream or of all."""
        chosen = [block for block in self.blocks if stream in (None, block["stream"]) and block["line_count"]]
        return [line for block in chosen for line in block["text"].split("\n")]

    @property
    def dropped(self) -> int:
        """Lines that were not recorded."""
        return int(self.blocks[-1]["dropped_lines"]) if self.blocks else 0


def consoles(root: Path, run_id: str = "*") -> list[Console]:
    """The consoles in the spools below `root`, by run; complete ones or not."""
    found = []
    for folder in sorted(meta.parent for meta in root.glob(f"{run_id}/*/meta.json")):
        console = Console(json.loads((folder / "meta.json").read_text())["labels"])
        reader = SpoolReader(folder)
        while batch := reader.read(max_points=1_000_000):
            console.blocks += [fields for _, kind, fields in batch.objects if kind == Kind.CONSOLE]
        console.closed = reader.closed
        reader.close()
        if console.blocks:
            found.append(console)
    return found


def finished_consoles(root: Path, count: int = 1, run_id: str = "*") -> list[Console]:
    """So many consoles, waited for until their tees have recorded everything."""

    def complete() -> bool:
        found = consoles(root, run_id)
        return len(found) == count and all(console.closed for console in found)

    wait_until(complete, f"{count} consoles are recorded to their end", 60)
    return consoles(root, run_id)

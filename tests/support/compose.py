"""compose.yaml, read as it is: the deployment's services with their commands, variables, ports and checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROGRAM = ["trackway", "server"]


@dataclass(frozen=True)
class Service:
    """One service of the file."""

    name: str
    raw: dict[str, Any]

    @property
    def arguments(self) -> list[str]:
        """What follows `trackway server`."""
        assert self.raw["command"][:2] == PROGRAM, self.raw["command"]
        return list(self.raw["command"][2:])

    @property
    def environment(self) -> dict[str, str]:
        """Its variables."""
        return {name: str(value) for name, value in self.raw.get("environment", {}).items()}

    @property
    def ours(self) -> bool:
        """Whether it runs our image."""
        return self.raw.get("image") == "trackway:local"

    @property
    def one_shot(self) -> bool:
        """Whether it ends by itself."""
        return self.raw.get("restart") == "no"


def compose() -> dict[str, Any]:
    """The whole file."""
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def services() -> dict[str, Service]:
    """Its services by name."""
    return {name: Service(name, raw) for name, raw in compose()["services"].items()}


def envoy() -> dict[str, Any]:
    """The proxy's configuration."""
    return yaml.safe_load((ROOT / "deploy/envoy/envoy.yaml").read_text())

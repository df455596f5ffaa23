"""Which handler answers a path below MLflow's prefixes. A path may have parameters: `/logged-models/{model_id}`, and
`{path:path}` for one that may hold slashes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import compile_path

from trackway_server.gateway.mlflow.session import Session

Handler = Callable[[Session], Awaitable[dict[str, Any]]]
Routes = Mapping[str, Mapping[str, Handler]]
"""Path after the prefix, and method: who answers."""


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a path: its template, its handlers by method, and what the path says for its parameters."""

    path: str
    handlers: Mapping[str, Handler]
    given: Mapping[str, str]


class Router:
    """Finds the route of a path among those of several tables; no path is in two of them."""

    def __init__(self, tables: Iterable[Routes]) -> None:
        self.routes: dict[str, Mapping[str, Handler]] = {}
        for table in tables:
            if twice := self.routes.keys() & table.keys():
                raise ValueError(f"{sorted(twice)} is in two tables.")
            self.routes |= table
        self._patterns = [(compile_path(path)[0], path) for path in self.routes if "{" in path]

    def find(self, path: str) -> Found | None:
        """The route of a path, one without parameters first; None where there is none."""
        if path in self.routes and "{" not in path:
            return Found(path, self.routes[path], {})
        for pattern, template in self._patterns:
            if matched := pattern.fullmatch(path):
                return Found(template, self.routes[template], matched.groupdict())
        return None

"""How requests are written down: a story is requests in their order, each with what of its answer later ones need.

`{run}` in a body, query or path stands for what an earlier answer was asked to `keep` under that name, so that a story
reads the same for every server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json"
MISSING_RUN = "0" * 32
T0 = 1_700_000_000_000
"""A time of requests, milliseconds since 1970: 2023-11-14."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `path` is below the API's prefix; after a `=` it is whole.

    `keep` has names for values of the answer, by their place: `{"run": "run.info.run_id"}`.
    """

    name: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    content_type: str | None = None
    keep: Mapping[str, str] = field(default_factory=dict)


class Story:
    """Requests of one subject. The stories of a corpus share a server: names in one must not meet those of another."""

    def __init__(self, name: str, *steps: Step | Iterable[Step]) -> None:
        self.name = name
        self.steps: list[Step] = []
        for step in steps:
            self.steps += [step] if isinstance(step, Step) else step
        names = [step.name for step in self.steps]
        if twice := {one for one in names if names.count(one) > 1}:
            raise ValueError(f"{name}: {sorted(twice)} is the name of more than one request.")


def post(name: str, path: str, /, *, keep: Mapping[str, str] | None = None, **body: Any) -> Step:
    """A POST of a JSON object."""
    return raw(name, path, json.dumps(body), keep=keep)


def send(name: str, method: str, path: str, /, *, keep: Mapping[str, str] | None = None, **body: Any) -> Step:
    """A JSON object by another method."""
    return Step(name, method, path, (), json.dumps(body).encode(), JSON_TYPE, keep or {})


def raw(
    name: str,
    path: str,
    content: str | bytes,
    *,
    content_type: str | None = JSON_TYPE,
    method: str = "POST",
    keep: Mapping[str, str] | None = None,
) -> Step:
    """A body as it is."""
    data = content.encode() if isinstance(content, str) else content
    return Step(name, method, path, (), data, content_type, keep or {})


def get(name: str, path: str, /, *, keep: Mapping[str, str] | None = None, **query: Any) -> Step:
    """A GET; a list is a parameter that is there several times."""
    pairs = [(key, one) for key, value in query.items() for one in (value if isinstance(value, list) else [value])]
    return Step(name, "GET", path, tuple((key, str(value)) for key, value in pairs), keep=keep or {})


def posts(path: str, base: Mapping[str, Any], cases: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """A POST for each case: `base` with what the case changes; what it sets to LEFT_OUT is not there."""
    return [raw(name, path, json.dumps(_merged(base, change))) for name, change in cases.items()]


def gets(path: str, base: Mapping[str, Any], cases: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """The same for a GET."""
    return [get(name, path, **_merged(base, change)) for name, change in cases.items()]


LEFT_OUT = object()


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**base, **change}.items() if value is not LEFT_OUT}


def experiment(name: str, *, keep: str = "experiment") -> Step:
    """An experiment for a story to work in."""
    return post(f"experiment {name}", "/experiments/create", name=name, keep={keep: "experiment_id"})


def run(name: str = "run", **more: Any) -> Step:
    """A run, kept by its name."""
    body = {"experiment_id": "{experiment}", "run_name": name, "start_time": T0, **more}
    return post(f"run {name}", "/runs/create", keep={name: "run.info.run_id"}, **body)


def shown(run: str = "run", *, when: str = "") -> Step:
    """The run as it stands."""
    return get(f"{run} {when}".strip(), "/runs/get", run_id=f"{{{run}}}")

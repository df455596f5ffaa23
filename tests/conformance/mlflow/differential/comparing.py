"""Compares two servers' answers field by field, with what each server chooses itself taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.mlflow.differential.playing import Answer

_DAY_MS = 86_400_000
_RANDOM_NAME = re.compile(r"[a-z]+-[a-z]+-\d{1,4}")
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_HOLDING_IDS = frozenset(
    {"message", "experiment_id", "artifact_uri", "artifact_location", "root_uri", "source", "version"}
)
"""Where a short id, such as an experiment's, is told from a number that is there for itself."""
_UNORDERED = frozenset(
    {"tags", "params", "aliases", "data.metrics", "dataset_inputs", "webhook.events", "webhooks.events"}
)
"""Lists that are sets: what is in them is compared by name."""
_TOKEN = "next_page_token"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of two answers that is not the same. `step` is `story/step`, `place` the field: `run.data.tags[].key`,
    or `status`."""

    step: str
    place: str
    theirs: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.step} · {self.place}\n    theirs: {_short(self.theirs)}\n    ours:   {_short(self.ours)}"


def differences(step: str, theirs: Answer, ours: Answer) -> Iterator[Difference]:
    """All differences of the answers to one request; where the states differ, that one alone."""
    if theirs.status != ours.status:
        yield Difference(step, "status", _told(theirs), _told(ours))
        return
    if theirs.media_type != ours.media_type:
        yield Difference(step, "content-type", theirs.media_type, ours.media_type)
    for place, one, other in _unequal("", _plain(theirs), _plain(ours)):
        yield Difference(step, place or "body", one, other)


ABSENT = "(absent)"


def _unequal(place: str, theirs: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(theirs.keys() | ours.keys()):
            below = f"{place}.{name}" if place else name
            yield from _unequal(below, theirs.get(name, ABSENT), ours.get(name, ABSENT))
    elif isinstance(theirs, list) and isinstance(ours, list) and _named(theirs) != _named(ours):
        yield place, _named(theirs), _named(ours)
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for one, other in zip(theirs, ours, strict=True):
            yield from _unequal(f"{place}[]", one, other)
    elif type(theirs) is not type(ours) or theirs != ours:
        yield place, theirs, ours


def _named(values: list[Any]) -> list[Any]:
    """What the objects of a list are called, so that one more or another order is one difference."""
    return [_name(one) for one in values]


def _name(value: Any) -> Any:
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("info"), dict):
        return value["info"].get("run_id") or value["info"].get("model_id")
    if isinstance(value.get("dataset"), dict):
        return value["dataset"].get("name")
    if "entity" in value:
        return f"{value['entity']}.{value.get('action')}"
    return (
        value.get("experiment_id") or value.get("key") or value.get("alias") or value.get("name") or value.get("path")
    )


def _plain(answer: Answer) -> Any:
    return _Plain(answer.kept, answer.time_ms).value("", answer.body)


@dataclass(frozen=True, slots=True)
class _Plain:
    """An answer without ids, times and names that its server chose."""

    kept: Mapping[str, str]
    now_ms: int

    def value(self, place: str, value: Any) -> Any:
        name = place.rpartition(".")[2]
        if name == _TOKEN and value:
            return "<token>"
        if isinstance(value, dict):
            return {key: self.value(f"{place}.{key}" if place else key, one) for key, one in value.items()}
        if isinstance(value, list):
            return self._list(place, [self.value(place, one) for one in value])
        if isinstance(value, str):
            return self._text(name, value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value - self.now_ms) < _DAY_MS:
            return "<now>"
        return value

    def _list(self, place: str, values: list[Any]) -> list[Any]:
        unordered = any(place == one or place.endswith(f".{one}") for one in _UNORDERED)
        return sorted(values, key=lambda one: str(_name(one))) if unordered else values

    def _text(self, name: str, text: str) -> str:
        for kept, value in self.kept.items():
            if len(value) >= 16:
                text = text.replace(value, f"{{{kept}}}")
            elif name in _HOLDING_IDS:
                text = re.sub(rf"(?<![\w.-]){re.escape(value)}(?![\w-]|\.\w)", f"{{{kept}}}", text)
        if name == "experiment_id" and text.isdigit() and text != "0":
            return "<experiment>"
        if _RANDOM_NAME.fullmatch(text):
            return "<random name>"
        text = _UUID.sub("<id>", text)
        return _ID.sub(lambda found: found[0] if len(set(found[0])) == 1 else "<id>", text)


def _told(answer: Answer) -> str:
    body = _plain(answer)
    if isinstance(body, dict) and "error_code" in body:
        return f"{answer.status} {body['error_code']}: {body.get('message', '')}"
    return f"{answer.status} {_short(body)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 400 else f"{text[:400]}… ({len(text)} characters)"

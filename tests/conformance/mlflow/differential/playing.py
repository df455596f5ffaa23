"""Sends stories to a server and keeps its answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from conformance.mlflow.differential.language import Step, Story

PREFIX = "/api/2.0/mlflow"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is JSON's value, else text. `kept` are values by name; `time_ms` when it was sent."""

    status: int
    media_type: str
    body: Any
    kept: Mapping[str, str]
    time_ms: int


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server answers, and what its callers show."""

    url: str
    headers: Mapping[str, str]


def play(server: Server, stories: Iterable[Story], given: Mapping[str, str]) -> dict[str, Answer]:
    """The answers to all steps, by `story/step`. `given` are values that every story may name."""
    answers: dict[str, Answer] = {}
    with httpx.Client(base_url=server.url, headers=dict(server.headers), timeout=120, trust_env=False) as client:
        for story in stories:
            kept = dict(given)
            for step in story.steps:
                answer = _sent(client, step, kept)
                kept = dict(answer.kept)
                answers[f"{story.name}/{step.name}"] = answer
    return answers


def _sent(client: httpx.Client, step: Step, kept: Mapping[str, str]) -> Answer:
    path = filled(step.path, kept)
    request = client.build_request(
        step.method,
        path.removeprefix("=") if path.startswith("=") else PREFIX + path,
        params=[(key, filled(value, kept)) for key, value in step.query] or None,
        content=None if step.content is None else _content(step.content, kept),
        headers={"content-type": step.content_type} if step.content_type else {},
    )
    sent_ms = int(time.time() * 1000)
    response = _answered(client, request)
    body = _value(response)
    found = {name: _at(body, place) for name, place in step.keep.items()}
    new = {name: value for name, value in found.items() if isinstance(value, str) and value}
    return Answer(response.status_code, _media_type(response), body, {**kept, **new}, sent_ms)


def _answered(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """The answer. MLflow's server may close a connection on a body that it does not want: that is sent once more."""
    try:
        return client.send(request)
    except httpx.TransportError:
        if request.method == "POST":
            raise
        return client.send(request)


def filled(text: str, kept: Mapping[str, str]) -> str:
    """The text with what is kept in the place of its names."""
    for name, value in kept.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _content(content: bytes, kept: Mapping[str, str]) -> bytes:
    return filled(content.decode("latin-1"), kept).encode("latin-1")


def _media_type(response: httpx.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0]


def _value(response: httpx.Response) -> Any:
    if _media_type(response) != "application/json":
        return response.text
    try:
        return json.loads(response.text)
    except ValueError:
        return response.text


def _at(value: Any, place: str) -> Any:
    for name in place.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value

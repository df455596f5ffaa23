"""Webhooks by the client, synchronously, and by the command line, against a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from trackway import errors
from trackway.cli.commands import app
from trackway.client import Client
from trackway.testing import LocalServer

URL = "https://receiver.invalid/hook"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def command(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("TRACKWAY_URI", server.uri)
    monkeypatch.setenv("TRACKWAY_TOKEN", server.token)

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["models", "webhooks", *arguments], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_webhooks_by_the_client(server: LocalServer) -> None:
    with Client(server.uri, token=server.token) as client:
        registry = client.registry
        made = registry.create_webhook("ci", URL, ["STAGE_CHANGED", "ALIAS_SET"], secret="s", status="DISABLED")
        assert (made.events, made.payload, made.status) == (("STAGE_CHANGED", "ALIAS_SET"), "CLOUD_EVENTS", "DISABLED")
        assert (made.has_secret, made.deliveries.last_attempt_time_us) == (True, None)
        changed = registry.update_webhook(made.webhook_id, secret="", events=["MODEL_CREATED"], description="d")
        assert (changed.name, changed.has_secret, changed.events) == ("ci", False, ("MODEL_CREATED",))
        assert registry.get_webhook(made.webhook_id) == changed
        assert list(registry.list_webhooks(page_size=1)) == [changed]
        told = registry.test_webhook(made.webhook_id, "MODEL_CREATED")
        assert (told.delivered, told.http_status) == (False, None)
        assert told.error
        with pytest.raises(errors.InvalidArgument, match="STAGE_CHANGED"):
            registry.create_webhook("x", URL, ["NOTHING"])  # type: ignore[list-item]
        with pytest.raises(errors.InvalidArgument):
            registry.create_webhook("x", "http://receiver.invalid/", ["ALIAS_SET"])
        registry.delete_webhook(made.webhook_id)
        with pytest.raises(errors.NotFound):
            registry.get_webhook(made.webhook_id)


def test_webhooks_by_the_command_line(command: Callable[..., str]) -> None:
    made: Any = json.loads(command("create", "ci", URL, "-e", "ALIAS_SET", "--json"))
    webhook_id = made["webhook"]["webhook_id"]
    assert made["secret"].startswith("whsec_")
    assert "ci is disabled" in command("disable", webhook_id)
    (listed,) = json.loads(command("list", "--json"))
    assert (listed["status"], listed["events"], listed["has_secret"]) == ("DISABLED", ["ALIAS_SET"], True)
    assert "ci" in command("list")
    assert "not delivered" in command("test", webhook_id, code=1)
    assert "ci is active" in command("enable", webhook_id)
    assert "deleted" in command("delete", webhook_id)
    assert "There are no webhooks." in command("list")
    given = command("create", "all", URL, "--secret", "my own")
    assert "my own" not in given
    assert "VERSION_DELETED" in given

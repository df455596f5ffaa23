"""Keys in the hands of the client, the uplink and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackway.aio import AsyncClient
from trackway.client import Client
from trackway.errors import NotFound, PermissionDenied, Unauthenticated
from trackway.testing import LocalServer


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as client:
        yield client


def key_of(admin: Client, name: str, **roles: str) -> str:
    admin.auth.create_principal(name, "USER")
    for workspace, role in roles.items():
        admin.auth.grant_role(name, role, workspace=workspace)  # type: ignore[arg-type]
    return admin.auth.create_key(name).secret


def test_a_key_is_a_client_s_credential(server: LocalServer, admin: Client) -> None:
    key = key_of(admin, "vera", default="VIEWER")
    with Client(server.uri, token=key) as client:
        assert client.auth.get_self().roles == {"default": "VIEWER"}
        assert client.tracking.get_experiment("0").name == "Default"
        with pytest.raises(PermissionDenied):
            client.tracking.create_experiment("no")
    admin.auth.revoke_key(key.split("_")[1])
    with Client(server.uri, token=key) as client, pytest.raises(Unauthenticated):
        client.tracking.get_experiment("0")


async def test_a_token_is_exchanged_anew_before_it_ends(server: LocalServer, admin: Client) -> None:
    key = key_of(admin, "anna", default="VIEWER")
    async with AsyncClient(server.uri, token=key) as client:
        await client.tracking.get_experiment("0")
        credentials = client._connection._credentials
        first = credentials._token
        await client.tracking.get_experiment("0")
        assert credentials._token == first
        credentials._refresh_at = 0.0
        await client.tracking.get_experiment("0")
        assert credentials._token not in ("", first)


def test_the_admin_key_opens_workspaces_that_were_made(server: LocalServer, admin: Client) -> None:
    admin.auth.create_workspace("lab")
    with Client(server.uri, token=server.token, workspace="lab") as client:
        assert client.tracking.create_experiment("there")
        assert [each.name for each in client.tracking.search_experiments()] == ["there"]
    with Client(server.uri, token=server.token, workspace="nowhere") as client, pytest.raises(NotFound):
        list(client.tracking.search_experiments())


def test_the_uplink_exchanges_keys(server: LocalServer, admin: Client, tmp_path: Path) -> None:
    key = key_of(admin, "ed", default="EDITOR")
    script = (
        "import trackway\nwith trackway.start_run() as run: trackway.log_metric('loss', 1.0)\nprint(run.info.run_id)"
    )
    environment = {**os.environ, "TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": key, "TRACKWAY_SPOOL_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    run = admin.tracking.get_run(done.stdout.strip())
    assert run.data.metrics == {"loss": 1.0}
    (writer,) = admin.tracking.list_writers(run.info.run_id)
    assert writer.durable_sequence


def command(server: LocalServer, *arguments: str, profile: Path, stdin: str = "", key: str = "") -> str:
    environment = {**os.environ, "TRACKWAY_URI": server.uri, "TRACKWAY_PROFILE": str(profile)}
    if key:
        environment["TRACKWAY_TOKEN"] = key
    done = subprocess.run(
        [sys.executable, "-m", "trackway.cli.main", "auth", *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line(server: LocalServer, admin: Client, tmp_path: Path) -> None:
    mine, hers = server.profile, tmp_path / "profile.toml"
    command(server, "users", "create", "cleo", "--display-name", "Cleo", profile=mine)
    command(server, "service-accounts", "create", "deployer", profile=mine)
    command(server, "workspaces", "create", "vision", profile=mine)
    command(server, "roles", "grant", "cleo", "editor", "-w", "vision", profile=mine)
    secret = command(server, "keys", "create", "-p", "cleo", "--days", "30", profile=mine).strip()
    command(server, "login", profile=hers, key=secret)
    assert tomllib.loads(hers.read_text())["servers"][server.uri.removeprefix("trackway://")] == {"token": secret}
    assert hers.stat().st_mode & 0o077 == 0
    who = json.loads(command(server, "whoami", "--json", profile=hers))
    assert who == {"name": "cleo", "server_admin": False, "roles": {"vision": "EDITOR"}}
    assert "vision" in command(server, "workspaces", "list", profile=hers)
    listed = command(server, "keys", "list", profile=hers)
    assert secret.split("_")[1] in listed
    assert secret not in listed
    assert "deployer" in command(server, "service-accounts", "list", profile=mine)
    assert "cleo" in command(server, "roles", "list", "-w", "vision", profile=mine)
    on_one = ("-e", "first", "-w", "vision")
    with Client(server.uri, token=server.token, workspace="vision") as client:
        client.tracking.create_experiment("first")
    given = json.loads(command(server, "roles", "grant", "deployer", "viewer", *on_one, "--json", profile=mine))
    assert (given["principal"], given["role"]) == ("deployer", "VIEWER")
    assert json.loads(command(server, "roles", "list", *on_one, "--json", profile=mine)) == [given]
    assert "deployer" in command(server, "roles", "list", "-e", given["experiment_id"], "-w", "vision", profile=mine)
    command(server, "roles", "revoke", "deployer", *on_one, profile=mine)
    admin.registry.create_model("digits")
    given = json.loads(command(server, "roles", "grant", "deployer", "viewer", "-m", "digits", "--json", profile=mine))
    assert given == {"name": "digits", "workspace": "default", "principal": "deployer", "role": "VIEWER"}
    assert json.loads(command(server, "roles", "list", "--model", "digits", "--json", profile=mine)) == [given]
    command(server, "roles", "revoke", "deployer", "-m", "digits", profile=mine)
    command(server, "roles", "revoke", "cleo", "-w", "vision", profile=mine)
    command(server, "keys", "revoke", secret.split("_")[1], profile=mine)
    command(server, "keys", "rotate-signing", profile=mine)
    command(server, "users", "delete", "cleo", profile=mine)
    command(server, "workspaces", "delete", "vision", profile=mine)


def test_whoever_has_a_role_in_one_workspace_alone_logs_and_lists_there(
    server: LocalServer, admin: Client, tmp_path: Path
) -> None:
    """The README's Ann: an editor in her workspace, nobody in `default`."""
    admin.auth.create_workspace("sight")
    key = key_of(admin, "ann", sight="EDITOR")
    script = (
        "import trackway\ntrackway.set_experiment('hers')\n"
        "with trackway.start_run() as run: trackway.log_metric('loss', 1.0); trackway.log_text('t', 'n.txt')\n"
        "print(trackway.get_experiment_by_name('hers').workspace, run.info.run_id)"
    )
    environment = {
        **os.environ,
        "TRACKWAY_URI": server.uri,
        "TRACKWAY_TOKEN": key,
        "TRACKWAY_WORKSPACE": "sight",
        "TRACKWAY_SPOOL_DIR": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    workspace, run_id = done.stdout.split()
    assert workspace == "sight"
    with Client(server.uri, token=key, workspace="sight") as hers:
        assert hers.tracking.get_run(run_id).data.metrics == {"loss": 1.0}
    listing = [sys.executable, "-m", "trackway.cli.main", "runs", "list", "--json"]
    listed = subprocess.run(listing, env=environment, capture_output=True, text=True, timeout=120)
    assert run_id in listed.stdout, listed.stderr

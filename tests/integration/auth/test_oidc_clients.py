"""A token of an OIDC issuer in the hands of the client, the uplink and the command line: a file that others renew."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.oidc_issuer import Issuer, identities_file, oidc_issuer
from trackway import config
from trackway.aio import AsyncClient
from trackway.client import Client
from trackway.config import ServerAddress
from trackway.errors import Unauthenticated
from trackway.testing import LocalServer


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with oidc_issuer() as running:
        yield running


@pytest.fixture(scope="module")
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    file = identities_file(tmp_path_factory.mktemp("identities"), issuer.settings())
    with LocalServer(environment={"TRACKWAY_AUTH_IDENTITIES_FILE": str(file)}) as running:
        yield running


@pytest.fixture
def token_file(issuer: Issuer, tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(issuer.token() + "\n")
    return file


def by_file(server: LocalServer, file: Path) -> ServerAddress:
    return config.parse_uri(server.uri).with_token_file(str(file))


async def test_the_file_is_exchanged_and_read_again_when_it_changes(
    server: LocalServer, issuer: Issuer, token_file: Path
) -> None:
    async with AsyncClient(by_file(server, token_file)) as client:
        assert (await client.auth.get_self()).name == "ci:acme/vision"
        first = client._connection._credentials._token
        await client.tracking.get_experiment("0")
        assert client._connection._credentials._token == first
        scratch = token_file.with_name("new")
        scratch.write_text(issuer.token(repository="acme/speech"))
        scratch.replace(token_file)
        assert (await client.auth.get_self()).name == "ci:acme/speech"
        token_file.unlink()  # away for a moment, while the token at hand is good
        assert (await client.auth.get_self()).name == "ci:acme/speech"
        client._connection._credentials.forget()
        with pytest.raises(Unauthenticated, match="cannot be read"):
            await client.auth.get_self()


def test_what_is_wrong_with_a_token_is_told(server: LocalServer, issuer: Issuer, token_file: Path) -> None:
    token_file.write_text(issuer.token(aud="elsewhere"))
    with Client(by_file(server, token_file)) as client, pytest.raises(Unauthenticated, match="another audience"):
        client.auth.get_self()
    for nothing in ("", "two words", "x" * 17_000):
        token_file.write_text(nothing)
        with Client(by_file(server, token_file)) as client, pytest.raises(Unauthenticated, match="holds no token"):
            client.auth.get_self()


def environment(server: LocalServer, folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    profile = str(folder / "profile.toml")
    return {**kept, "TRACKWAY_URI": server.uri, "TRACKWAY_PROFILE": profile, **more}


def test_the_uplink_exchanges_the_file_of_the_process_it_sends_for(
    server: LocalServer, token_file: Path, tmp_path: Path
) -> None:
    script = (
        "import trackway\nwith trackway.start_run() as run: trackway.log_metric('loss', 1.0)\nprint(run.info.run_id)"
    )
    variables = environment(
        server, tmp_path, TRACKWAY_OIDC_TOKEN_FILE=str(token_file), TRACKWAY_SPOOL_DIR=str(tmp_path / "spool")
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True, timeout=120
    )
    with Client(server.uri, token=server.token) as admin:
        assert admin.tracking.get_run(done.stdout.strip()).data.metrics == {"loss": 1.0}


def test_login_notes_the_file(server: LocalServer, token_file: Path, tmp_path: Path) -> None:
    variables = environment(server, tmp_path)
    profile = Path(variables["TRACKWAY_PROFILE"])
    target = server.uri.removeprefix("trackway://")
    profile.write_text(f'[servers."{target}"]\ntoken = "old"\nca_file = "kept.pem"\n')

    def auth(*arguments: str) -> str:
        command = [sys.executable, "-m", "trackway.cli.main", "auth", *arguments]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "ci:acme/vision" in auth("login", "--oidc-token-file", str(token_file))
    noted = tomllib.loads(profile.read_text())["servers"][target]
    assert noted == {"oidc_token_file": str(token_file), "ca_file": "kept.pem"}
    assert "ci:acme/vision" in auth("whoami")

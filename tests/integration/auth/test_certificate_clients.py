"""A client certificate in place of a key, in the hands of the client, the uplink and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from cryptography.x509 import UniformResourceIdentifier

from support.certificates import Authority
from support.oidc_issuer import identities_file
from trackway import config
from trackway.client import Client
from trackway.testing import LocalServer

MAPPING = """
[[certificates]]
uri = "spiffe://acme.test/trainer"
principal = "trainer"
"""


def test_who_has_a_certificate_needs_no_key(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own, mine = authority.issue(), authority.issue_for(UniformResourceIdentifier("spiffe://acme.test/trainer"))
    flags = ("--tls-cert", str(own.cert), "--tls-key", str(own.key), "--tls-client-ca", str(authority.file))
    variables = {"TRACKWAY_AUTH_IDENTITIES_FILE": str(identities_file(tmp_path, MAPPING))}
    with LocalServer(arguments=flags, environment=variables) as server:
        uri = server.uri.replace("trackway://", "trackways://")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
        environment = {
            **kept,
            "TRACKWAY_URI": uri,
            "TRACKWAY_PROFILE": str(tmp_path / "profile.toml"),
            "TRACKWAY_SPOOL_DIR": str(tmp_path / "spool"),
            "TRACKWAY_CA_FILE": str(authority.file),
            "TRACKWAY_CLIENT_CERT": str(mine.cert),
            "TRACKWAY_CLIENT_KEY": str(mine.key),
        }

        def run(*arguments: str) -> str:
            done = subprocess.run(
                [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        with Client(config.resolve(token=server.token, environ=environment)) as admin:
            admin.auth.create_principal("trainer", "SERVICE_ACCOUNT")
            admin.auth.grant_role("trainer", "EDITOR")
            who = json.loads(run("-m", "trackway.cli.main", "auth", "whoami", "--json"))
            assert who == {"name": "trainer", "server_admin": False, "roles": {"default": "EDITOR"}}
            script = "import trackway\nwith trackway.start_run() as run: trackway.log_metric('loss', 1.0)\n"
            run_id = run("-c", script + "print(run.info.run_id)").strip()
            assert admin.tracking.get_run(run_id).data.metrics == {"loss": 1.0}

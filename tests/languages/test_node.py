"""Another language: a client in Node, made of the protos alone, goes the whole way against a real server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trackway.client import Client
from trackway.testing import LocalServer

HERE = Path(__file__).parent / "node"
PROTOS = Path(__file__).parents[2] / "protos"
INSTALL = "make node (it needs Node 20.15 or newer and npm)"


def node() -> str:
    """Node. Where a machine has none the test is skipped: Trackway itself needs none."""
    found = shutil.which("node")
    if found is None:
        pytest.skip(f"Node is missing: install it, then run {INSTALL}")
    if not all((HERE / "node_modules" / name).is_dir() for name in ("@grpc/grpc-js", "@connectrpc/connect-node")):
        pytest.fail(f"the packages of the Node client are not installed: run {INSTALL}", pytrace=False)
    return found


def test_a_node_client_goes_the_whole_way() -> None:
    command = [node(), "--unhandled-rejections=strict", str(HERE / "story.mjs")]
    with LocalServer() as server, Client(server.uri, token=server.token) as client:
        address = server.uri.removeprefix("trackway://")
        told = subprocess.run(
            [*command, address, str(PROTOS)], input=server.token, capture_output=True, text=True, timeout=120
        )
        assert told.returncode == 0, told.stderr
        story = json.loads(told.stdout.splitlines()[-1])
        # What Node wrote is the same to a reader in Python, bit for bit.
        (series,) = client.tracking.read_series(story["run"], "loss")
        assert series.values.tobytes().hex() == story["value_bits"]
        assert [str(step) for step in series.steps] == story["steps"]
        assert series.context == {"rank": "0"}
        resolved = client.registry.resolve(f"models:/{story['model']}/Production")
        assert [file.digest for file in resolved.manifest.files] == [story["weights"]]


def test_connects_own_client_goes_over_http(tmp_path: Path) -> None:
    descriptors = tmp_path / "descriptors.binpb"
    subprocess.run([Path(sys.executable).with_name("buf"), "build", PROTOS, "-o", descriptors], check=True)
    command = [node(), "--unhandled-rejections=strict", str(HERE / "connect.mjs")]
    with LocalServer() as server:
        told = subprocess.run(
            [*command, server.http_url, str(descriptors)],
            input=server.token,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (told.returncode, told.stdout) == (0, "ok\n"), told.stderr

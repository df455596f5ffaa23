"""From a training process's console to the server and back: read, followed, printed, shown."""

from __future__ import annotations

import base64
import threading
import urllib.request
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support.training import environment, trainer, wait_until
from trackway.cli.commands import app
from trackway.client import Client
from trackway.errors import NotFound
from trackway.testing import LocalServer

RANKS = """
    import os, sys, trackway
    with trackway.start_run(run_name="ranks", log_console=True) as run:
        print("owner", flush=True)
        for rank in range(2):
            if not os.fork():
                with trackway.attach_run(run.info.run_id, context={"rank": rank}, log_console=True):
                    print(f"\\x1b[31mrank {rank}\\x1b[0m <script>alert(1)</script>")
                    sys.stderr.write("\\r10%\\r100%\\n")
                    assert f"rank {rank} <script>alert(1)</script>" in trackway.active_run().console()
                os._exit(0)
        for _ in range(2):
            assert os.wait()[1] == 0
        lines = run.console()
        assert "owner" in lines and sum(line.startswith("rank") for line in lines) == 2, lines
        sys.__stderr__.write(run.info.run_id + "\\n")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as opened:
        yield opened


@pytest.fixture(scope="module")
def run_id(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    with trainer(RANKS, environment(server, tmp_path_factory.mktemp("spools"))) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "rank 0" in out
    return err.split()[-1]


def test_every_process_is_read_apart(client: Client, run_id: str) -> None:
    blocks = list(client.tracking.read_console(run_id))
    assert [line for block in blocks for line in block.lines if line == "owner"] == ["owner"]
    rank = [block for block in blocks if block.labels.get("rank") == "1"]
    assert {(block.stream, line) for block in rank for line in block.lines} == {
        ("stdout", "rank 1 <script>alert(1)</script>"),
        ("stderr", "100%"),
    }
    assert list(client.tracking.read_console(run_id, labels={"rank": 1})) == rank
    assert [len(block.lines) for block in client.tracking.read_console(run_id, last_lines=1, labels={"rank": 1})] == [1]
    with pytest.raises(NotFound):
        list(client.tracking.read_console("0" * 32))


def test_the_command_line_prints_lines_with_their_rank(server: LocalServer, run_id: str) -> None:
    variables = {"TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": server.token}
    printed = CliRunner().invoke(app, ["runs", "logs", run_id], env=variables)
    assert printed.exit_code == 0, printed.output
    assert "[rank 0] rank 0 <script>alert(1)</script>" in printed.output.splitlines()
    alone = CliRunner().invoke(app, ["runs", "logs", run_id, "--rank", "1", "--tail", "5"], env=variables)
    assert sorted(alone.output.splitlines()) == ["100%", "rank 1 <script>alert(1)</script>"]
    machine = CliRunner().invoke(app, ["runs", "logs", run_id, "--rank", "1", "--json"], env=variables)
    assert '"lines": ["100%"]' in machine.output


def test_the_page_of_a_run_shows_its_last_lines_as_text(server: LocalServer, run_id: str) -> None:
    request = urllib.request.Request(f"{server.http_url}/runs/{run_id}")
    request.add_header("Authorization", "Basic " + base64.b64encode(f":{server.token}".encode()).decode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        page = answer.read().decode()
    assert "rank 1 &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>" not in page


def test_a_follower_sees_lines_while_they_are_written(server: LocalServer, client: Client, tmp_path: Path) -> None:
    script = """
        import sys, time, trackway
        run = trackway.start_run(log_console=True)
        print(run.info.run_id, file=sys.__stderr__, flush=True)
        print("begun", flush=True)
        for line in sys.stdin:
            print("heard", line.strip(), flush=True)
    """
    with trainer(script, environment(server, tmp_path)) as process:
        assert process.stdin is not None and process.stderr is not None
        run_id = process.stderr.readline().strip()
        seen: list[str] = []

        def follow() -> None:
            blocks = client.tracking.read_console(run_id, follow=True)
            lines = (line for block in blocks if block.stream == "stdout" for line in block.lines)
            for line in islice(lines, 3):
                seen.append(line)

        wait_until(lambda: "begun" in _lines(client, run_id), "the first line is on the server", 60)
        follower = threading.Thread(target=follow)
        follower.start()
        for number in (1, 2):
            wait_until(lambda number=number: len(seen) >= number, f"{number} lines are followed", 60)
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
        follower.join(60)
    assert seen == ["begun", "heard 1", "heard 2"]


def _lines(client: Client, run_id: str) -> list[str]:
    try:
        return [line for block in client.tracking.read_console(run_id) for line in block.lines]
    except NotFound:
        return []

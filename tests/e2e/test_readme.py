"""The README's examples, as they stand, one after the other like a reader would type them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from trackway.client import Client
from trackway.testing import LocalServer

ROOT = Path(__file__).resolve().parents[2]


def examples() -> str:
    """All Python blocks of the README, but MLflow's, as one script."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    ours = [block for block in blocks if "import mlflow" not in block]
    assert len(ours) >= 5
    return "\n\n".join(ours)


def test_every_example_runs_as_it_stands(tmp_path: Path) -> None:
    script = tmp_path / "readme.py"
    script.write_text(examples())
    with LocalServer() as server:
        environment = {
            **os.environ,
            "TRACKWAY_URI": server.uri,
            "TRACKWAY_TOKEN": server.token,
            "TRACKWAY_SPOOL_DIR": str(tmp_path / "spool"),
        }
        done = subprocess.run(
            [sys.executable, str(script)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        with Client(server.uri, token=server.token) as client:
            names = {run.info.run_name: run for run in client.tracking.search_runs()}
            assert {"warm-up", "logistic regression", "four ranks"} <= set(names)
            made = {model.name: model.status for model in client.logged_models.search()}
            assert made == dict.fromkeys(("model", "tree", "checkpoint-500", "checkpoint-1000"), "READY")
            ranks = client.tracking.read_series(names["four ranks"].info.run_id, "loss")
            assert sorted((series.context["rank"], len(series)) for series in ranks) == [
                (str(rank), 1000) for rank in range(4)
            ]


def test_curl_goes_the_way_that_the_readme_shows(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().split("### HTTP and JSON\n")[1]
    script = re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[0]
    with LocalServer(tmp_path / "trackway-data") as server:
        shown = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script.replace("http://127.0.0.1:7700", server.http_url)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert '"name": "by curl"' in shown.stdout
    assert '{"model": {"name": "curled"' in shown.stdout
    assert '"kind": "EVENT_KIND_MODEL_CREATED"' in shown.stdout
    assert "event: error" in shown.stdout
    assert shown.stdout.count('"code"') == shown.stdout.count('"deadline_exceeded"') == 1


def test_the_readme_begins_with_what_it_is_and_the_two_commands() -> None:
    head = (ROOT / "README.md").read_text().split("## ")[0]
    assert "experiment tracker and model registry" in head
    assert "$ make demo" in head and "$ make test" in head


def test_the_commands_that_the_readme_names_exist() -> None:
    text = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"`?make ([a-z]+)`", text)) | set(re.findall(r"^\$ make ([a-z]+)", text, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test", "bench", "lint"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    from trackway.cli.main import main  # noqa: F401 - the console script's entry point

    for command in set(re.findall(r"^\$ trackway ([a-z]+)", text, re.MULTILINE)):
        shown = subprocess.run(
            [sys.executable, "-c", "from trackway.cli.main import main; main()", command, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, (command, shown.stderr)

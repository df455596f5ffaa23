"""README's "Coming from MLflow", followed word by word with the real MLflow."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.mlflow_environment import MISSING, PEER, interpreter, variables
from trackway import Client
from trackway.testing import LocalServer

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [
    pytest.mark.skipif(not PEER.exists(), reason=MISSING),
    pytest.mark.xdist_group("mlflow plugin"),
    pytest.mark.timeout(600),
]


def section() -> str:
    return (ROOT / "README.md").read_text().split("## Coming from MLflow\n")[1].split("\n## ")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", section(), re.DOTALL | re.MULTILINE)


def test_the_section_is_followed_word_by_word(tmp_path: Path) -> None:
    (settings,) = blocks("sh")
    as_it_is, at_speed = blocks("python")
    with LocalServer(tmp_path / "trackway-data") as server:
        settings = settings.replace("http://127.0.0.1:7700", server.http_url)
        (tmp_path / "as_it_is.py").write_text(as_it_is)
        shown = told(["bash", "-euc", f"{settings}\nexec {PEER} as_it_is.py"], tmp_path, {})
        assert "as ever" in shown

        python = interpreter(tmp_path / "environment")
        (tmp_path / "at_speed.py").write_text(at_speed.replace("trackway://127.0.0.1:7701", server.uri))
        told([str(python), "at_speed.py"], tmp_path, {"TRACKWAY_TOKEN": server.token})
        with Client(server.uri, token=server.token) as client:
            through_rest, through_plugin = client.tracking.search_runs(order_by=["start_time"])
            assert through_rest.data.params == through_plugin.data.params == {"lr": "0.1"}
            assert through_plugin.info.status == "FINISHED"
            assert client.tracking.read_series(through_plugin.info.run_id, "loss")[0].steps.tolist() == [*range(1000)]

            command = next(
                line for line in blocks("console")[1].splitlines() if "http://" in line and "dry" not in line
            )
            with LocalServer(tmp_path / "other") as other:
                words = command.removeprefix("$ trackway ").split("#")[0].split()
                words[-1] = server.http_url
                environment = {
                    "TRACKWAY_URI": other.uri,
                    "TRACKWAY_TOKEN": other.token,
                    "MLFLOW_TRACKING_TOKEN": server.token,
                }
                told([str(Path(sys.executable).parent / "trackway"), *words], tmp_path, environment)
                with Client(other.uri, token=other.token) as copy:
                    assert {run.info.run_id for run in copy.tracking.search_runs()} == {
                        through_rest.info.run_id,
                        through_plugin.info.run_id,
                    }


def told(command: list[str], home: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=variables(home, environment), cwd=home, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

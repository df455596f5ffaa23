"""The commands that read, against a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from trackway import attach_run
from trackway.cli.commands import app
from trackway.client import Client
from trackway.data import from_numpy
from trackway.entities import LoggedModelInput, LoggedModelOutput
from trackway.logged_model import LoggedModel
from trackway.testing import LocalServer

HOSTILE = "[bold]not markup[/] \x1b[31m\u202e"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def run_id(server: LocalServer) -> str:
    """A run with a nested one, artifacts and a registered model in production."""
    with Client(server.uri, token=server.token) as client:
        experiment = client.tracking.create_experiment("vision", tags={"mlflow.note.content": "About eyes."})
        run = client.tracking.create_run(
            experiment_id=experiment.experiment_id, run_name="parent", tags={"odd": HOSTILE}
        )
        run_id = run.info.run_id
        client.tracking.log_params(run_id, {"lr": "0.1", "odd": HOSTILE})
        client.tracking.create_run(experiment_name="other", run_name="child", tags={"mlflow.parentRunId": run_id})
        client.artifacts.upload_bytes(run_id, b"0.5", "model/weights.txt")
        client.registry.create_model("eyes", description="Sees.")
        client.registry.create_version("eyes", f"runs:/{run_id}/model")
        client.registry.transition_stage("eyes", 1, "Production")
        client.registry.set_alias("eyes", "champion", 1)
        with TemporaryDirectory() as spools, pytest.MonkeyPatch.context() as patched:
            patched.setenv("TRACKWAY_SPOOL_DIR", spools)
            with client.registry.monitor("eyes", 1, context={"replica": "a"}) as monitor:
                monitor.log_metrics({"latency_ms": 12.5})
    return run_id


@pytest.fixture
def trackway(server: LocalServer, run_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Runs a command that must succeed and answers what it printed."""
    monkeypatch.setenv("TRACKWAY_URI", server.uri)
    monkeypatch.setenv("TRACKWAY_PROFILE", str(server.profile))
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path))
    monkeypatch.delenv("TRACKWAY_TOKEN", raising=False)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def as_json(output: str) -> Any:
    return json.loads(output)


def test_experiments(trackway: Callable[..., str]) -> None:
    table = trackway("experiments", "list")
    assert "vision" in table
    assert "About eyes." in table
    listed = as_json(trackway("experiments", "list", "--json"))
    assert {each["name"] for each in listed} == {"Default", "vision", "other"}
    assert len(as_json(trackway("experiments", "list", "--json", "--limit", "1"))) == 1


def test_runs(trackway: Callable[..., str], run_id: str) -> None:
    table = trackway("runs", "list")
    assert run_id in table
    assert "↳ child" in table
    assert "lr=0.1" in table
    assert "\x1b" not in table
    for chosen in ("vision", "1"):
        listed = as_json(trackway("runs", "list", "--experiment", chosen, "--json"))
        assert [each["info"]["run_name"] for each in listed] == ["parent"]
    nested = as_json(trackway("runs", "list", "--parent", run_id, "--json"))
    assert [each["info"]["run_name"] for each in nested] == ["child"]


def test_one_run(trackway: Callable[..., str], run_id: str) -> None:
    shown = trackway("runs", "show", run_id)
    assert "parent" in shown
    assert "[bold]not markup[/]" in shown
    assert not set(shown) & set("\x1b\u202e")
    run = as_json(trackway("runs", "show", run_id, "--json"))["run"]
    assert run["data"]["params"]["odd"] == HOSTILE


def test_models(trackway: Callable[..., str], run_id: str) -> None:
    table = trackway("models", "list")
    assert "1 Production" in table
    assert "@champion=1" in table
    assert "@champion=1" in trackway("models", "search", "name LIKE 'ey%'", "--order-by", "last_updated_timestamp DESC")
    assert "No registered model holds that." in trackway("models", "search", "name = 'ears'")
    assert "eyes" in trackway("models", "versions", "stage = 'Production'")
    assert as_json(trackway("models", "versions", "stage = 'None'", "--json")) == []
    shown = trackway("models", "show", "eyes")
    assert run_id in shown
    assert "Sees." in shown
    version = as_json(trackway("models", "show", "eyes", "--json"))["versions"][0]
    assert (version["version"], version["stage"], version["aliases"]) == (1, "Production", ["champion"])


@pytest.fixture(scope="module")
def logged(server: LocalServer, run_id: str) -> list[LoggedModel]:
    """Two logged models that the run made, both measured, and one that it reads."""
    with Client(server.uri, token=server.token) as client:
        experiment = client.tracking.get_run(run_id).info.experiment_id
        made = [
            client.logged_models.create(
                experiment, name=name, source_run_id=run_id, params={"depth": depth}, tags={"odd": HOSTILE}
            )
            for name, depth in (("small", 2), ("large", 9))
        ]
        read = client.logged_models.create("0", name="base", model_type="encoder")
        client.artifacts.upload_bytes(made[1].model_id, b"0.5", "data/weights.bin")
        client.logged_models.finalize(made[1].model_id, "READY")
        outputs = [LoggedModelOutput(model.model_id, 10 * number) for number, model in enumerate(made, 1)]
        client.tracking.log_batch(run_id, model_inputs=[LoggedModelInput(read.model_id)], model_outputs=outputs)
        with TemporaryDirectory() as spools, pytest.MonkeyPatch.context() as patched:
            patched.setenv("TRACKWAY_SPOOL_DIR", spools)
            patched.setenv("TRACKWAY_URI", server.uri)
            patched.setenv("TRACKWAY_TOKEN", server.token)
            with attach_run(run_id) as run:
                run.log_metric("loss", 0.125, 20, model=made[1], dataset=from_numpy(np.arange(2), name="test"))
                run.log_metric("loss", 0.5, 10, model=made[0])
    return [*made, read]


def test_logged_models(trackway: Callable[..., str], run_id: str, logged: list[LoggedModel]) -> None:
    small, large, base = (model.model_id for model in logged)
    table = trackway("models", "logged")
    assert all(model_id in table for model_id in (small, large, base))
    (line,) = (line for line in table.splitlines() if large in line)
    assert line.split()[:6] == [large, "large", "READY", "20", "loss", "(test)=0.125"]
    assert {"depth=9", run_id} <= set(line.split())
    for arguments, wanted in (
        (("--experiment", "vision", "--order-by", "metrics.loss ASC"), [large, small]),
        (("--run", run_id, "--order-by", "params.depth ASC"), [small, large]),
        (("name = 'small' OR name = 'base'", "--run", run_id), [small]),
        (("metrics.loss < 0.2",), [large]),
        (("--limit", "1", "--order-by", "name ASC"), [base]),
    ):
        found = as_json(trackway("models", "logged", *arguments, "--json"))
        assert [each["model_id"] for each in found] == wanted, arguments
    assert "There is no such logged model." in trackway("models", "logged", "name = 'none'")
    shown = trackway("models", "show", large)
    assert all(text in shown for text in ("large", "READY", "depth", "loss (test)", "0.125", run_id, "1, 3 bytes"))
    assert not set(shown) & set("\x1b\u202e")
    known = as_json(trackway("models", "show", large, "--json"))
    assert (known["model"]["model_id"], [each["path"] for each in known["files"]]) == (large, ["data/weights.bin"])
    run = trackway("runs", "show", run_id)
    read, made = run.split("Models read")[1].split("Models made")
    assert base in read
    assert [line.split() for line in made.splitlines() if "m-" in line] == [
        [small, "10", "small", "PENDING"],
        [large, "20", "large", "READY"],
    ]


def test_doctor(trackway: Callable[..., str]) -> None:
    facts = as_json(trackway("doctor", "--json"))
    assert facts["answers"] == "yes"
    assert facts["key"] == "found"


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "show", "0" * 32],
        ["runs", "show", "nonsense"],
        ["runs", "list", "--experiment", "no such"],
        ["models", "show", "no such"],
        ["models", "show", "m-" + "0" * 32],
        ["models", "logged", "name ="],
        ["models", "logged", "--run", "0" * 32],
    ],
)
@pytest.mark.usefixtures("trackway")
def test_what_is_not_there_is_one_clear_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from trackway.cli.main import main

    monkeypatch.setattr("sys.argv", ["trackway", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("trackway: ")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("run_id")
def test_a_wrong_key_is_one_clear_line(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from trackway.cli.main import main

    monkeypatch.setenv("TRACKWAY_TOKEN", "tw_" + "x" * 43)
    monkeypatch.setattr("sys.argv", ["trackway", "runs", "list", "--uri", server.uri])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "TRACKWAY_TOKEN" in capsys.readouterr().err


def test_sync_brings_in_what_was_recorded_without_a_server(
    trackway: Callable[..., str], tmp_path: Path, server: LocalServer
) -> None:
    import os
    import subprocess
    import sys

    script = "import trackway\nwith trackway.start_run(run_name='offline'):\n    trackway.log_metric('loss', 0.5)\n"
    environ = {**os.environ, "TRACKWAY_URI": "trackway://127.0.0.1:1", "TRACKWAY_SPOOL_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], env=environ, check=True, capture_output=True, timeout=120)
    report = as_json(trackway("sync", str(tmp_path), "--uri", server.uri, "--json"))
    assert report["ok"]
    assert [spool["points"] for spool in report["spools"]] == [1]
    runs = as_json(trackway("runs", "list", "--json"))
    offline = next(run for run in runs if run["info"]["run_name"] == "offline")
    assert offline["data"]["metrics"] == {"loss": 0.5}
    assert trackway("sync", str(tmp_path), "--uri", server.uri) == "There is nothing to send.\n"


def test_metrics_of_a_version(trackway: Callable[..., str]) -> None:
    table = trackway("models", "metrics", "eyes", "1")
    assert "latency_ms" in table
    assert "replica=a" in table
    (series,) = as_json(trackway("models", "metrics", "eyes", "1", "--json"))
    assert (series["key"], series["last_value"], series["count"]) == ("latency_ms", 12.5, 1)


def test_runs_are_compared(trackway: Callable[..., str], run_id: str, server: LocalServer) -> None:
    with Client(server.uri, token=server.token) as client:
        other = client.tracking.create_run(run_name="rival", tags={"odd": HOSTILE}).info.run_id
        client.tracking.log_params(other, {"lr": "0.2", "odd": HOSTILE})
    table = trackway("runs", "compare", run_id, other)
    assert "parent" in table and "rival" in table
    (line,) = [line for line in table.splitlines() if line.strip().startswith("params.lr")]
    assert line.split() == ["params.lr", "0.1", "0.2"]
    assert "params.odd" not in table
    everything = trackway("runs", "compare", run_id, other, "--all")
    assert "params.odd" in everything and "[bold]not markup[/]" in everything
    assert not set(everything) & set("\x1b\u202e")
    rows = {row["key"]: row for row in as_json(trackway("runs", "compare", run_id, other, "--json"))["rows"]}
    assert rows["lr"]["values"] == ["0.1", "0.2"] and rows["lr"]["differs"] is True
    alone = trackway("runs", "compare", run_id)
    assert "They differ in nothing." in alone


def test_notes(trackway: Callable[..., str], run_id: str, tmp_path: Path) -> None:
    trackway("runs", "describe", run_id, "# Title\nand \x1b[31mtext")
    assert trackway("runs", "describe", run_id) == "# Title\nand \ufffd[31mtext\n"
    file = tmp_path / "note.md"
    file.write_text("from a file")
    trackway("runs", "describe", run_id, "--file", str(file))
    assert trackway("runs", "describe", run_id) == "from a file\n"
    trackway("experiments", "describe", "other", "An *other* one.")
    assert trackway("experiments", "describe", "2") == "An *other* one.\n"

"""The server and the experiment that runs go to: by call, environment, profile."""

from __future__ import annotations

from pathlib import Path

import pytest

import trackway
from support.recorded import only_recorded
from trackway.errors import InvalidArgument


def experiment_of_a_run(spools: Path, **arguments: str) -> tuple[str, str]:
    with trackway.start_run(**arguments) as run:  # type: ignore[arg-type]
        pass
    start = only_recorded(spools, run.info.run_id).start
    assert start is not None
    return start["experiment_name"], start["experiment_id"]


def test_the_server_by_call_environment_profile_and_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    monkeypatch.setenv("TRACKWAY_PROFILE", str(profile))
    assert trackway.get_tracking_uri() == "trackway://127.0.0.1:7701"
    assert not trackway.is_tracking_uri_set()
    profile.write_text('uri = "trackways://example.org"\n')
    assert trackway.get_tracking_uri() == "trackways://example.org:7701"
    monkeypatch.setenv("TRACKWAY_URI", "trackway://127.0.0.1:1")
    assert trackway.get_tracking_uri() == "trackway://127.0.0.1:1"
    trackway.set_tracking_uri("trackway://127.0.0.1")
    assert trackway.get_tracking_uri() == "trackway://127.0.0.1:7701"
    trackway.set_tracking_uri(None)
    assert trackway.get_tracking_uri() == "trackways://example.org:7701"


@pytest.mark.parametrize("uri", ["http://localhost:5000", "file:./mlruns", "sqlite:///mlflow.db", "databricks"])
def test_an_address_of_mlflow_is_refused_with_advice(uri: str) -> None:
    with pytest.raises(InvalidArgument, match="trackway://"):
        trackway.set_tracking_uri(uri)


def test_the_experiment_by_call(spools: Path) -> None:
    assert trackway.set_experiment("digits").name == "digits"
    assert experiment_of_a_run(spools) == ("digits", "")
    assert trackway.set_experiment(experiment_id="7").experiment_id == "7"
    assert experiment_of_a_run(spools) == ("", "7")
    assert experiment_of_a_run(spools, experiment_id="9") == ("", "9")


@pytest.mark.parametrize("prefix", ["TRACKWAY", "MLFLOW"])
def test_the_experiment_by_environment(spools: Path, monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv(f"{prefix}_EXPERIMENT_ID", "5")
    assert experiment_of_a_run(spools) == ("", "5")
    monkeypatch.setenv(f"{prefix}_EXPERIMENT_NAME", "named")
    assert experiment_of_a_run(spools) == ("named", "")


def test_our_environment_goes_before_mlflows(spools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    monkeypatch.setenv("TRACKWAY_EXPERIMENT_NAME", "ours")
    assert experiment_of_a_run(spools) == ("ours", "")


def test_wrong_experiments_are_refused() -> None:
    for arguments in ({}, {"experiment_name": "a", "experiment_id": "1"}, {"experiment_id": "one"}):
        with pytest.raises(InvalidArgument):
            trackway.set_experiment(**arguments)
    with pytest.raises(InvalidArgument, match="500"):
        trackway.set_experiment("x" * 501)


def test_the_id_of_the_default_experiment_is_known_without_a_server() -> None:
    with trackway.start_run() as run:
        assert run.info.experiment_id == "0"

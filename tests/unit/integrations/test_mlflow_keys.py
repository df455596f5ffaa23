"""To which servers the plugin sends a key: those that the user has named, and none that an address of files names."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackway.errors import InvalidArgument
from trackway.integrations.mlflow import server


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TRACKWAY_URI", "TRACKWAY_TOKEN", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(server, "_servers", {})


@pytest.mark.parametrize("name", ["TRACKWAY_TOKEN", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"])
def test_a_key_goes_to_no_server_that_others_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "tw_" + "a" * 40)
    monkeypatch.setenv("TRACKWAY_URI", "trackway://own.example:7701")
    named = ("trackways://tls.example:7701", "http://mlflow.example", None)
    for other in ("trackway://evil.example:7701", "trackways://own.example:7701", "trackway://tls.example:7701"):
        with pytest.raises(InvalidArgument, match="TRACKWAY_URI"):
            server.server_of_files(other, named)
    monkeypatch.setattr(server, "server_at", lambda uri: uri)
    for own in ("trackway://own.example:7701", "trackways://tls.example:7701"):
        assert server.server_of_files(own, named) == own


def test_without_a_key_any_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "server_at", lambda uri: uri)
    assert server.server_of_files("trackway://open.example:7701", ()) == "trackway://open.example:7701"

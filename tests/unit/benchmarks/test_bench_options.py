"""What `python -m benchmarks` accepts, and when it may rewrite the published results."""

from __future__ import annotations

import pytest
from benchmarks import __main__ as bench


def test_only_a_full_run_counts_as_one() -> None:
    assert bench._options([]).full
    assert bench._options(["--json"]).full
    for partial in (["--only", "p1"], ["--quick"], ["--no-peer"]):
        assert not bench._options(partial).full


def test_only_takes_names_in_any_case() -> None:
    assert bench._options(["--only", "p1, P17"]).only == ("P1", "P17")


def test_an_unknown_figure_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench._options(["--only", "P99"])
    assert "no figure named P99; there are P1, P2" in capsys.readouterr().err


def test_every_figure_is_measured() -> None:
    assert set(bench.ORDER) == set(bench.FIGURES)

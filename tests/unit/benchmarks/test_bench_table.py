"""The benchmark's table: statistics, units, verdicts. No number measured here depends on time."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO

import pytest
from benchmarks import report
from benchmarks.figures import Row, Unit
from benchmarks.samples import Spread, percentile
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

FAST = Row("P1", "a call", Unit.SECONDS, Spread.of([1.2e-6, 1.0e-6, 1.4e-6]), 1.5e-6, Spread.of([600e-6]), "async")
SLOW = Row("P2", "ingest", Unit.POINTS_PER_SECOND, Spread.of([4e6]), 8e6, Spread.of([5e3]))
BROKEN = Row("P3", "loop | of 10", Unit.POINTS_PER_SECOND, goal=1.5e6, failure="9 points on the server, 10 were logged")


def test_a_spread_is_median_least_greatest_and_count() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)


@pytest.mark.parametrize("of_nothing", [lambda: Spread.of([]), lambda: percentile([], 50)])
def test_no_samples_are_an_error_not_a_zero(of_nothing: object) -> None:
    with pytest.raises(ValueError, match="no samples"):
        of_nothing()  # type: ignore[operator]


def test_percentile_is_the_nearest_rank() -> None:
    samples = list(range(1, 1001))
    assert [percentile(samples, p) for p in (0, 50, 99, 99.9, 100)] == [1, 500, 990, 999, 1000]


@given(st.lists(st.integers(0, 10**9), min_size=1), st.floats(0, 100))
def test_percentile_is_a_sample_that_covers_its_share(samples: list[int], percent: float) -> None:
    found = percentile(samples, percent)
    assert found in samples
    assert sum(sample <= found for sample in samples) * 100 >= percent * len(samples) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (850e-9, Unit.SECONDS, "850 ns"),
        (1.24e-6, Unit.SECONDS, "1.24 µs"),
        (0.0492, Unit.SECONDS, "49.2 ms"),
        (12.08, Unit.SECONDS, "12.1 s"),
        (-0.002, Unit.SECONDS, "-2 ms"),
        (0, Unit.SECONDS, "0 ns"),
        (8.1e6, Unit.POINTS_PER_SECOND, "8.1 M/s"),
        (5400, Unit.POINTS_PER_SECOND, "5.4 k/s"),
        (1848e6, Unit.BYTES, "1,848 MB"),
        (3.2, Unit.CORE_PERCENT, "3.2 %"),
        (0.25, Unit.CORE_PERCENT, "0.25 %"),
        (999.7e6, Unit.BYTES, "1,000 MB"),
        (1000, Unit.TIMES_PEER, "1,000 ×"),
    ],
)
def test_quantities_read_as_people_write_them(value: float, unit: Unit, text: str) -> None:
    assert report.quantity(value, unit) == text


def test_ratio_and_verdict_follow_the_direction_of_the_unit() -> None:
    assert (FAST.ratio, FAST.verdict) == (pytest.approx(500), "met")
    assert (SLOW.ratio, SLOW.verdict) == (pytest.approx(800), "2.0 × off")
    assert Row("P9", "informs", Unit.SECONDS, Spread.of([1.0])).verdict == ""


def test_a_difference_lost_in_the_noise_has_no_ratio() -> None:
    row = Row("P10", "import", Unit.SECONDS, Spread.of([-1e-4]), 0.025, Spread.of([2.5]))
    assert (row.ratio, row.verdict) == (None, "met")


def test_a_failure_has_no_ratio_and_says_why() -> None:
    failed = Row("P2", "x", Unit.SECONDS, Spread.of([1.0]), 2.0, Spread.of([3.0]), failure="lost a point")
    assert (failed.ratio, failed.shortfall, failed.verdict) == (None, None, "FAILED")
    assert "lost a point" in report.cells(failed)


def test_the_markdown_has_every_row_and_stays_a_table() -> None:
    text = report.markdown([FAST, SLOW, BROKEN], ["a machine"])
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3
    assert {line.replace("\\|", "").count("|") for line in lines} == {len(report.COLUMNS) + 1}
    assert "| P1 | a call | 1.2 µs (1 µs–1.4 µs) | ≤ 1.5 µs | 600 µs async | 500 × | met |" in text
    assert "- a machine" in text


@pytest.mark.parametrize(("width", "shown"), [(250, report.spread), (100, report.median)])
def test_the_terminal_shows_the_same_cells_and_spreads_where_they_fit(width: int, shown: Callable[..., str]) -> None:
    screen = Console(file=StringIO(), width=250)
    screen.print(report.terminal_table([FAST, BROKEN], width))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert all(cell in text for row in (FAST, BROKEN) for cell in report.cells(row, shown))
    assert ("1 µs–1.4 µs" in text) == (width == 250)


def test_json_is_in_base_units_with_verdicts() -> None:
    figures = json.loads(report.as_json([FAST, BROKEN], []))["figures"]
    assert figures[0]["ours"]["median"] == 1.2e-6
    assert [figure["verdict"] for figure in figures] == ["met", "FAILED"]

"""What strangers wrote never steers a terminal, and JSON holds what JSON lacks."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from trackway.cli import output
from trackway.cli.output import (
    Column,
    clean,
    duration,
    moment,
    number,
    pairs_text,
    plain,
    print_json,
    print_line,
    print_pairs,
    print_table,
    size,
)

HOSTILE = "\x1b[31mred\x1b[0m\x07\r\x9b2J [bold]markup[/] \u202eevil"


@settings(deadline=None)
@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    assert all(each.isprintable() for each in clean(text))
    assert len(clean(text)) == len(text)


def test_tables_and_lines_show_markup_as_text_and_no_escape(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HOSTILE, (Column("Name"), Column("Value", "right")), [(HOSTILE, "1")], empty="none")
    print_pairs(HOSTILE, [(HOSTILE, HOSTILE)])
    print_line(HOSTILE)
    out = capsys.readouterr().out
    assert out.count("[bold]markup[/]") == 6
    assert not set(out) & set("\x1b\x07\r\x9b\u202e")


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("T", (Column("A"),), [], empty="There is nothing.")
    assert capsys.readouterr().out == "There is nothing.\n"


@dataclass(frozen=True, slots=True)
class Value:
    name: str
    numbers: tuple[float, ...]


def test_json_of_values(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([Value("ü\x1b", (1.5, math.nan, math.inf, -math.inf)), None, {"a": True}])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert json.loads(out) == [
        {"name": "ü\x1b", "numbers": [1.5, "NaN", "Infinity", "-Infinity"]},
        None,
        {"a": True},
    ]


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=20))
def test_everything_plain_is_json(value: object) -> None:
    json.dumps(plain(value), allow_nan=False)


def test_numbers_and_times_for_people() -> None:
    assert [size(count) for count in (0, 1023, 1024, 5 << 20, 1 << 50)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "1024.0 TiB",
    ]
    assert number(0.123456789) == "0.123457"
    assert number(math.nan) == "nan"
    assert duration(0, None) == ""
    assert duration(0, 1_500_000) == "1.5 s"
    assert duration(0, 3_700_000_000) == "1 h 1 min"
    assert moment(0) == ""
    assert moment(2**63 - 1) == str(2**63 - 1)
    assert pairs_text({f"k{n}": "v" * 100 for n in range(6)}).endswith(", +2")


@pytest.mark.parametrize(("width", "missing"), [(80, "Started"), (50, "Started, Took, Note"), (110, "")])
def test_a_narrow_terminal_shows_whole_columns_and_says_which_it_does_not(
    width: int, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "console", lambda: Console(width=width, highlight=False))
    columns = (
        Column("Run", wrap=False),
        Column("Name"),
        Column("Started", wrap=False, spare=2),
        Column("Took", "right", wrap=False, spare=3),
        Column("Note", spare=1),
    )
    print_table("Runs", columns, [("a" * 32, "name " * 10, "2026-11-23 13:22:25", "0.1 s", "x" * 90)], empty="none")
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines() if not line.startswith("Not shown")) <= width
    assert "a" * 32 in out
    assert "name name" in out
    assert "…" not in out
    assert ("2026-11-23 13:22:25" in out) is ("Started" not in missing)
    assert (f"Not shown: {missing}." in out) is bool(missing)

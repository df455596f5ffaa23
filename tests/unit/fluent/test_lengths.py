"""No length and no line end of what is logged fails a run, and none of it keeps the run from its server."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trackway
from support.recorded import only_recorded
from trackway._fluent import checks
from trackway._fluent.lengths import cut
from trackway.errors import InvalidArgument
from trackway_server.core.rpc.formats import is_text_line

MIB = 1 << 20


def test_values_that_are_too_long_are_cut_with_a_mark(spools: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with trackway.start_run() as run:
        trackway.log_param("prompt", "é" * 5 * MIB)
        trackway.log_param("prompt", "é" * 5 * MIB)
        trackway.set_tag("log", "x" * 2 * MIB)
        with pytest.raises(InvalidArgument, match="Changing param values"):
            trackway.log_param("prompt", "é" * 5 * MIB + "!")
    found = only_recorded(spools, run.info.run_id)
    param, tag = found.params["prompt"], found.tags["log"]
    assert 4 * MIB - 1 <= len(param.encode()) <= 4 * MIB and len(tag.encode()) <= MIB
    assert "[cut off here: 10,485,760 bytes in all, SHA-256 " in param[-80:]
    said = capfd.readouterr().err
    assert "the value of the tag 'log' has 2,097,152 bytes; the first 1,048,576 are kept" in said


def test_what_a_run_is_made_with_is_what_servers_take(spools: Path) -> None:
    with trackway.start_run(
        run_name="lr=1\nbatch=2" * 100, tags={"k": 3 * MIB * "v"}, description=2 * MIB * "d"
    ) as run:
        trackway.set_tag("mlflow.runName", "two\nlines")
    tags = only_recorded(spools, run.info.run_id).tags
    assert run.info.run_name == tags["mlflow.runName"] == "two lines"
    assert max(len(each.encode()) for each in tags.values()) <= MIB


@given(st.text(max_size=600) | st.text("a\n\x00\x9f\u2028\udcff", max_size=600))
@settings(max_examples=50, deadline=None)
def test_every_name_becomes_one_line(name: str) -> None:
    line = checks.line(name, 500)
    assert is_text_line(line) and len(line) <= 500
    line.encode()
    if is_text_line(name) and len(name) <= 500 and "\udcff" not in name:
        assert line == name.encode("utf-8", "backslashreplace").decode()


@given(st.text(min_size=1), st.integers(100, 200))
@settings(max_examples=50, deadline=None)
def test_what_is_cut_off_fits(text: str, limit: int) -> None:
    value = text.encode("utf-8", "replace").decode() * 300
    kept = cut("param", "p", value, limit)
    assert len(kept.encode()) <= limit
    assert value.startswith(kept.partition("… [cut")[0])

"""The log: JSON lines, no secrets, no local variables."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from trackway_server.core.logging import configure_logging, redacted

KEY = "tw_" + "Ab-_" * 10 + "xyz"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def test_json_lines_with_constant_events_and_fields(stream: io.StringIO) -> None:
    configure_logging(stream=stream)
    structlog.get_logger("x").info("call", request_id="r", status="OK")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["request_id"], line["status"], line["level"]) == ("call", "r", "OK", "info")
    assert line["timestamp"].endswith("Z")


def test_console_lines_where_asked_for(stream: io.StringIO) -> None:
    configure_logging(format="console", stream=stream)
    structlog.get_logger("x").info("call", status="OK")
    assert "status=OK" in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_neither_keys_nor_local_variables(stream: io.StringIO, form: str) -> None:
    configure_logging(format=form, stream=stream)
    local_variable = KEY
    try:
        raise ValueError(f"authorization: Bearer {local_variable}")
    except ValueError:
        structlog.get_logger("x").exception("call_failed", token=KEY)
    assert "Traceback" in stream.getvalue()
    assert "[redacted]" in stream.getvalue()
    assert KEY not in stream.getvalue()
    assert "Ab-_" not in stream.getvalue()


def test_levels(stream: io.StringIO) -> None:
    configure_logging(level="warning", stream=stream)
    structlog.get_logger("x").info("call")
    assert stream.getvalue() == ""


def test_the_standard_librarys_log_goes_the_same_way(stream: io.StringIO) -> None:
    configure_logging(stream=stream)
    logging.getLogger("asyncio").error("slow %s", KEY)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["logger"], line["level"]) == ("slow tw_[redacted]", "asyncio", "error")


def test_redaction() -> None:
    assert redacted(f"a {KEY} b") == "a tw_[redacted] b"
    assert redacted("('authorization', 'Bearer abc.def')") == "('authorization', 'Bearer [redacted]')"
    assert redacted("tw_short and untw_" + "a" * 43) == "tw_short and untw_" + "a" * 43


def test_callers_that_vanish_do_not_fill_the_log(stream: io.StringIO) -> None:
    configure_logging(stream=stream)
    log = logging.getLogger("grpc._cython.cygrpc")
    log.error("ExecuteBatchError raised in core by servicer method [/a/B]")
    assert stream.getvalue() == ""
    log.error("Unexpected [ValueError] raised by servicer method [/a/B]")
    assert "ValueError" in stream.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_callers_neither_forge_lines_nor_reach_the_terminal(stream: io.StringIO, form: str) -> None:
    configure_logging(format=form, stream=stream)
    structlog.get_logger("x").info("call", method="a/\x1b[2J\x9b31mb", principal="x\n2026 [info] forged\r\u2028")
    assert stream.getvalue().count("\n") == 1
    assert not {"\x1b", "\x9b", "\r", "\u2028"} & set(stream.getvalue())
    assert "[2J" in stream.getvalue()

"""The log: constant event names with values in fields; for people in a terminal, JSON lines otherwise.

Keys and bearer tokens are cut out of every line, whatever field or traceback they stand in.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS = logging.getLevelNamesMapping()
# Control characters, escape sequences of terminals among them, and what else ends a line; JSON escapes them itself.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# What grpc.aio logs, with a traceback, where a caller is gone before its answer could be written: nobody's defect, and
# callers could fill the log with it.
_CALLER_GONE = "ExecuteBatchError raised in core"
_SECRET = re.compile(r"(?i:(bearer\s+))[^\s'\",)]+|(\btwk?_)[A-Za-z0-9_-]{20,}")


def configure_logging(
    level: str = "info",
    format: str = "auto",  # noqa: A002
    stream: TextIO | None = None,
) -> None:
    """Set up this process's log, on stderr unless told otherwise; the standard library's goes the same way.

    `level` is debug, info, warning or error; `format` is console, json, or auto: console in a terminal.
    """
    stream = stream or sys.stderr
    number = LEVELS[level.upper()]
    before = _before_rendering()
    render = _renderer(_for_people(format, stream), stream)
    structlog.configure(
        processors=[*before, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *before],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    handler.setFormatter(formatter)
    handler.addFilter(lambda record: not str(record.msg).startswith(_CALLER_GONE))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def redacted(text: str) -> str:
    """The text without keys and bearer tokens."""
    return _SECRET.sub(lambda found: f"{found[1] or found[2]}[redacted]", text)


def printable(value: object) -> object:
    """A text with its control characters (but tab and line feed) escaped, so that no caller writes to a terminal."""
    if not isinstance(value, str):
        return value
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)


def _before_rendering() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Plain tracebacks: structlog's own would print local variables, and with them the metadata of calls.
        structlog.processors.format_exc_info,
    ]


def _for_people(form: str, stream: TextIO) -> bool:
    return form == "console" or (form == "auto" and stream.isatty())


def _renderer(for_people: bool, stream: TextIO) -> Processor:
    inner: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if for_people
        else structlog.processors.JSONRenderer()
    )

    def render(logger: WrappedLogger, name: str, event: EventDict) -> str:
        if for_people:
            event = {key: printable(value) for key, value in event.items()}
        line = inner(logger, name, event)
        assert isinstance(line, str)
        return redacted(line)

    return render

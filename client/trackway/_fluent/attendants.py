"""What goes along with a run while it is active, by option: the capture of its console, samples of its machine."""

from __future__ import annotations

import os

from trackway._fluent import session
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from trackway._fluent.run import ActiveRun

    class Attendant(Protocol):
        """Something that goes along with a run."""

        def flush(self, timeout: float) -> None:
            """Wait, at most `timeout` seconds, until what it has of the run is on the server."""
            ...

        def tell(self, text: str) -> None:
            """Note what the run ends with."""
            ...

        def stop(self) -> None:
            """The run is about to end: record nothing more of it."""
            ...

        def wait(self, timeout: float) -> None:
            """After `stop`: wait as `flush` does."""
            ...


_TRACEBACK_LETTERS = 64_000

_attending: dict[str, list[Attendant]] = {}


def attend(run: ActiveRun, *, log_console: bool | None, log_system_metrics: bool | None) -> None:
    """Begin what the arguments, else the environment, else the profile ask for. Raises InvalidArgument."""
    if _wants_samples(log_system_metrics):
        _sample_system(run)
    if _wants_console(log_console):
        _capture_console(run)


def flush(run: ActiveRun, timeout: float) -> None:
    """Wait until what goes along with the run is on the server."""
    for attendant in _attending.get(run.info.run_id, ()):
        attendant.flush(timeout)


def tell_error(run: ActiveRun, error: BaseException) -> None:
    """Note the traceback of an exception that ends the run: it is printed only after that."""
    attending = _attending.get(run.info.run_id)
    if attending:
        import traceback

        text = "".join(traceback.format_exception(error))
        for attendant in attending:
            attendant.tell(text[-_TRACEBACK_LETTERS:])


def stop(run: ActiveRun) -> list[Attendant]:
    """Have what goes along with the run stop, the latest first; to be waited for when the run has ended."""
    stopped = _attending.pop(run.info.run_id, [])[::-1]
    for attendant in stopped:
        attendant.stop()
    return stopped


def _wants_samples(given: bool | None) -> bool:
    if given is not None:
        return given
    if not session.setting("ENABLE_SYSTEM_METRICS_LOGGING"):
        return False
    from trackway._fluent.system_metrics import are_enabled

    return are_enabled()


def _sample_system(run: ActiveRun) -> None:
    from trackway._fluent.system_metrics import sampler

    attendant = sampler(run)
    attendant.start()
    _attending.setdefault(run.info.run_id, []).append(attendant)


def _wants_console(given: bool | None) -> bool:
    """Unless a run asks itself, the console belongs to the outermost one of the process."""
    if given is not None:
        return given
    if not session.switch("LOG_CONSOLE"):
        return False
    from trackway._console.capture import is_capturing

    return not is_capturing()


def _capture_console(run: ActiveRun) -> None:
    from trackway._console.capture import Capture
    from trackway._ingest.spool import default_root

    capture = Capture(
        run.info.run_id,
        uri=run.server_uri,
        workspace=run.workspace,
        labels=run.context,
        root=default_root(),
        limit=session.number("CONSOLE_MAX_BYTES", 32 << 20),
        keep_colours=_keeps_colours(),
    )
    if capture.start():
        _attending.setdefault(run.info.run_id, []).append(capture)


def _keeps_colours() -> bool:
    chosen = session.setting("CONSOLE_ANSI") or "strip"
    if chosen not in ("strip", "keep"):
        raise InvalidArgument(f"TRACKWAY_CONSOLE_ANSI is {chosen!r}: write strip or keep")
    return chosen == "keep"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_attending.clear)

"""The runs that this process writes, and how they end: each thread has its own stack of active runs, as in MLflow."""

from __future__ import annotations

from _thread import _local
from time import monotonic

from trackway._fluent import attendants
from trackway._fluent.report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trackway._fluent.run import ActiveRun

FLUSH_SECONDS = 60.0
_INTERRUPTED_SECONDS = 5.0
_MESSAGE_LETTERS = 16_000

threads = _local()
"""Of each thread `stack`, its active runs, and `last`, the one that ended last."""
open_runs: dict[str, ActiveRun] = {}
"""Every run that this process writes, by id."""
homes: dict[str, list[ActiveRun]] = {}
"""The stacks that runs are in, by id: an active run may be ended by another thread than the one that began it."""


def stack_of_thread() -> list[ActiveRun]:
    """The active runs of the thread, the innermost last."""
    try:
        return threads.stack  # type: ignore[no-any-return]
    except AttributeError:
        stack: list[ActiveRun] = []
        threads.stack = stack
        return stack


def leave_run(run: ActiveRun, error: BaseException | None) -> None:
    """End a run at the end of its `with` block, first those that were begun inside it and are still active."""
    status, message = outcome(error)
    if error is not None and message:
        attendants.tell_error(run, error)
    stack = stack_of_thread()
    while run in stack:
        end(stack.pop(), status, message)
    if run.info.run_id in open_runs:  # it was begun in another thread
        end(run, status, message)


def end(run: ActiveRun, status: str, message: str = "", timeout: float = FLUSH_SECONDS) -> None:
    """End this process's part of a run, and wait at most `timeout` seconds until the server has it."""
    threads.last = run
    open_runs.pop(run.info.run_id, None)
    home = homes.pop(run.info.run_id, [])
    if run in home:  # the stack of the thread that began it, which need not be this one
        home.remove(run)
    timeout = min(timeout, _INTERRUPTED_SECONDS) if status == "KILLED" else timeout
    deadline = monotonic() + timeout
    stopped = attendants.stop(run)
    if run.owned:
        run.mark(status, message)
    state = run.finish(timeout)
    for attendant in stopped:
        attendant.wait(max(deadline - monotonic(), 0.1) if state.durable else 0.1)
    report(run, state, may_raise=status == "FINISHED" and not message)


def outcome(error: BaseException | None) -> tuple[str, str]:
    """The state in which an exception leaves a run, and why."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "FINISHED", ""
    message = f"{type(error).__name__}: {error}"[:_MESSAGE_LETTERS]
    return ("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"), message


def flush_open_runs(timeout: float = FLUSH_SECONDS) -> None:
    """Wait, at most `timeout` seconds in all, until the server has what was logged here: reads see their own writes."""
    deadline = monotonic() + timeout
    for run in list(open_runs.values()):
        run.flush(max(deadline - monotonic(), 0.0))


def end_open_runs(error: BaseException | None) -> None:
    """End every run that this process still writes: it is about to exit."""
    status, message = outcome(error)
    deadline = monotonic() + FLUSH_SECONDS
    stack_of_thread().clear()
    for run in reversed(list(open_runs.values())):
        end(run, status, message, max(deadline - monotonic(), 0.1))

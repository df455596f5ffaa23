"""What happens to runs that are open when the process ends: they are ended, and what was logged is sent, in bounded
time. A process that is killed ends them through the uplink."""

from __future__ import annotations

import os
import sys

from trackway._fluent.open_runs import end_open_runs

_installed = False


def install() -> None:
    """Have open runs ended when this process exits. Repeated calls do nothing."""
    global _installed  # noqa: PLW0603 - once for the process
    if _installed:
        return
    import atexit

    _installed = True
    atexit.register(_at_exit, getattr(sys, "last_value", None))
    if _is_multiprocessing_child():
        from multiprocessing.util import Finalize

        Finalize(None, _at_child_exit, exitpriority=0)


def _at_exit(before: BaseException | None) -> None:
    """The interpreter notes an exception that ended the main module in `sys.last_value`; an interactive one notes
    every mistake there, which ends no run."""
    error = getattr(sys, "last_value", None)
    died = error is not before and not hasattr(sys, "ps1") and "IPython" not in sys.modules
    end_open_runs(error if died else _exit_code_of_child())


def _at_child_exit() -> None:
    """Children of `multiprocessing` run its finalizers, up to Python 3.12 not `atexit`, before they are gone."""
    end_open_runs(sys.exc_info()[1] or _exit_code_of_child())


def _exit_code_of_child() -> SystemExit | None:
    """From Python 3.13 on, a forked child of `multiprocessing` has forgotten its exception when it runs `atexit`; what
    is left of it is the exit code, a variable of the function that called."""
    if not _is_multiprocessing_child():
        return None
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if str(frame.f_globals.get("__name__")).startswith("multiprocessing.") and "code" in frame.f_locals:
            code = frame.f_locals["code"]
            return SystemExit(code) if code else None
    return None


def _is_multiprocessing_child() -> bool:
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _forget() -> None:
    """A child of `multiprocessing` clears what its parent registered."""
    global _installed  # noqa: PLW0603
    _installed = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

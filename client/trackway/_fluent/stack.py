"""Begin, end and join runs. Each thread has its own stack of active runs, as in MLflow."""

from __future__ import annotations

import os
from time import time_ns

from trackway._fluent import attendants, checks, context, session
from trackway._fluent.closing import install
from trackway._fluent.names import random_run_name
from trackway._fluent.open_runs import (
    end,
    end_open_runs,
    flush_open_runs,
    homes,
    leave_run,
    open_runs,
    stack_of_thread,
    threads,
)
from trackway._fluent.ranks import context_or_rank
from trackway._fluent.run import STATUS_NUMBERS, ActiveRun, ActiveRunInfo
from trackway._ids import new_id
from trackway._ingest.writer import Writer
from trackway.errors import FailedPrecondition, InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "active_run",
    "attach_run",
    "current_run",
    "end_open_runs",
    "end_run",
    "flush_open_runs",
    "last_active_run",
    "leave_attached",
    "run_of",
    "start_run",
]


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
    log_console: bool | None = None,
    context: Mapping[str, Any] | None = None,
) -> ActiveRun:
    """Begin a run, or with `run_id` (or TRACKWAY_RUN_ID, MLFLOW_RUN_ID) go on with one; it becomes the thread's active
    run. No server is needed, and none is waited for.

    `log_console` records what this process, its C libraries and its child processes write to stdout and stderr until
    the run ends (default: TRACKWAY_LOG_CONSOLE, then the profile). `log_system_metrics` records processor, memory,
    disk, network and GPUs every ten seconds (default: TRACKWAY_ENABLE_SYSTEM_METRICS_LOGGING, then the profile).

    A nested run (`nested=True`) belongs to the experiment of the run around it unless `experiment_id` says otherwise.
    `context`, such as `{"rank": 0}`, is added to every metric logged here, as by `attach_run`.
    Raises FailedPrecondition where a run is active and `nested` is not set, InvalidArgument for what no server takes.
    """
    stack = stack_of_thread()
    run_id = run_id or _inherited_run_id()
    _check_start(stack, run_id, nested)
    context = context_or_rank(context, joins=False)
    if run_id:
        run = _resume(run_id, tags, description, context)
    else:
        run = _begin(stack[-1] if stack else None, experiment_id, run_name, parent_run_id, tags, description, context)
    return _attended(_push(stack, run), log_console, log_system_metrics)


def attach_run(
    run_id: str | None = None,
    context: Mapping[str, Any] | None = None,
    log_console: bool | None = None,
    log_system_metrics: bool = False,
) -> ActiveRun:
    """Join a run that another process began: log to it without touching its state. For the ranks of a distributed
    trainer, loaders, sidecars.

    `run_id` is by default TRACKWAY_RUN_ID or MLFLOW_RUN_ID. `context`, such as `{"rank": "3"}`, is added to every
    metric logged here, so that each process writes series of its own; by default it is the rank, where `torchrun` or
    its like has set RANK and WORLD_SIZE (TRACKWAY_RANK_CONTEXT=off: it is empty). The run becomes the thread's active
    run; `end_run` (or the end of the `with` block) ends this process's part only. `log_console` is as in `start_run`;
    what this process writes is told apart by the context. `log_system_metrics` samples this process's host; give it to
    one process of each.
    """
    run_id = run_id or session.environment_setting("RUN_ID")
    if not run_id:
        raise InvalidArgument("attach_run needs a run id: give it, or set TRACKWAY_RUN_ID")
    run = _attached(_checked_id(run_id), context_or_rank(context, joins=True))
    return _attended(_push(stack_of_thread(), run), log_console, log_system_metrics)


def end_run(status: str = "FINISHED") -> None:
    """End the thread's active run and wait until the server has it, at most 60 seconds; without one, do nothing.

    Where there is no server it says so in one line and returns.
    """
    if status not in STATUS_NUMBERS:
        raise InvalidArgument(f"{status!r} is no status of a run; one of {', '.join(STATUS_NUMBERS)} is")
    stack = stack_of_thread()
    if stack:
        end(stack.pop(), status)


def active_run() -> ActiveRun | None:
    """The thread's active run, or None."""
    stack = stack_of_thread()
    return stack[-1] if stack else None


def last_active_run() -> ActiveRun | None:
    """The thread's active run, or else the one that ended last in it."""
    return active_run() or getattr(threads, "last", None)


def current_run() -> ActiveRun:
    """The thread's active run; one is begun where there is none."""
    try:
        return threads.stack[-1]  # type: ignore[no-any-return]
    except (AttributeError, IndexError):
        return start_run()


def run_of(run_id: str | None) -> ActiveRun:
    """The run to log to: the active one, or the one named, which is joined where this process does not write it."""
    if run_id is None:
        return current_run()
    run = open_runs.get(run_id)
    if run is None:
        install()
        run = open_runs.setdefault(run_id, _attached(_checked_id(run_id), None))
    return run


def leave_attached(run_id: str) -> None:
    """End this process's part of a run that `run_of` joined; a run in a thread's stack is left as it is."""
    run = open_runs.get(run_id)
    if run is not None and not run.owned and run not in stack_of_thread():
        end(run, "FINISHED")


def _push(stack: list[ActiveRun], run: ActiveRun) -> ActiveRun:
    install()
    stack.append(run)
    open_runs[run.info.run_id] = run
    homes[run.info.run_id] = stack
    return run


def _attended(run: ActiveRun, log_console: bool | None, log_system_metrics: bool | None) -> ActiveRun:
    """The run, with what goes along with it begun. A setting that is wrong ends the run that it was for."""
    try:
        attendants.attend(run, log_console=log_console, log_system_metrics=log_system_metrics)
    except InvalidArgument:
        leave_run(run, None)
        raise
    return run


def _inherited_run_id() -> str | None:
    """The run id of the environment, taken out of it: it names one run, not every run of this process."""
    for name in ("TRACKWAY_RUN_ID", "MLFLOW_RUN_ID"):
        if run_id := os.environ.pop(name, None):
            return run_id
    return None


def _check_start(stack: list[ActiveRun], run_id: str | None, nested: bool) -> None:
    if stack and not nested:
        active = stack[-1].info.run_id
        raise FailedPrecondition(
            f"run {active} is already active: end it with end_run(), or give nested=True for a run inside it"
        )
    if run_id and run_id in open_runs:
        raise FailedPrecondition(f"run {run_id} is already active in this process")


def _checked_id(run_id: object) -> str:
    if isinstance(run_id, str) and len(run_id) == 32 and set(run_id) <= set("0123456789abcdef"):
        return run_id
    raise InvalidArgument(f"{run_id!r:.80} is no run id: one has 32 hexadecimal digits in lower case")


def _writer(run_id: str, *, owns_run: bool, labels: Mapping[str, str] | None = None) -> Writer:
    return Writer.open(run_id, uri=session.get_tracking_uri(), labels=labels, owns_run=owns_run)


def _begin(
    parent: ActiveRun | None,
    experiment_id: str | None,
    run_name: str | None,
    parent_run_id: str | None,
    tags: Mapping[str, Any] | None,
    description: str | None,
    series_context: Mapping[str, Any] | None,
) -> ActiveRun:
    captured = session.captured_source()
    all_tags = context.context_tags(captured)
    all_tags |= _start_tags(parent, run_name, parent_run_id, tags, description)
    name, chosen_id = _experiment(parent, experiment_id)
    user, now = checks.line(all_tags.get(context.USER, ""), checks.MAX_USER), time_ns() // 1000
    labels = _labels(series_context)
    writer = _writer(new_id(), owns_run=True, labels=labels)
    if parent is None and captured == "full" and (request := context.source_request()):
        writer.record_source(request)  # a nested run has what its parent has
    run_name = all_tags[context.RUN_NAME]
    writer.run_start(
        experiment_name=name, experiment_id=chosen_id, run_name=run_name, user_id=user, start_time_us=now, tags=all_tags
    )
    known_id = chosen_id or ("" if name else "0")
    info = ActiveRunInfo(writer.run_id, run_name=run_name, experiment_id=known_id, user_id=user, start_time_us=now)
    return ActiveRun(writer, info, labels, experiment=(name, chosen_id))


def _start_tags(
    parent: ActiveRun | None,
    run_name: str | None,
    parent_run_id: str | None,
    tags: Mapping[str, Any] | None,
    description: str | None,
) -> dict[str, str]:
    given = {} if tags is None else checks.tag_texts(tags)
    if run_name and given.get(context.RUN_NAME, run_name) != run_name:
        raise InvalidArgument(f"run_name and the tag {context.RUN_NAME} name the run differently; give one of them")
    if description and context.NOTE in given:
        raise InvalidArgument(f"description and the tag {context.NOTE} are the same thing; give one of them")
    named = checks.line(run_name or given.get(context.RUN_NAME) or random_run_name(), checks.MAX_RUN_NAME)
    within = _checked_id(parent_run_id) if parent_run_id else (parent.info.run_id if parent else "")
    note = checks.text("tag", context.NOTE, description or "", checks.MAX_TAG_BYTES)
    own = {context.RUN_NAME: named, context.PARENT_RUN_ID: within, context.NOTE: note}
    return {**given, **{key: value for key, value in own.items() if value}}


def _experiment(parent: ActiveRun | None, experiment_id: str | None) -> tuple[str, str]:
    if experiment_id:
        return "", str(experiment_id)
    return (parent.experiment if parent else None) or session.selected_experiment()


def _resume(
    run_id: str, tags: Mapping[str, Any] | None, description: str | None, series_context: Mapping[str, Any] | None
) -> ActiveRun:
    run = _joined(_checked_id(run_id), owns_run=True, series_context=series_context)
    run.mark("RUNNING")
    note = {context.NOTE: description} if description else {}
    run.set_tags({**(tags or {}), **note})
    return run


def _attached(run_id: str, series_context: Mapping[str, Any] | None) -> ActiveRun:
    already = open_runs.get(run_id)
    if already is not None and already.owned:  # what a fork inherited is not owned: a rank may say who it is
        raise FailedPrecondition(f"run {run_id} is already active in this process; log to it as it is")
    return _joined(run_id, owns_run=False, series_context=series_context)


def _labels(series_context: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(name): str(value) for name, value in (series_context or {}).items()}


def _joined(run_id: str, *, owns_run: bool, series_context: Mapping[str, Any] | None = None) -> ActiveRun:
    labels = _labels(series_context)
    writer = _writer(run_id, owns_run=owns_run, labels=labels)
    now = time_ns() // 1000
    info = ActiveRunInfo(run_id, run_name="", experiment_id="", user_id=context.user_name(), start_time_us=now)
    return ActiveRun(writer, info, labels)

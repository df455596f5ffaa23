"""The runs that this process writes for MLflow: each through a spool of its own, several at a time.

A run that is made here, or resumed, is this process's: the uplink ends it KILLED should the process vanish. A run that
is only logged to is joined: it is asked for once, so that one that is missing or deleted is refused as MLflow refuses
it. Without a server all of it works just so; what the server then refuses is told when the run ends.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from threading import RLock
from time import monotonic

from trackway import types
from trackway._fluent import checks
from trackway._fluent.context import RUN_NAME
from trackway._fluent.names import random_run_name
from trackway._fluent.open_runs import FLUSH_SECONDS
from trackway._fluent.report import report
from trackway._fluent.run import ActiveRun, ActiveRunInfo
from trackway._ids import new_id
from trackway._ingest.writer import Writer
from trackway.client import Client
from trackway.errors import DeadlineExceeded, FailedPrecondition, NotFound, Unavailable

LOOK_AFTER_SECONDS = 10.0
"""How often the uplink is told of runs that are logged to, so that one that was killed is replaced."""
MOST_OPEN = 256
"""Runs that are open at once; each holds two files. The one opened first is left, those only joined before others."""
MOST_LEFT = 1024
"""Runs that were left and are still known, so that what is logged to them after that needs no call: MLflow's system
metrics do so after the end of a run, even when the interpreter is about to end."""
_RUN_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ENDS = ("FINISHED", "FAILED", "KILLED")
NO_SERVER = (Unavailable, DeadlineExceeded)
"""What is raised where no server answers."""


class Written:
    """A run that is open here, and what is known of it."""

    __slots__ = ("info", "run")

    def __init__(self, run: ActiveRun, info: types.RunInfo) -> None:
        self.run = run
        self.info = info


class RunWriters:
    """The runs that are written to one server, in one workspace. Its methods may be called from any thread."""

    def __init__(self, client: Client, workspace: str, token: str | None) -> None:
        self._client = client
        self._workspace = workspace
        self._token = token
        self._open: dict[str, Written] = {}
        self._left: dict[str, Written] = {}
        self._lock = RLock()
        self._look_at = monotonic() + LOOK_AFTER_SECONDS
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def open(self, run_id: str) -> Written | None:
        """The run, where it is written here already."""
        return self._open.get(run_id)

    def of(self, run_id: str) -> ActiveRun:
        """The run to log to, joined where it is not open. Raises NotFound, FailedPrecondition for a deleted one."""
        if monotonic() >= self._look_at:
            self._look_after_uplink()
        written = self._open.get(run_id)
        return (self._join(run_id, owns=False) if written is None else written).run

    def begin(
        self, experiment_id: str, *, run_name: str, user_id: str, start_time_us: int, tags: Mapping[str, str]
    ) -> Written:
        """Make a run, at the server at once where there is one, so that any process may go on with it.

        Raises NotFound or FailedPrecondition where the experiment is missing or deleted.
        """
        named = checks.line(run_name or tags.get(RUN_NAME) or random_run_name(), checks.MAX_RUN_NAME)
        run_id, user_id = new_id(), checks.line(user_id, checks.MAX_USER)
        all_tags = {**checks.tag_texts(tags), RUN_NAME: named}
        info = types.RunInfo(run_id, experiment_id, named, "RUNNING", "active", user_id, start_time_us, None)
        with suppress(*NO_SERVER):  # the spool brings it
            info = self._client.tracking.create_run(
                run_id=run_id,
                experiment_id=experiment_id,
                run_name=named,
                user_id=user_id,
                start_time_us=start_time_us,
                tags=all_tags,
            ).info
        run = self._active(info, owns=True)
        # Also where the server has it: it is known by its content, and the spool is then complete by itself.
        run._writer.run_start(
            experiment_id=experiment_id, run_name=named, user_id=user_id, start_time_us=start_time_us, tags=all_tags
        )
        return self._add(Written(run, info))

    def resume(self, run_id: str) -> Written:
        """The run, RUNNING and from now on this process's. Raises NotFound, FailedPrecondition for a deleted one."""
        written = self._open.get(run_id)
        if written is not None and not written.run.owned:
            self._leave(written)
            written = None
        if written is None:
            written = self._join(run_id, owns=True)
        self.mark(written, "RUNNING", None)
        return written

    def mark(self, written: Written, status: types.RunStatus, end_time_us: int | None) -> None:
        """Record a state of a run. One that is an end ends this process's part, and waits, as `end_run` does."""
        written.run.mark(status, time_us=end_time_us)
        end = written.run.info.end_time
        written.info = replace(written.info, status=status, end_time_us=None if end is None else end * 1000)
        if status in _ENDS:
            self._leave(written, may_raise=status == "FINISHED")

    def rename(self, written: Written, run_name: str) -> None:
        """Record a new name of a run."""
        written.run.set_tags({RUN_NAME: run_name})
        written.info = replace(written.info, run_name=run_name)

    def flush(self, run_id: str | None = None, timeout: float = FLUSH_SECONDS) -> bool:
        """Wait, at most `timeout` seconds in all, until the server has what was logged here, of one run or of all.

        Answers whether it has; where there is none, it does not wait for long.
        """
        deadline, pending = monotonic() + timeout, 0
        for written in [each for each in (self._open.get(run_id),) if each] if run_id else list(self._open.values()):
            pending += written.run.flush(max(deadline - monotonic(), 0.0)).pending
        return not pending

    def close(self) -> None:
        """End this process's part of every run, leaving their states as they are, and wait at most 60 seconds."""
        deadline = monotonic() + FLUSH_SECONDS
        for written in list(self._open.values()):
            self._leave(written, max(deadline - monotonic(), 0.1))

    def forget(self, run_id: str) -> None:
        """Ask the server for a run that ended here when it is logged to again: it has been changed."""
        self._left.pop(run_id, None)

    def _leave(self, written: Written, timeout: float = FLUSH_SECONDS, *, may_raise: bool = False) -> None:
        with self._lock:
            self._open.pop(written.info.run_id, None)
            self._left[written.info.run_id] = written
            if len(self._left) > MOST_LEFT:
                del self._left[next(iter(self._left))]
        state = written.run.finish(timeout)
        report(written.run, state, may_raise=may_raise)

    def _join(self, run_id: str, *, owns: bool) -> Written:
        if not _RUN_ID.fullmatch(str(run_id)):
            raise NotFound(f"Run with id={run_id!r:.80} not found: an id has 32 hexadecimal digits in lower case")
        left = self._left.get(run_id)
        info, params = (left.info, left.run.params) if left else self._recorded(run_id)
        with self._lock:
            if run_id in self._open:  # another thread was faster
                return self._open[run_id]
            own_again = left is not None and left.run.owned and info.status not in _ENDS
            run = self._active(info, owns=owns or own_again)
            run.recall(params)
        return self._add(Written(run, info))

    def _recorded(self, run_id: str) -> tuple[types.RunInfo, Mapping[str, str]]:
        """The run and its params as the server has them; where there is no server, nothing but the id is known."""
        try:
            found = self._client.tracking.get_run(run_id)
        except NO_SERVER:
            return types.RunInfo(run_id, "", "", "RUNNING", "active", "", 0, None), {}
        if found.info.lifecycle_stage == "deleted":
            raise FailedPrecondition(f"The run {run_id} must be in the 'active' state. Current state is deleted.")
        return found.info, found.data.params

    def _active(self, info: types.RunInfo, *, owns: bool) -> ActiveRun:
        writer = Writer.open(
            info.run_id, uri=self._client.uri, workspace=self._workspace, token=self._token, owns_run=owns
        )
        active = ActiveRunInfo(
            info.run_id,
            run_name=info.run_name,
            experiment_id=info.experiment_id,
            user_id=info.user_id,
            start_time_us=info.start_time_us,
        )
        return ActiveRun(writer, active)

    def _look_after_uplink(self) -> None:
        """MLflow gives every point a time of its own, so that writers do not see by themselves how time goes by."""
        self._look_at = monotonic() + LOOK_AFTER_SECONDS
        for written in list(self._open.values()):
            written.run._writer._poke(flush=False)

    def _add(self, written: Written) -> Written:
        with self._lock:
            known = list(self._open.values())
            self._open[written.info.run_id] = written
        if len(known) >= MOST_OPEN:
            self._leave(next((each for each in known if not each.run.owned), known[0]))
        return written

    def _after_fork(self) -> None:
        self._lock = RLock()

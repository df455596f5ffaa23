"""The writer: what a training process calls. It appends to its spool and returns; it never touches the network.

What a call has returned from survives `kill -9` of the process: it lies in a file of the operating system. After a fork
the child writes a spool of its own.

This module is imported by training processes and imports nothing that is slow: no enum, json, logging, threading.
"""

from __future__ import annotations

import os
import struct
from struct import Struct
from time import monotonic, sleep, time_ns

from trackway._ingest.bound import check_bound
from trackway._ingest.coercion import double_bytes, integer_bytes, to_integer, to_number
from trackway._ingest.files import write_file
from trackway._ingest.keys import check_key
from trackway._ingest.outcome import Refusal, SyncState
from trackway._ingest.recorder import Recorder
from trackway._ingest.spool import (
    COLUMN,
    COLUMN_HAS_STEPS,
    COLUMN_HAS_TIMES,
    MAX_COLUMN_ROWS,
    POINT,
    ROW,
    STATE_SIZE,
    TRACKING,
    Kind,
    Link,
    State,
    default_root,
    waiting_artifacts,
)
from trackway._ingest.text import to_json
from trackway.config import chosen_workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from trackway._ingest.model_draft import ModelDraft

__all__ = ["Refusal", "SyncState", "Writer"]

_pack_point = POINT.pack
_JSON_CHUNK = 512 << 10
_POKE_SECONDS = 2.0
_RETRY_POKE_SECONDS = 0.2
_ENDS = (3, 4, 5)
_CUT_MESSAGE = 100
LOOK_AFTER_US = 10_000_000
"""How long after its last word to the uplink a process that logs on gives it another, so that one that was killed is
replaced: otherwise it would be missed only when a segment is full."""
_ATTEMPTS = 2
"""Failed attempts to send that make waiting vain. The first may have begun before this process brought its key."""


class Writer(Recorder):
    """One process's spool of one run. Thread-safe; made by `Writer.open`."""

    __slots__ = ("_omitted", "_series", "_series_count", "_shape_count", "_shapes")

    def _begin(self) -> None:
        self._series: dict[Any, int] = {}
        self._series_count: int = 0
        self._shapes: dict[Any, tuple[int, Any, int]] = {}
        self._shape_count: int = 0
        self._omitted: dict[int, int] = {}
        self._look_at: int = time_ns() // 1000 + LOOK_AFTER_US
        super()._begin()

    def _after_fork(self) -> None:
        """In a child: leave the parent's spool alone and begin one of the child's own, for a run it only joined."""
        self._memory = None  # the mapping is the parent's; dropping our reference to it writes nothing
        for fd in (self._fd, self._state_fd):
            if fd >= 0:
                os.close(fd)
        self.owns_run = False
        self._begin()

    @classmethod
    def open(
        cls,
        run_id: str,
        *,
        uri: str,
        workspace: str | None = None,
        token: str | None = None,
        labels: Mapping[str, str] | None = None,
        spool_root: str | None = None,
        owns_run: bool,
        service: str = TRACKING,
    ) -> Writer:
        """A writer of a run, for this process. Its spool is made, and the uplink woken, with the first record.

        `owns_run`: this process began the run, so the run ends with it: the uplink marks it KILLED should the process
        vanish. A process that only joined says False. With the service `registry`, `run_id` is NAME/VERSION, a version
        of a registered model, which takes points alone. A spool that cannot be made (disk full, no permission) is told
        on stderr once, and everything logged is then counted as dropped; training goes on. `workspace` is by default
        the one that the environment names.
        """
        token = token or os.environ.get("TRACKWAY_TOKEN")
        workspace = workspace or chosen_workspace()
        writer = cls(run_id, uri, workspace, token, labels or {}, spool_root or default_root(), owns_run, service)
        _open_writers.append(writer)
        return writer

    # -- logging -----------------------------------------------------------------------------------------------------

    def log_metric(
        self,
        key: str,
        value: float,
        step: int | None = None,
        time_us: int | None = None,
        context: Mapping[str, str] | None = None,
    ) -> None:
        """Log one point. Without `step`, the series counts its own steps from 0; without `time_us`, now.

        Raises TypeError or ValueError for what is no number, and for a step beyond 64 bits.
        """
        name = key if context is None else (key, *sorted(context.items()))
        series = self._series.get(name)
        if series is None:
            series = self._define(name, key, context)
        if step is None:
            step = self._next_step(series)
        if time_us is None:
            time_us = time_ns() // 1000
            if time_us >= self._look_at:
                self._look_after_uplink(time_us)
        try:
            payload = _pack_point(1, series, time_us, step, value)
        except (struct.error, TypeError, OverflowError):
            time_us, step = to_integer("time_us", time_us), to_integer("step", step)
            payload = _pack_point(1, series, time_us, step, to_number(key, value))
        self._append(payload)

    def log_metrics(
        self,
        metrics: Mapping[str, float],
        step: int | None = None,
        time_us: int | None = None,
        context: Mapping[str, str] | None = None,
    ) -> None:
        """Log one point of each metric, all at one step and time, as one record: all of it survives, or nothing."""
        names = tuple(metrics)
        if not names:
            return
        shape = self._shapes.get(names if context is None else (names, *sorted(context.items())))
        if shape is None:
            shape = self._define_shape(names, context)
        number, pack, first_series = shape
        if step is None:
            step = self._next_step(first_series)
        if time_us is None:
            time_us = time_ns() // 1000
            if time_us >= self._look_at:
                self._look_after_uplink(time_us)
        try:
            payload = pack(2, number, time_us, step, *metrics.values())
        except (struct.error, TypeError, OverflowError):
            values = [to_number(key, value) for key, value in metrics.items()]
            payload = pack(2, number, to_integer("time_us", time_us), to_integer("step", step), *values)
        self._append(payload)

    def log_series(
        self,
        key: str,
        steps: Any,
        values: Any,
        times_us: Any = None,
        context: Mapping[str, str] | None = None,
    ) -> None:
        """Log many points of one metric: arrays or sequences of equal length.

        `steps` None counts on from the series' own counter; `times_us` (µs since 1970) None is now for all. Arrays of
        numpy are copied as bytes. More than 65,536 points become several records.
        """
        value_bytes = double_bytes(key, values)
        rows = len(value_bytes) // 8
        step_bytes = None if steps is None else integer_bytes("steps", steps, rows)
        time_bytes = None if times_us is None else integer_bytes("times", times_us, rows)
        name = key if context is None else (key, *sorted(context.items()))
        series = self._series.get(name)
        if series is None:
            series = self._define(name, key, context)
        now = time_ns() // 1000
        if now >= self._look_at:
            self._look_after_uplink(now)
        for start in range(0, rows, MAX_COLUMN_ROWS):
            count = min(rows - start, MAX_COLUMN_ROWS)
            part = slice(start * 8, (start + count) * 8)
            first_step = self._next_step(series, count) if step_bytes is None else 0
            flags = COLUMN_HAS_TIMES * (time_bytes is not None) + COLUMN_HAS_STEPS * (step_bytes is not None)
            head = COLUMN.pack(Kind.COLUMN, series, count, flags, now, first_step)
            arrays = (array[part] for array in (time_bytes, step_bytes, value_bytes) if array is not None)
            self._append(b"".join((head, *arrays)))

    def run_start(
        self,
        *,
        experiment_name: str = "",
        experiment_id: str = "",
        run_name: str = "",
        user_id: str = "",
        start_time_us: int,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Record the creation of the run. It must be the first record of a writer that owns its run."""
        self._append_json(
            Kind.RUN_START,
            {
                "experiment_name": experiment_name,
                "experiment_id": experiment_id,
                "run_name": run_name,
                "user_id": user_id,
                "start_time_us": start_time_us,
                "tags": dict(tags or {}),
            },
        )

    def set_params(self, params: Mapping[str, str]) -> None:
        """Record params. Large ones are spread over several records."""
        for chunk in _chunks(params):
            self._append_json(Kind.PARAMS, {"params": chunk})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Record tags; the last one of a key wins."""
        for chunk in _chunks(tags):
            self._append_json(Kind.TAGS, {"set": chunk, "delete": []})

    def delete_tags(self, keys: Sequence[str]) -> None:
        """Record the deletion of tags."""
        self._append_json(Kind.TAGS, {"set": {}, "delete": list(keys)})

    def log_dataset(
        self,
        *,
        name: str,
        digest: str,
        source_type: str = "",
        source: str = "",
        schema: str = "",
        profile: str = "",
        context: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Record that the run reads a data set."""
        fields: dict[str, object] = {"name": name, "digest": digest, "source_type": source_type, "source": source}
        fields |= {"schema": schema, "profile": profile, "context": context}
        self._append_json(Kind.DATASET, {**fields, "tags": dict(tags)} if tags else fields)

    def log_model_input(self, model_id: str) -> None:
        """Record that the run reads a logged model."""
        self._append_json(Kind.MODEL_INPUT, {"model_id": model_id})

    def log_model_output(self, model_id: str, step: int) -> None:
        """Record that the run makes a logged model."""
        self._append_json(Kind.MODEL_OUTPUT, {"model_id": model_id, "step": step})

    def set_status(self, status: int, message: str = "", time_us: int | None = None) -> None:
        """Record a new state of the run, by MLflow's number (1 RUNNING … 3 FINISHED, 4 FAILED, 5 KILLED).

        Where the disk is full, an end is recorded all the same, its message cut.
        """
        when = time_ns() // 1000 if time_us is None else time_us
        dropped, self._ending = self._dropped, status in _ENDS
        self._append_json(Kind.RUN_STATUS, {"status": status, "time_us": when, "message": message})
        if self._ending and self._dropped > dropped and len(message) > _CUT_MESSAGE:
            self._dropped = dropped
            self._append_json(Kind.RUN_STATUS, {"status": status, "time_us": when, "message": message[:_CUT_MESSAGE]})

    def log_artifact(self, local_path: str, artifact_path: str) -> None:
        """Snapshot one file into the spool, to be stored under `artifact_path`. Raises OSError if it cannot be read."""
        with open(local_path, "rb", buffering=0) as source:
            self._store_artifact(artifact_path, source.fileno(), None)

    def log_artifact_bytes(self, data: bytes, artifact_path: str) -> None:
        """Record a file's content, to be stored under `artifact_path`."""
        self._store_artifact(artifact_path, -1, data)

    def log_model(self, model: ModelDraft) -> None:
        """Snapshot the files of a logged model: it is made with all of them, or not at all."""
        if self._store(model.snapshot_into(self._root)):
            self.log_model_output(model.model_id, model.step)

    def log_console(self, block: Mapping[str, object]) -> None:
        """Record lines of a console: the fields of a ConsoleBlock."""
        self._append_json(Kind.CONSOLE, block)

    # -- ending ------------------------------------------------------------------------------------------------------

    def flush(self, timeout: float) -> SyncState:
        """Wait, at most `timeout` seconds, until all that was logged is durable on the server.

        Returns early where waiting has no point: no server was ever reached, or it refuses this client.
        """
        deadline = monotonic() + timeout
        poke_at, pause, was_connected = 0.0, 0.0005, False
        failures = self._read_state().failures
        while True:
            state = self._read_state()
            pending = self._pending(state)
            was_connected = was_connected or state.link == Link.CONNECTED or state.durable > 0
            in_vain = state.failures >= failures + _ATTEMPTS and (
                state.link == Link.REFUSED or (state.link == Link.UNREACHABLE and not was_connected)
            )
            now = monotonic()
            if not pending or in_vain or now >= deadline or not self._directory:
                return self._sync_state(state, pending)
            if now >= poke_at:
                is_told = self._poke(flush=True)
                poke_at = now + (_POKE_SECONDS if is_told and state.failures == failures else _RETRY_POKE_SECONDS)
            elif state.failures > failures and poke_at - now > _RETRY_POKE_SECONDS:
                poke_at = now
            sleep(min(pause, max(deadline - now, 0)))
            pause = min(pause * 1.5, 0.02)

    def finish(self, timeout: float) -> SyncState:
        """Close the spool, then `flush`. What is left stays on disk for the uplink and for `trackway sync`."""
        self.close()
        return self.flush(timeout)

    def close(self) -> None:
        """Record that this writer will write no more, and release its files. Repeated calls do nothing."""
        if self._closed:
            return
        if self._directory:
            self._ending = True
            if self._dropped > self._told:
                self._append(self._dropped_payload())
            self._append_json(Kind.CLOSE, {})
        self._closed = True
        self._release()
        if self in _open_writers:
            _open_writers.remove(self)
        self._poke(flush=True)

    # -- series ------------------------------------------------------------------------------------------------------

    def _define(self, name: Any, key: str, context: Mapping[str, str] | None) -> int:
        """Give a series its number, once. Raises TypeError where key or context are not text."""
        check_key("metric", key)
        texts = {str(label): str(value) for label, value in (context or {}).items()}
        with self._lock:
            if name in self._series:
                return self._series[name]
            series = self._series_count
            self._series_count = series + 1  # before any call: a signal handler may define a series in the middle
            self._append_json(Kind.SERIES, {"series_id": series, "key": key, "context": texts})
            self._series[name] = series
            return series

    def _define_shape(self, names: tuple[str, ...], context: Mapping[str, str] | None) -> tuple[int, Any, int]:
        """Give a set of series that are logged together a number and a way to be packed, once."""
        suffix = () if context is None else tuple(sorted(context.items()))
        with self._lock:
            ids = []
            for key in names:
                name = key if context is None else (key, *suffix)
                series = self._series.get(name)
                ids.append(self._define(name, key, context) if series is None else series)
            number = self._shape_count
            self._shape_count = number + 1
            self._append_json(Kind.SHAPE, {"shape_id": number, "series_ids": ids})
            shape = (number, Struct(f"{ROW.format}{len(ids)}d").pack, ids[0])
            self._shapes[names if context is None else (names, *suffix)] = shape
            return shape

    def _next_step(self, series: int, count: int = 1) -> int:
        """The next step of a series whose steps are not given, counted in this process from 0."""
        step = self._omitted.get(series, 0)
        self._omitted[series] = step + count
        return step

    # -- artifacts ---------------------------------------------------------------------------------------------------

    def _store_artifact(self, artifact_path: str, source: int, data: bytes | None) -> None:
        def snapshot(stem: str) -> dict[str, object]:
            check_bound(self._root, os.fstat(source).st_size if data is None else len(data))
            write_file(f"{stem}.data", source, data)
            return {"path": artifact_path}

        self._store(snapshot)

    def _store(self, snapshot: Callable[[str], Mapping[str, object]]) -> bool:
        """Have files taken below a stem of their own, and note what they are: that commits them, all or none. Whether
        there was room."""
        if self._closed:
            raise ValueError(f"this process has ended its part of {self.named}; nothing more can be logged to it")
        with self._lock:
            number = self._artifacts
            self._artifacts = number + 1
        try:
            if not self._directory:
                self._make_folder()
        except OSError as error:
            self._drop(error)
            return False
        stem = os.path.join(self._directory, "artifacts", f"{number:08d}")
        try:
            text = to_json(snapshot(stem)).encode()
            write_file(f"{stem}.json.new", -1, text)
            os.rename(f"{stem}.json.new", f"{stem}.json")
        except OSError as error:
            self._artifacts = number
            self._drop(error)
            return False
        self._poke(flush=False)
        return True

    def _look_after_uplink(self, now_us: int) -> None:
        """Ring the uplink, which starts one where none is left."""
        self._look_at = now_us + LOOK_AFTER_US
        self._poke(flush=False)

    # -- the sender ----------------------------------------------------------------------------------------------------

    def _read_state(self) -> State:
        if self._state_fd < 0:
            return State()
        return State.decode(os.pread(self._state_fd, STATE_SIZE, 0))

    def _pending(self, state: State) -> int:
        files = len(waiting_artifacts(self._directory)) if self._directory else 0
        return max(self._count - state.durable, 0) + files

    def _sync_state(self, state: State, pending: int) -> SyncState:
        return SyncState(
            durable=not pending and not self._dropped,
            pending=pending,
            refused=self._refusals() if state.refused else (),
            dropped=self._dropped,
            connected=state.link == Link.CONNECTED,
            problem=state.problem,
        )

    def _refusals(self) -> tuple[Refusal, ...]:
        """What the sender noted as refused; empty where the spool has been taken away already."""
        import json

        try:
            with open(os.path.join(self._directory, "refused.jsonl"), encoding="utf-8") as file:
                lines = [json.loads(line) for line in file if line.endswith("\n")]
        except OSError:
            return ()
        return tuple(Refusal(line["sequence"], line["reason"], line["message"]) for line in lines)


_open_writers: list[Writer] = []


def _begin_in_child() -> None:
    for writer in _open_writers:
        writer._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


def _chunks(values: Mapping[str, str]) -> list[dict[str, str]]:
    """`values` in parts whose text stays small enough for one message, a larger single value alone."""
    chunks: list[dict[str, str]] = []
    size = _JSON_CHUNK
    for key, value in values.items():
        if size >= _JSON_CHUNK or len(chunks[-1]) >= 1000:
            chunks.append({})
            size = 0
        chunks[-1][key] = value
        size += len(key) + len(value)
    return chunks

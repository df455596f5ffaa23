"""Processes under measurement: run to their end, kept as a server, weighed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.005
START_TIMEOUT_SECONDS = 120.0


class BenchmarkError(Exception):
    """A measurement that gave no number that may be believed; the message says why."""


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This environment without settings of either product, so that a user's own do not colour the numbers."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TRACKWAY_", "MLFLOW_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **extra}


def run_script(
    python: Path, module: str, arguments: Sequence[str], env: Mapping[str, str], cwd: Path
) -> dict[str, Any]:
    """The JSON object on the last line that `python -m module arguments` prints; BenchmarkError if there is none."""
    command = [str(python), "-m", module, *arguments]
    return json_answer(subprocess.Popen(command, env=dict(env), cwd=cwd, stdout=-1, stderr=-1, text=True), module)


def json_answer(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """Wait for `process`, whose last line of output is a JSON object."""
    try:
        out, err = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise BenchmarkError(f"{name} did not end within 300 s") from None
    if process.returncode:
        raise BenchmarkError(f"{name} ended with status {process.returncode}: {_last_line(err)}")
    answers = [line for line in out.splitlines() if line.startswith("{")]
    if not answers:
        raise BenchmarkError(f"{name} printed no result")
    answer: dict[str, Any] = json.loads(answers[-1])
    return answer


def wall_seconds(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> float:
    """From the start of `command` to its end."""
    started = time.perf_counter()
    done = subprocess.run(
        command, check=False, env=dict(env), cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise BenchmarkError(f"`{' '.join(command[1:])}` ended with {done.returncode}: {_last_line(done.stderr)}")
    return seconds


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing on stderr")


@dataclass(slots=True)
class ServerProcess:
    """A server as a user starts it, in a process group of its own. `answers` says whether it serves."""

    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    answers: Callable[[], bool]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> float:
        """Seconds from the start of the process until it serves."""
        log = self.directory / "server.log"
        with log.open("ab") as sink:
            started = time.perf_counter()
            process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                cwd=self.directory,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        self._process = process
        while not self.answers():
            if process.poll() is not None:
                raise BenchmarkError(f"the server ended with {process.returncode}: {_last_line(log.read_text())}")
            if time.perf_counter() - started > START_TIMEOUT_SECONDS:
                self.stop()
                raise BenchmarkError(f"the server did not serve within {START_TIMEOUT_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - started

    def stop(self) -> None:
        """Ask, wait, and then end what is left of the process group."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _kill_group(process.pid)
            process.wait()

    @property
    def tree(self) -> list[psutil.Process]:
        """The server's process and all that it started."""
        if self._process is None:
            return []
        top = psutil.Process(self._process.pid)
        return [top, *top.children(recursive=True)]


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def memory_bytes(processes: Iterable[psutil.Process]) -> float:
    """Memory of the processes together: PSS where the system tells it, so that shared pages count once."""
    return float(sum(_one_memory(process) for process in processes))


def _one_memory(process: psutil.Process) -> int:
    full = process.memory_full_info()
    return int(getattr(full, "pss", full.rss))


def resident_bytes(processes: Iterable[psutil.Process]) -> float:
    """Resident memory of the processes together; pages they share count once for each."""
    return float(sum(process.memory_info().rss for process in processes))


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """Processor time the processes have used since their start."""
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


def wait_until_quiet(server: ServerProcess, limit_seconds: float = 60.0) -> None:
    """Return once the server uses less than 3 % of a core over two seconds, or the limit is reached."""
    give_up = time.monotonic() + limit_seconds
    before = cpu_seconds(server.tree)
    while time.monotonic() < give_up:
        time.sleep(2)
        now = cpu_seconds(server.tree)
        # A process that ended between the two takes its time with it: then the difference is negative.
        if 0 <= now - before < 0.06:
            return
        before = now


def processes_on(spool: Path) -> list[psutil.Process]:
    """The processes that were given this spool directory, or one inside it: trainers and uplinks."""
    return [process for process in psutil.process_iter() if _works_on(process, spool)]


def _works_on(process: psutil.Process, spool: Path) -> bool:
    try:
        given = process.environ().get("TRACKWAY_SPOOL_DIR")
    except psutil.Error:
        return False
    return given is not None and Path(given).is_relative_to(spool)

"""How the uplink has the sources of runs recorded: in a process of its own each, one after another.

A training process tells it with the first word about a run's spool what `_fluent.context.source_request` says, and
thinks no more of that. Where the word is lost, or no uplink runs, the run goes without.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

from trackway._ingest.meta import Meta, SpoolDamaged

WAITING = 1000
_PARENT = Path(__file__).absolute().parents[2]
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from trackway._source.recording import main; main()"


class Sources:
    """The sources that are to be recorded for the spools under one root."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._recording: subprocess.Popen[bytes] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is recorded or waits for it."""
        return bool(self._waiting) or self._recording is not None

    def take(self, directory: Path, asked: dict[str, Any]) -> None:
        """Have the source of a spool's run recorded."""
        try:
            meta = Meta.read(directory)
        except (OSError, SpoolDamaged):
            return
        where = {"run_id": meta.run_id, "uri": meta.uri, "workspace": meta.workspace, "root": os.fspath(self._root)}
        self._waiting.append(json.dumps({**asked, **where}).encode())
        self.go_on()

    def go_on(self) -> None:
        """Start the next, if the one before has ended. It never waits."""
        if self._recording is not None and self._recording.poll() is not None:
            self._recording = None
        while self._waiting and self._recording is None:
            self._recording = _started(self._waiting.popleft())


def _started(asked: bytes) -> subprocess.Popen[bytes] | None:
    command = [sys.executable, "-P", "-c", _CODE, os.fspath(_PARENT)]
    try:
        with tempfile.TemporaryFile() as request:  # not a pipe: its writer would wait for a slow reader
            request.write(asked)
            request.seek(0)
            return subprocess.Popen(  # noqa: S603 - this interpreter, with words of ours
                command, stdin=request, stdout=subprocess.DEVNULL, start_new_session=True
            )
    except OSError:
        return None  # no room for a process or a file: the run goes without

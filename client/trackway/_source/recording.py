"""The process that records what a run was started from. The uplink starts it; the training process pays nothing.

It writes to the run as any process that has joined it, through a spool of its own, so nothing is lost when a server is
away: command line, host, remote and the like as tags, whether the repository is `mlflow.source.git.dirty` and, where it
is short, the `mlflow.source.git.diff`, and the artifacts `source/diff.patch` and `source/requirements.txt`. What looks
like a secret is replaced in all of them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

from trackway._fluent.context import source_tags
from trackway._ingest.writer import Writer
from trackway._source.diffs import without_secrets
from trackway._source.packages import requirements
from trackway._source.repository import Changes, uncommitted

DIRTY = "mlflow.source.git.dirty"
DIFF = "mlflow.source.git.diff"
DIFF_CUT = "trackway.source.diff_cut"
REDACTED = "trackway.source.redacted_lines"
DIFF_FILE = "source/diff.patch"
REQUIREMENTS_FILE = "source/requirements.txt"
MAX_TAG_LETTERS = 8000
"""Of a diff that is also kept as MLflow's tag: no tag of MLflow may be longer."""


def main() -> None:
    """Record what is asked for by the JSON object on stdin: see `starting.py`."""
    record(json.load(sys.stdin))


def record(asked: dict[str, Any]) -> None:
    """Record the source of one run. What cannot be told (no git, no repository) is left out."""
    changes, hidden = uncommitted(asked["directory"]), 0
    if changes is not None:
        diff, hidden = without_secrets(changes.diff)
        changes = replace(changes, diff=diff)
    packages = requirements([str(each) for each in asked["path"]])
    writer = Writer.open(
        asked["run_id"],
        uri=asked["uri"],
        workspace=asked["workspace"],
        labels={"role": "source"},
        spool_root=asked["root"],
        owns_run=False,
    )
    writer.set_tags(source_tags(asked) | (_tags(changes, hidden) if changes is not None else {}))
    if changes is not None and changes.diff:
        writer.log_artifact_bytes(changes.diff, DIFF_FILE)
    if packages:
        writer.log_artifact_bytes(packages.encode("utf-8", "replace"), REQUIREMENTS_FILE)
    writer.close()


def _tags(changes: Changes, hidden: int) -> dict[str, str]:
    tags = {DIRTY: "true" if changes.diff else "false"}
    text = changes.diff.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text and len(text) <= MAX_TAG_LETTERS:
        tags[DIFF] = text
    if changes.cut:
        tags[DIFF_CUT] = "true"
    if hidden:
        tags[REDACTED] = str(hidden)
    return tags

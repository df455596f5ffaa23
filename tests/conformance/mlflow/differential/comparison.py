"""Plays areas of the corpus to both servers and judges what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.mlflow.differential.accepting import Judged, judge
from conformance.mlflow.differential.comparing import differences
from conformance.mlflow.differential.corpus.stories import AREAS
from conformance.mlflow.differential.servers import answers_of_both


@dataclass(frozen=True, slots=True)
class Compared:
    """How many requests were sent, and what of their answers differs."""

    requests: int
    judged: Judged


def compare(folder: Path, areas: Sequence[str]) -> Compared:
    """The outcome for some areas; MLflow's server works in the folder."""
    stories = [story for area in areas for story in AREAS[area][0]]
    listed = [entry for area in areas for entry in AREAS[area][1]]
    theirs, ours = answers_of_both(folder, stories)
    found = [one for step in theirs for one in differences(step, theirs[step], ours[step])]
    return Compared(len(theirs), judge(found, listed))

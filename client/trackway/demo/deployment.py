"""From a run to production: register, promote, and ask the production model as a deployment would."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import trackway
from trackway.demo.data import Digits
from trackway.demo.experiment import MODEL_PATH
from trackway.demo.failure import DemoFailure

if TYPE_CHECKING:
    from trackway.client import Client
    from trackway.types import ModelVersion

MODEL = "digits"
MODEL_URI = f"models:/{MODEL}/Production"

_ANSWER_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the production model answered in a fresh process."""

    asked: int
    right: int
    seconds: float
    """From the start of that process to its end: interpreter, libraries, resolve, download, load, predict."""


def promote(client: Client, run_id: str) -> ModelVersion:
    """Register the run's model and move it None → Staging → Production; what was there is archived."""
    version = trackway.register_model(f"runs:/{run_id}/{MODEL_PATH}", MODEL)
    _check_stage(version, "None")
    for stage in ("Staging", "Production"):
        version = client.registry.transition_stage(
            MODEL, version.version, stage, archive_existing_versions=True, reason="trackway demo"
        )
        _check_stage(version, stage)
    if version.run_id != run_id:
        raise DemoFailure(f"version {version.version} of {MODEL} names run {version.run_id}, not {run_id}")
    others = [each.version for each in client.registry.search_versions("stage = 'Production'", name=MODEL)]
    if others != [version.version]:
        raise DemoFailure(f"in Production are versions {others} of {MODEL}; only {version.version} was expected")
    return version


def ask_in_a_fresh_process(digits: Digits, scratch: Path, expected: NDArray[np.int64]) -> Answer:
    """Have another process resolve and load the production model and predict the held-out digits.

    Raises DemoFailure unless it answers exactly what the trained model answered.
    """
    questions = scratch / "held-out.npz"
    np.savez(questions, x=digits.held_out_x, y=digits.held_out_y)
    begun = time.monotonic()
    report = _fresh_process(questions)
    seconds = time.monotonic() - begun
    if report["predicted"] != expected.tolist():
        raise DemoFailure(f"{MODEL_URI} answers otherwise than the model that was trained")
    return Answer(len(expected), int((expected == digits.held_out_y).sum()), seconds)


def _fresh_process(questions: Path) -> dict[str, list[int]]:
    command = [sys.executable, "-m", "trackway.demo.predict", MODEL_URI, str(questions)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise DemoFailure(f"{MODEL_URI} did not answer within {_ANSWER_SECONDS:.0f} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise DemoFailure(f"{MODEL_URI} could not be asked: {lines[-1] if lines else 'no reason given'}")
    report: dict[str, list[int]] = json.loads(done.stdout)
    return report


def _check_stage(version: ModelVersion, stage: str) -> None:
    if version.stage != stage:
        raise DemoFailure(f"version {version.version} of {MODEL} is in stage {version.stage}; {stage} was expected")

"""The run of the demo: four workers write it, then it gets the model, its accuracy and a picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import trackway
from trackway.demo.data import Digits
from trackway.demo.failure import DemoFailure
from trackway.demo.model import as_classifier, confusion, confusion_figure
from trackway.demo.network import HIDDEN
from trackway.demo.training import (
    AVERAGE_EVERY,
    BATCH_SIZES,
    LEARNING_RATES,
    STEPS,
    WORKERS,
    Trained,
    train_distributed,
)

if TYPE_CHECKING:
    from rich.console import Console

    from trackway._fluent.run import ActiveRun

LEAST_ACCURACY = 0.9
MODEL_PATH = "model"

_FLUSH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Logged:
    """What was logged, to be found again on the server."""

    run_id: str
    points: dict[str, int]
    """Run id → how many points were logged to it: the run of the whole training, and one nested run a worker."""
    accuracy: float
    predicted: NDArray[np.int64]
    """What the trained model, here, takes the held-out digits for."""
    seconds: float
    """From the start of the training until every point was durable on the server."""

    @property
    def total_points(self) -> int:
        """All points of all runs."""
        return sum(self.points.values())


def log_training(digits: Digits, scratch: Path, console: Console) -> Logged:
    """Train in four processes into one run; log model and picture. Raises DemoFailure with one line."""
    with trackway.start_run(run_name="digits", description="Four workers train one network (`trackway demo`).") as run:
        _describe(run, digits)
        _must_be_durable(run)
        begun = time.monotonic()
        with _progress(console) as progress:
            trained = train_distributed(digits, scratch, run.info.run_id, progress)
        _check_workers(trained)
        seconds = time.monotonic() - begun
        points = sum(report.shared_points for report in trained.reports)
        console.print(f"  [green]✓[/] {WORKERS} processes trained {STEPS:,} steps each into one run")
        accuracy, predicted, own_points = _log_model(trained, digits)
        _must_be_durable(run)
        console.print("  [green]✓[/] model, confusion matrix and held-out accuracy logged")
    nested = {report.nested_run_id: report.nested_points for report in trained.reports}
    return Logged(run.info.run_id, {run.info.run_id: points + own_points, **nested}, accuracy, predicted, seconds)


def _describe(run: ActiveRun, digits: Digits) -> None:
    run.log_dataset(
        "digits",
        digits.digest,
        source_type="code",
        source="sklearn.datasets.load_digits",
        profile=f'{{"examples": {len(digits.train_y) + len(digits.held_out_y)}, "held_out": {len(digits.held_out_y)}}}',
        context="training",
    )
    run.log_params(
        {
            "workers": WORKERS,
            "steps": STEPS,
            "average_every": AVERAGE_EVERY,
            "hidden_units": HIDDEN,
            "learning_rates": ", ".join(map(str, LEARNING_RATES)),
            "batch_sizes": ", ".join(map(str, BATCH_SIZES)),
        }
    )


def _log_model(trained: Trained, digits: Digits) -> tuple[float, NDArray[np.int64], int]:
    classifier = as_classifier(trained.weights, digits)
    predicted = np.asarray(classifier.predict(digits.held_out_x), np.int64)
    accuracy = float((predicted == digits.held_out_y).mean())
    if accuracy < LEAST_ACCURACY:
        raise DemoFailure(f"the model is right on {accuracy:.1%} of the held-out digits; at least 90 % were expected")
    metrics = {
        "held_out_accuracy": accuracy,
        "train_accuracy": float((classifier.predict(digits.train_x) == digits.train_y).mean()),
    }
    trackway.log_metrics(metrics, step=STEPS)
    trackway.log_figure(confusion_figure(confusion(digits.held_out_y, predicted), accuracy), "confusion_matrix.png")
    trackway.sklearn.log_model(classifier, name=MODEL_PATH, input_example=digits.held_out_x[:3])
    return accuracy, predicted, len(metrics)


def _check_workers(trained: Trained) -> None:
    for report in trained.reports:
        if not report.durable:
            raise DemoFailure(
                f"worker {report.rank} could not deliver what it logged: {report.problem or 'no reason given'}"
            )


def _must_be_durable(run: ActiveRun) -> None:
    state = run.flush(_FLUSH_SECONDS)
    if not state.durable:
        raise DemoFailure(
            f"the server does not take what is logged: {state.problem or f'{state.pending} records wait'}"
        )
    if state.refused:
        raise DemoFailure(f"the server refused {len(state.refused)} records, the first: {state.refused[0].message}")


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("  training in {task.fields[workers]} processes"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=STEPS, workers=WORKERS)
        yield lambda done: bar.update(task, completed=done)

"""The demo from beginning to end: train, log, count, register, promote, resolve, predict."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trackway.demo.failure import DemoFailure
from trackway.demo.server import ServerChoice, demo_server
from trackway.errors import TrackwayError

if TYPE_CHECKING:
    from rich.console import Console

    from trackway.demo.summary import Outcome

EXPERIMENT = "demo"

_EXTRAS = (
    ("sklearn", "pip install 'trackway[server,models]'"),
    ("cloudpickle", "pip install 'trackway[server,models]'"),
    ("trackway_server", "pip install 'trackway[server,models]'"),
    ("matplotlib", "pip install matplotlib"),
)


def tell(choice: ServerChoice) -> None:
    """Run the demo and print it. Raises DemoFailure with one line where anything that it promises is missing."""
    from rich.console import Console

    from trackway.demo.summary import print_summary

    _check_extras()
    console = Console(highlight=False)
    try:
        with demo_server(choice) as server, tempfile.TemporaryDirectory(prefix="trackway-demo-") as scratch:
            started = ", started for the demo" if server.url else ""
            console.print(f"[bold]Trackway demo[/] on {server.uri}{started}")
            outcome = _chapters(server.uri, Path(scratch), console)
            print_summary(outcome, server, choice.keep, console)
    except TrackwayError as error:
        raise DemoFailure(str(error)) from error


def _chapters(uri: str, scratch: Path, console: Console) -> Outcome:
    import trackway
    from trackway.demo.check import check_durable
    from trackway.demo.data import load_digits
    from trackway.demo.deployment import ask_in_a_fresh_process, promote
    from trackway.demo.experiment import log_training
    from trackway.demo.summary import Outcome

    trackway.set_tracking_uri(uri)
    trackway.set_experiment(EXPERIMENT)
    digits = load_digits()
    with trackway.Client(uri) as client:
        client.tracking.get_experiment("0")  # a wrong key is told now, not after a minute of trying
        logged = log_training(digits, scratch, console)
        with _step(console, "every point read back and counted"):
            durable = check_durable(client, logged)
        with _step(console, "registered, promoted None → Staging → Production"):
            version = promote(client, logged.run_id)
        with _step(console, "models:/digits/Production resolved and asked by a fresh process"):
            answer = ask_in_a_fresh_process(digits, scratch, logged.predicted)
    return Outcome(logged, durable, version, answer)


@contextmanager
def _step(console: Console, done: str) -> Iterator[None]:
    with console.status(done):
        yield
    console.print(f"  [green]✓[/] {done}")


def _check_extras() -> None:
    for module, advice in _EXTRAS:
        if importlib.util.find_spec(module) is None:
            raise DemoFailure(f"the demo needs {module}: {advice}")

"""What the demo tells at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackway.demo.deployment import MODEL_URI, Answer
from trackway.demo.experiment import Logged
from trackway.demo.server import DemoServer
from trackway.types import ModelVersion

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the demo."""

    logged: Logged
    durable_points: int
    version: ModelVersion
    answer: Answer


def print_summary(outcome: Outcome, server: DemoServer, kept: bool, console: Console) -> None:
    """Print accuracy, points, links and what to try next."""
    from rich.panel import Panel
    from rich.table import Table

    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(outcome):
        facts.add_row(f"[dim]{name}[/]", value)
    console.print(Panel(facts, title="done", title_align="left", expand=False, border_style="green"))
    for line in _next_steps(outcome, server, kept):
        console.print(line, soft_wrap=True, markup=False)


def _facts(outcome: Outcome) -> list[tuple[str, str]]:
    logged, answer = outcome.logged, outcome.answer
    rate = logged.total_points / logged.seconds
    return [
        ("accuracy", f"[bold]{answer.right / answer.asked:.1%}[/] of {answer.asked} held-out digits, by {MODEL_URI}"),
        ("points logged", f"{logged.total_points:,} in {len(logged.points)} runs by 4 processes"),
        ("points durable", f"{outcome.durable_points:,}, read back from the server: none lost, none twice"),
        ("points a second", f"{rate:,.0f} while training, until all were durable ({logged.seconds:.1f} s)"),
        ("model", f"digits version {outcome.version.version}, stage {outcome.version.stage}"),
        ("fresh process", f"resolved, loaded and answered in {answer.seconds:.1f} s"),
        ("run", logged.run_id),
    ]


def _next_steps(outcome: Outcome, server: DemoServer, kept: bool) -> list[str]:
    run = f"  trackway runs show {outcome.logged.run_id}"
    look = [run, "  trackway models show digits"]
    if server.url is None:
        return ["Try next:", *look]
    if kept:
        return ["Try next:", *look, f"  {server.url} in a browser; the password is in {server.data_dir}/admin.key"]
    start = f"  trackway server --data-dir {server.data_dir}"
    return ["The server of the demo has stopped; its data is kept. Try next:", start, *look]

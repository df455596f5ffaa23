"""What the pages show: plain values, already worded. Made from the services' messages, so that templates know none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from trackway.api.metrics.v1.series_pb2 import SeriesSummary
from trackway.api.registry.v1.resources_pb2 import ModelVersion, RegisteredModel
from trackway.api.tracking.v1.resources_pb2 import Experiment, Run, RunStatus
from trackway.api.tracking.v1.tracking_service_pb2 import ReadConsoleResponse

_TONES = {
    "FINISHED": "good",
    "FAILED": "bad",
    "KILLED": "bad",
    "RUNNING": "busy",
    "Production": "good",
    "Staging": "busy",
}
_LONGEST_VALUE = 300
CONSOLE_LINES = 200
"""Lines of a console that are shown."""
_LONGEST_LINE = 1_000
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """One row of the experiments."""

    experiment_id: str
    name: str
    created: str


@dataclass(frozen=True, slots=True)
class SeriesView:
    """One row of a run's metrics."""

    key: str
    context: str
    last: str
    last_step: str
    min: str
    max: str
    count: str


@dataclass(frozen=True, slots=True)
class RunView:
    """One run, as a row or as a page."""

    run_id: str
    experiment_id: str
    parent_run_id: str
    name: str
    user: str
    status: str
    status_tone: str
    status_message: str
    refused_count: int
    lost_since: str
    """When the last of its writers was heard, where it is lost; else empty."""
    started: str
    duration: str
    metrics: tuple[Pair, ...]
    params: tuple[Pair, ...]
    tags: tuple[Pair, ...]
    datasets: tuple[Pair, ...]
    series: tuple[SeriesView, ...]
    console: tuple[str, ...] = ()
    """The last lines of its processes, each with its rank where it has one."""


@dataclass(frozen=True, slots=True)
class VersionView:
    """The latest version of one stage of a model."""

    version: int
    stage: str
    tone: str
    run_id: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """One row of the models."""

    name: str
    description: str
    updated: str
    versions: tuple[VersionView, ...]
    aliases: tuple[Pair, ...]


def experiment_view(experiment: Experiment) -> ExperimentView:
    """A row of the experiments."""
    return ExperimentView(experiment.experiment_id, experiment.name, moment(experiment.create_time_us))


def run_view(run: Run, console: Sequence[ReadConsoleResponse] = ()) -> RunView:
    """A run with all the answer holds of it, and the last lines of its console."""
    status = RunStatus.Name(run.status).removeprefix("RUN_STATUS_")
    return RunView(
        run_id=run.run_id,
        experiment_id=run.experiment_id,
        parent_run_id=run.parent_run_id,
        name=run.run_name or run.run_id[:8],
        user=run.user_id,
        status=status,
        status_tone=_TONES.get(status, ""),
        status_message=run.status_message,
        refused_count=run.refused_count,
        lost_since=moment(run.lost_since_us) if run.lost_since_us else "",
        started=moment(run.start_time_us),
        duration=duration(run.start_time_us, run.end_time_us),
        metrics=tuple(Pair(_series_name(series), number(series.last_value)) for series in _by_key(run)),
        params=_pairs(run.params),
        tags=_pairs(run.tags),
        datasets=tuple(
            Pair(dataset.name, _clipped(f"{dataset.digest} {dataset.context}")) for dataset in run.dataset_inputs
        ),
        series=tuple(_series_view(series) for series in _by_key(run)),
        console=_console_lines(console),
    )


def model_view(model: RegisteredModel) -> ModelView:
    """A row of the models, its versions from the greatest number down."""
    versions = sorted(model.latest_versions, key=lambda version: -version.version)
    return ModelView(
        name=model.name,
        description=model.description,
        updated=moment(model.update_time_us),
        versions=tuple(_version_view(version) for version in versions),
        aliases=tuple(Pair(f"@{alias}", str(version)) for alias, version in sorted(model.aliases.items())),
    )


def moment(time_us: int) -> str:
    """Microseconds since 1970 as `2026-11-23 14:05:09`, in UTC; times out of range as their number."""
    try:
        return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return str(time_us)


def duration(start_us: int, end_us: int) -> str:
    """How long a run took; empty while it has not ended."""
    if end_us <= 0:
        return ""
    seconds = max(0, end_us - start_us) / 1e6
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def number(value: float) -> str:
    """A value with six significant digits; NaN and infinities by name."""
    return f"{value:.6g}"


def _series_view(series: SeriesSummary) -> SeriesView:
    return SeriesView(
        key=series.key,
        context=_context(series.context),
        last=number(series.last_value),
        last_step=str(series.last_step),
        min=number(series.min_value),
        max=number(series.max_value),
        count=f"{series.count:,}",
    )


def _version_view(version: ModelVersion) -> VersionView:
    return VersionView(version.version, version.stage, _TONES.get(version.stage, ""), version.run_id)


def _by_key(run: Run) -> list[SeriesSummary]:
    return sorted(run.metrics, key=lambda series: (series.key, sorted(series.context.items())))


def _series_name(series: SeriesSummary) -> str:
    return f"{series.key} {{{_context(series.context)}}}" if series.context else series.key


def _context(context: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(context.items()))


def _console_lines(console: Sequence[ReadConsoleResponse]) -> tuple[str, ...]:
    """The last lines, as text that steers nothing; what is unfinished stands at the end."""
    ranks = {each.position.writer_id: each.labels.get("rank", "") for each in console if each.labels}
    lines: list[str] = []
    unfinished: dict[tuple[str, int], list[str]] = {}
    for each in console:
        rank = ranks.get(each.position.writer_id, "")
        prefix = f"[rank {rank}] " if rank else ""
        if each.block.line_count:
            lines += [prefix + line for line in each.block.text.split("\n")]
        rest = each.block.unfinished.split("\n") if each.block.unfinished else []
        unfinished[each.position.writer_id, each.block.stream] = [prefix + line for line in rest]
    lines += [line for rest in unfinished.values() for line in rest]
    return tuple(_plain(line)[:_LONGEST_LINE] for line in lines[-CONSOLE_LINES:])


def _plain(line: str) -> str:
    shown = _COLOUR.sub("", line)
    return "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in shown)


def _pairs(values: Mapping[str, str]) -> tuple[Pair, ...]:
    return tuple(Pair(name, _clipped(value)) for name, value in sorted(values.items()))


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"

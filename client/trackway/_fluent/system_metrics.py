"""Switching system metrics on and off, under MLflow's names. The choices are kept where child processes inherit them:
in this process's environment."""

from __future__ import annotations

import os

from trackway._fluent import session
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trackway._fluent.run import ActiveRun
    from trackway._system.sampler import Sampler

DEFAULT_INTERVAL = 10.0
_ENABLED = "ENABLE_SYSTEM_METRICS_LOGGING"
_INTERVAL = "SYSTEM_METRICS_SAMPLING_INTERVAL"
_SAMPLES = "SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING"
_NODE = "SYSTEM_METRICS_NODE_ID"


def enable_system_metrics_logging() -> None:
    """Have runs that are begun from now on record what their machine does: processor, memory, disk, network, GPUs."""
    os.environ[f"TRACKWAY_{_ENABLED}"] = "true"


def disable_system_metrics_logging() -> None:
    """Undo `enable_system_metrics_logging`, for runs that are begun from now on."""
    os.environ[f"TRACKWAY_{_ENABLED}"] = "false"


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Sample so many seconds apart. None: as configured (10)."""
    _choose(_INTERVAL, interval)


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Log the mean of so many samples. None: as configured (1)."""
    _choose(_SAMPLES, samples)


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Name this machine in the metrics: `system/NODE/cpu_utilization_percentage`. None: as configured (no name)."""
    _choose(_NODE, node_id)


def are_enabled() -> bool:
    """Whether runs record system metrics, unless they say otherwise. Raises InvalidArgument."""
    return session.switch(_ENABLED)


def sampler(run: ActiveRun) -> Sampler:
    """A sampler of this machine for a run. Of a run that was joined, the series tell the host, too.

    Raises InvalidArgument for a setting that cannot be.
    """
    from trackway._system.sampler import Sampler

    node = session.setting(_NODE)
    context = None if run.owned else {"host": os.uname().nodename}
    return Sampler(
        lambda values, step: run.log_metrics(values, step=step, context=context),
        interval=_interval(),
        samples=session.number(_SAMPLES, 1),
        prefix=f"system/{node}/" if node else "system/",
    )


def _interval() -> float:
    value = session.setting(_INTERVAL)
    try:
        seconds = float(value) if value else DEFAULT_INTERVAL
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 1e6:
        raise InvalidArgument(f"TRACKWAY_{_INTERVAL} is {value!r}: write seconds, at least 0.01")
    return seconds


def _choose(name: str, value: object) -> None:
    if value is None:
        os.environ.pop(f"TRACKWAY_{name}", None)
    else:
        os.environ[f"TRACKWAY_{name}"] = str(value)

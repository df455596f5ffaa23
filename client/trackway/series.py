"""Metrics as columns: frozen values that hold numpy arrays of equal length.

`to_pandas()` of each is a DataFrame of its columns; it needs pandas, and raises InvalidArgument without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackway.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class MetricSeries:
    """All points that one writer logged to one series, in the order of logging, as columns of equal length.

    `values` are the doubles bit for bit as logged. `sequences` are the ordinals of the writer's records that carried
    the points (rising; points logged in one call share one).
    """

    key: str
    context: Mapping[str, str]
    writer_id: str
    steps: Ints
    times_us: Ints
    values: Floats
    sequences: npt.NDArray[np.uint64]
    run_id: str = ""

    def __len__(self) -> int:
        return len(self.values)

    def to_pandas(self) -> pd.DataFrame:
        """Columns `step`, `time` (UTC) and `value`, a row a point."""
        return _frame({"step": self.steps, "time": _times(self.times_us), "value": self.values})


@dataclass(frozen=True, slots=True, eq=False)
class MetricBuckets:
    """A series for a chart: each bucket covers 2^level steps (or microseconds) and begins at a multiple of that.

    First and last point, smallest and greatest value that is not NaN (with the least step at which each stands; NaN
    where there is none), how many points there are and how many of them NaN, and the sum of the others. Empty buckets
    are left out. `writer_id` is empty where all writers of the series are together.
    """

    run_id: str
    key: str
    context: Mapping[str, str]
    writer_id: str
    level: int
    counts: Ints
    nan_counts: Ints
    first_steps: Ints
    first_times_us: Ints
    first_values: Floats
    last_steps: Ints
    last_times_us: Ints
    last_values: Floats
    min_values: Floats
    min_steps: Ints
    max_values: Floats
    max_steps: Ints
    sums: Floats

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def means(self) -> Floats:
        """The means of the values that are not NaN; NaN where there is none."""
        import numpy as np

        with np.errstate(invalid="ignore", divide="ignore"):
            means: Floats = self.sums / (self.counts - self.nan_counts)
        return means

    def to_pandas(self) -> pd.DataFrame:
        """A row a bucket."""
        return _frame(
            {
                "first_step": self.first_steps,
                "last_step": self.last_steps,
                "first_time": _times(self.first_times_us),
                "last_time": _times(self.last_times_us),
                "first": self.first_values,
                "min": self.min_values,
                "mean": self.means,
                "max": self.max_values,
                "last": self.last_values,
                "count": self.counts,
                "nan_count": self.nan_counts,
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class MetricAggregate:
    """Several series (or writers) of one metric together, by step: of one step each, or of buckets of steps.

    `context` is what their contexts share, `member_count` how many they are. `counts` are the values that came
    together, `nan_counts` how many of them are NaN; the others have minimum, mean and maximum.
    """

    run_id: str
    key: str
    context: Mapping[str, str]
    member_count: int
    first_steps: Ints
    last_steps: Ints
    counts: Ints
    nan_counts: Ints
    min_values: Floats
    mean_values: Floats
    max_values: Floats

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def steps(self) -> Ints:
        """The steps; of a bucket the least."""
        return self.first_steps

    def to_pandas(self) -> pd.DataFrame:
        """A row a step, or a bucket."""
        return _frame(
            {
                "step": self.first_steps,
                "min": self.min_values,
                "mean": self.mean_values,
                "max": self.max_values,
                "count": self.counts,
                "nan_count": self.nan_counts,
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class MetricValues:
    """What a series had at some steps: `asked_steps` are those of the steps asked for at which there was a value, and
    `steps` the steps of the points that answer for them."""

    run_id: str
    key: str
    context: Mapping[str, str]
    asked_steps: Ints
    steps: Ints
    times_us: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    def to_pandas(self) -> pd.DataFrame:
        """A row a step asked for."""
        columns = {"asked_step": self.asked_steps, "step": self.steps, "time": _times(self.times_us)}
        return _frame({**columns, "value": self.values})


@dataclass(frozen=True, slots=True, eq=False)
class MetricUpdate:
    """What `follow` answers: some points, and the position after them, from which another `follow` goes on.

    `caught_up` says that everything stored at that moment has been answered; such an update may have no points.
    """

    points: tuple[MetricSeries, ...]
    position: bytes
    caught_up: bool = False


def _times(times_us: Ints) -> Any:
    import numpy as np

    return times_us.astype("datetime64[us]") if isinstance(times_us, np.ndarray) else times_us


def _frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise InvalidArgument("to_pandas needs pandas: pip install pandas; the columns are numpy arrays") from None
    frame = pd.DataFrame(columns)
    for name in frame.columns:
        if str(name).endswith("time"):
            frame[name] = frame[name].dt.tz_localize("UTC")
    return frame

"""Runs beside one another: frozen values, and the table as a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trackway.errors import InvalidArgument

if TYPE_CHECKING:
    import pandas as pd

    from trackway._types.runs import MetricSummary, RunInfo

ComparedKind = Literal["param", "source", "tag", "metric"]
"""What a row is about; `source` are the tags that say where a run came from: commit, command line, host, user …"""

_PREFIXES: Mapping[str, str] = {"param": "params", "source": "tags", "tag": "tags", "metric": "metrics"}


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """What runs have of one thing, in their order: texts of params and tags (at most their first 1,000 characters),
    summaries of metrics; None where a run has nothing."""

    kind: ComparedKind
    key: str
    context: Mapping[str, str]
    """Of a metric's series."""
    differs: bool
    """Whether not all have the same: the whole text, or the last value; having nothing counts."""
    values: tuple[str | MetricSummary | None, ...]
    cut_characters: tuple[int, ...] = ()
    """How many characters of each text are left out."""

    @property
    def name(self) -> str:
        """As filters and `search_runs` write it: `params.lr`, `metrics.loss`; a context follows as `{rank=3}`."""
        context = ", ".join(f"{key}={value}" for key, value in sorted(self.context.items()))
        return f"{_PREFIXES[self.kind]}.{self.key}" + (f"{{{context}}}" if context else "")

    @property
    def shown(self) -> tuple[str | float | None, ...]:
        """The values as a table shows them: of a metric the last."""
        return tuple(each if each is None or isinstance(each, str) else each.last_value for each in self.values)


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Some runs and what they have, a row for each param, tag and metric that any of them has."""

    runs: tuple[RunInfo, ...]
    rows: tuple[ComparedRow, ...]

    @property
    def differing(self) -> tuple[ComparedRow, ...]:
        """The rows in which not all runs have the same."""
        return tuple(row for row in self.rows if row.differs)

    def row(self, name: str) -> ComparedRow:
        """The row of a `name` such as `params.lr`. Raises KeyError where there is none."""
        for each in self.rows:
            if each.name == name:
                return each
        raise KeyError(name)

    def to_pandas(self) -> pd.DataFrame:
        """A row for each thing, by its name, a column for each run, by its id; of metrics the last values. A column
        `differs` says whether all have the same. Raises InvalidArgument where there is no pandas."""
        try:
            import pandas as pd
        except ImportError:
            raise InvalidArgument("to_pandas needs pandas: pip install pandas") from None
        columns: dict[str, Any] = {"differs": [row.differs for row in self.rows]}
        for place, run in enumerate(self.runs):
            columns[run.run_id] = pd.Series([row.shown[place] for row in self.rows], dtype=object)
        frame = pd.DataFrame(columns)
        frame.index = pd.Index([row.name for row in self.rows], name="name")
        return frame

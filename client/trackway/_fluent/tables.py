"""Tables among the artifacts of runs, as MLflow keeps them: rows are added to a file, and read over many runs."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from trackway import artifacts
from trackway._fluent import checks, reads, session
from trackway._fluent.stack import current_run, run_of
from trackway.errors import InvalidArgument, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from trackway.types import Run

TAG = "mlflow.loggedArtifacts"
"""The tables of a run: `[{"path": …, "type": "table"}]`."""
_MOST_RUNS = 100_000


def log_table(data: Mapping[str, Any] | pd.DataFrame, artifact_file: str, run_id: str | None = None) -> None:
    """Add rows (a DataFrame, or columns by name) to the table in a `.json` or `.parquet` file of a run, the active one
    where none is named. What the file has is read from the server first. Needs pandas.

    Raises InvalidArgument, and Unavailable while there is no server.
    """
    pandas = _pandas()
    rows = data if isinstance(data, pandas.DataFrame) else _frame_of(pandas, data)
    write = _writer(artifact_file)
    run = run_of(run_id) if run_id else current_run()
    with suppress(NotFound):  # the first rows
        rows = pandas.concat([_read(pandas, run.info.run_id, artifact_file), rows], ignore_index=True)
    run.log_bytes(write(rows), artifact_file)
    tables = _tables(session.server().tracking.get_run(run.info.run_id))
    if artifact_file not in tables:
        run.set_tags({TAG: json.dumps([{"path": path, "type": "table"} for path in (*tables, artifact_file)])})


def load_table(
    artifact_file: str,
    run_ids: Sequence[str] | None = None,
    extra_columns: Sequence[str] | None = None,
    *,
    experiment_id: str | None = None,
) -> pd.DataFrame:
    """The rows of a table of these runs, of all of an experiment where none are named, one after the other; it is the
    chosen one where it is not named.

    `extra_columns` are attributes of the run (`run_id`, `run_name`, …), its params, metrics or tags. Raises NotFound
    where no run has such a table.
    """
    pandas = _pandas()
    frames = []
    for run in _runs_with(artifact_file, run_ids, experiment_id):
        frame = _read(pandas, run.info.run_id, artifact_file)
        for column in extra_columns or ():
            frame[column] = _of_run(run, column)
        frames.append(frame)
    if not frames:
        raise NotFound(f"no run has a table {artifact_file!r}; look for it with search_runs")
    return pandas.concat(frames, ignore_index=True)


def log_stream(stream: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store what can be read from a binary stream, to its end, as the file `artifact_file` of the run."""
    run = run_of(run_id) if run_id else current_run()
    path = checks.artifact_path(artifact_file)
    with tempfile.TemporaryDirectory(prefix="trackway-") as folder:
        copy = os.path.join(folder, "stream")
        with open(copy, "wb") as file:
            while piece := stream.read(1 << 20):
                file.write(piece)
        run.log_file(copy, path)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise InvalidArgument("tables need pandas: pip install pandas") from None
    return pandas


def _parquet(frame: pd.DataFrame) -> bytes:
    try:
        return bytes(frame.to_parquet(path=None))
    except ImportError:
        raise InvalidArgument("tables in .parquet need pyarrow: pip install pyarrow, or write .json") from None


def _frame_of(pandas: Any, columns: Mapping[str, Any]) -> pd.DataFrame:
    if not hasattr(columns, "items"):
        raise InvalidArgument(f"a table is a DataFrame or a dict of columns, not {type(columns).__name__}")
    try:
        return pandas.DataFrame(dict(columns))
    except ValueError:  # one row of plain values
        return pandas.DataFrame([dict(columns)])


def _writer(path: str) -> Any:
    match os.path.splitext(path)[1].lower():
        case ".json":
            return lambda frame: str(frame.to_json(orient="split", index=False, date_format="iso")).encode()
        case ".parquet":
            return _parquet
    raise InvalidArgument(f"a table is kept as .json or .parquet, not as {path!r}")


def _read(pandas: Any, run_id: str, path: str) -> pd.DataFrame:
    _writer(path)
    with tempfile.TemporaryDirectory(prefix="trackway-") as folder:
        file = artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=folder)
        if path.lower().endswith(".parquet"):
            return pandas.read_parquet(file)
        with open(file, encoding="utf-8") as text:
            table = json.load(text)  # pandas would make numbers of texts like "001"
        return pandas.DataFrame(table["data"], columns=table["columns"])


def _runs_with(path: str, run_ids: Sequence[str] | None, experiment_id: str | None) -> list[Run]:
    if run_ids is not None:
        return [reads.get_run(each) for each in run_ids]
    ids = [experiment_id or reads.selected_experiment_id()]
    found = reads.find_runs(ids, f"tags.`{TAG}` IS NOT NULL", None, "active", _MOST_RUNS)
    return [run for run in found if path in _tables(run)]


def _tables(run: Run) -> tuple[str, ...]:
    try:
        listed = json.loads(run.data.tags.get(TAG, "[]"))
        return tuple(str(each["path"]) for each in listed if each.get("type") == "table")
    except (ValueError, TypeError, KeyError, AttributeError):  # somebody else's text
        return ()


def _of_run(run: Run, column: str) -> Any:
    for source in (run.data.params, run.data.metrics, run.data.tags):
        if column in source:
            return source[column]
    return getattr(run.info, column, None)

"""A run of the source as the records of one writer, in an order that is the same at every import."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackway._ingest.batch import Block
from trackway._ingest.spool import Kind
from trackway.importing.source import MetricColumns, SourceRun
from trackway.types import DatasetInput

NAME_TAG = "mlflow.runName"
"""The run's name: the server answers it as a tag by itself."""
_NUMBERS = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_RUN_ID = re.compile("[0-9a-f]{32}")
_MAX_NAME, _MAX_USER = 500, 250


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One record: fields of a message, or a block of points."""

    what: str
    """What to call it where it is refused."""
    kind: int
    fields: Mapping[str, Any]
    columns: MetricColumns | None = None
    series: int = 0

    @property
    def checksum(self) -> int:
        """A CRC-32 of the content, by which the server knows whether a history goes on that it has the beginning of."""
        if self.columns is None:
            return zlib.crc32(json.dumps([self.kind, self.fields], sort_keys=True).encode())
        arrays = (self.columns.times, self.columns.steps, self.columns.values)
        value = zlib.crc32(f"points {self.series}".encode())
        for array in arrays:
            value = zlib.crc32(np.ascontiguousarray(array).data.cast("B"), value)
        return value

    @property
    def size(self) -> int:
        """About how many bytes it has in a message."""
        return 24 * len(self.columns.values) if self.columns else 64 + sum(map(_text_size, self.fields.values()))

    def block(self, ordinal: int) -> Block:
        """The points, as one record of this ordinal."""
        assert self.columns is not None
        rows = len(self.columns.values)
        ordinals: NDArray[np.uint64] = np.full(rows, ordinal, np.uint64)
        values = self.columns.values.reshape(rows, 1)
        return Block(ordinals, (self.series,), self.columns.times, self.columns.steps, values, one_record=True)


def start(run: SourceRun, experiment_id: str) -> Record:
    """What creates the run. Name and user are made what a server takes: one line, and not too long."""
    fields = {
        "experiment_id": experiment_id,
        "run_name": line(run.name, _MAX_NAME),
        "user_id": line(run.user_id, _MAX_USER),
        "start_time_us": max(run.start_time_us, 1),
    }
    return Record("the run", Kind.RUN_START, fields)


def facts(
    params: Mapping[str, str],
    tags: Mapping[str, str],
    datasets: Iterable[DatasetInput],
    model_inputs: Iterable[str] = (),
    model_outputs: Iterable[tuple[str, int]] = (),
) -> Iterator[Record]:
    """Params, tags, data sets and edges to logged models, each a record, so that one that is refused takes nothing with
    it."""
    for key, value in sorted(params.items()):
        yield Record(f"param {key!r}", Kind.PARAMS, {"params": {key: value}})
    for key, value in sorted(tags.items()):
        if key != NAME_TAG:
            yield Record(f"tag {key!r}", Kind.TAGS, {"set": {key: value}, "delete": []})
    for each in datasets:
        known = each.dataset
        names = ("name", "digest", "source_type", "source", "schema", "profile")
        fields: dict[str, Any] = {name: getattr(known, name) for name in names} | {"context": each.context}
        fields |= {"tags": dict(each.extra_tags)} if each.extra_tags else {}
        yield Record(f"data set {known.name!r}", Kind.DATASET, fields)
    for model_id in sorted(model_inputs):
        yield Record(f"model input {model_id!r}", Kind.MODEL_INPUT, {"model_id": model_id})
    for model_id, step in sorted(model_outputs):
        yield Record(f"model output {model_id!r}", Kind.MODEL_OUTPUT, {"model_id": model_id, "step": step})


def points(chunks: Iterable[MetricColumns]) -> Iterator[Record]:
    """Each series once, before its first points."""
    number, last = -1, None
    for chunk in chunks:
        name = (chunk.key, tuple(sorted(chunk.context.items())))
        if name != last:
            number, last = number + 1, name
            fields = {"series_id": number, "key": chunk.key, "context": dict(chunk.context)}
            yield Record(f"metric {chunk.key!r}", Kind.SERIES, fields)
        yield Record(f"metric {chunk.key!r}", Kind.COLUMN, {}, chunk, number)


def end(run: SourceRun) -> Iterator[Record]:
    """The state of a run that is not running. An end that the source has no time of is that of the start."""
    number = _NUMBERS.get(run.status, 1)
    if number != _NUMBERS["RUNNING"]:
        fields = {"status": number, "time_us": end_time_us(run), "message": ""}
        yield Record("the state", Kind.RUN_STATUS, fields)


def end_time_us(run: SourceRun) -> int:
    """When a run ended, as it will be here; 0 where it has not."""
    if run.status in {"RUNNING", "SCHEDULED"}:
        return 0
    return run.end_time_us or max(run.start_time_us, 1)


def whole(run: SourceRun, experiment_id: str, chunks: Iterable[MetricColumns]) -> Iterator[Record]:
    """All records of a run that the server does not have."""
    yield start(run, experiment_id)
    yield from facts(run.params, run.tags, run.datasets, run.model_inputs, run.model_outputs)
    yield from points(chunks)
    yield from end(run)


def is_run_id(run_id: str) -> bool:
    """Whether it is the id of a run as servers take it."""
    return _RUN_ID.fullmatch(run_id) is not None


def line(text: str, most: int) -> str:
    """Text as one line of at most so many characters."""
    return _CONTROL.sub(" ", text).strip()[:most]


def _text_size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    return sum(_text_size(key) + _text_size(item) for key, item in value.items()) if isinstance(value, dict) else 8

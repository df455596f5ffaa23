"""Which points of a run were logged for logged models.

MLflow keeps such a point twice: among those of the run, without a word of the model, and among those of the model. Here
it is one point, of a series that has the model (and the data set it was measured on) in its context.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from trackway.importing.source import CHUNK_ROWS, MetricColumns, Source, SourceRun

MODEL_ID = "model_id"
_OURS = re.compile("m-[0-9a-f]{32}")
_MOST = 250
"""Characters of a value of a context; names of data sets may be longer in MLflow, and are cut."""

_Context = tuple[tuple[str, str], ...]
Rows = NDArray[np.int64]
"""Points as rows of time, step and the bits of the value, so that NaN is equal to NaN."""


def model_id_here(model_id: str) -> str:
    """The id of a logged model here: its own, or, where it is none that a server takes, one made of it."""
    if _OURS.fullmatch(model_id):
        return model_id
    text = f"trackway import mlflow logged model {model_id}"
    return f"m-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:32]}"


def context_of(model_id: str = "", dataset_name: str = "", dataset_digest: str = "") -> dict[str, str]:
    """The context of a series; what is empty is left out."""
    context = {MODEL_ID: model_id_here(model_id)} if model_id else {}
    if dataset_name:
        context |= {"dataset_name": dataset_name[:_MOST], "dataset_digest": dataset_digest[:_MOST]}
    return context


def points_of(source: Source, run: SourceRun) -> Iterator[MetricColumns]:
    """All points of a run, each once: those of models in series of their own."""
    return apart(source.metrics(run), run.measured)


def apart(chunks: Iterable[MetricColumns], measured: Sequence[MetricColumns]) -> Iterator[MetricColumns]:
    """Points of a run, without those that are measured points of models, and these. A key that has some is in memory as
    a whole."""
    by_key: dict[str, list[MetricColumns]] = {}
    for each in sorted(measured, key=lambda one: (one.key, sorted(one.context.items()))):
        by_key.setdefault(each.key, []).append(each)
    for key, group in groupby(chunks, lambda each: each.key):
        yield from _split(key, group, by_key.pop(key, ()))
    for mine in by_key.values():
        for each in mine:
            yield from chunked(each.key, rows_of(each), each.context)


def _split(key: str, chunks: Iterator[MetricColumns], mine: Sequence[MetricColumns]) -> Iterator[MetricColumns]:
    if not mine:
        yield from chunks
        return
    whole: dict[_Context, Rows] = {}
    for context, group in groupby(chunks, lambda each: tuple(sorted(each.context.items()))):
        whole[context] = np.concatenate([rows_of(each) for each in group])
    everything = np.concatenate(list(whole.values()))
    of_models = [(each.context, _with_nans(rows_of(each), everything)) for each in mine]
    for context, points in whole.items():
        taken = [measured for model, measured in of_models if _on(model, whole) == context]
        kept = points[beyond(points, np.concatenate(taken))] if taken else points
        yield from chunked(key, kept, dict(context))
    for model, points in of_models:
        yield from chunked(key, points, model)


def _on(model: Mapping[str, str], contexts: Container[_Context]) -> _Context:
    """Among which points of the run those of a model are: a folder of files tells data sets apart there, too."""
    dataset = tuple(sorted((name, text) for name, text in model.items() if name != MODEL_ID))
    return dataset if dataset in contexts else ()


def _with_nans(points: Rows, of_run: Rows) -> Rows:
    """Points of a model with NaN where the run has it: MLflow's databases have 0 there, and no mark as for runs."""
    zero, nan = points[:, 2] == 0, np.isnan(_values(of_run))
    if zero.any() and nan.any():
        zeros = set(map(tuple, of_run[of_run[:, 2] == 0][:, :2].tolist()))
        nans = {(time, step): bits for time, step, bits in of_run[nan].tolist()}
        points = points.copy()
        for index in np.flatnonzero(zero).tolist():
            place = (int(points[index, 0]), int(points[index, 1]))
            if place in nans and place not in zeros:
                points[index, 2] = nans[place]
    return points


def rows_of(chunk: MetricColumns) -> Rows:
    """The points of a chunk as rows."""
    return rows(chunk.times, chunk.steps, chunk.values)


def rows(times: NDArray[np.int64], steps: NDArray[np.int64], values: NDArray[np.float64]) -> Rows:
    """Points as rows."""
    return np.stack([times, steps, np.ascontiguousarray(values, np.float64).view(np.int64)], axis=1)


def _values(points: Rows) -> NDArray[np.float64]:
    return np.ascontiguousarray(points[:, 2]).view(np.float64)


def chunked(key: str, points: Rows, context: Mapping[str, str]) -> Iterator[MetricColumns]:
    """Rows as chunks of the port, in their order."""
    for first in range(0, len(points), CHUNK_ROWS):
        times, steps, bits = (np.ascontiguousarray(points[first : first + CHUNK_ROWS, column]) for column in range(3))
        yield MetricColumns(key, times, steps, bits.view(np.float64), context)


def beyond(points: Rows, there: Rows) -> NDArray[np.bool_]:
    """Which rows are more than those that are there, each counted as often as it comes."""
    _, kinds = np.unique(np.concatenate([there, points]), axis=0, return_inverse=True)
    kinds = kinds.reshape(-1)
    held, own = np.bincount(kinds[: len(there)], minlength=int(kinds.max()) + 1), kinds[len(there) :]
    order = np.argsort(own, kind="stable")
    ranked = own[order]
    first = np.r_[True, ranked[1:] != ranked[:-1]]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(ranked)), 0))
    nth = np.empty(len(own), np.int64)
    nth[order] = np.arange(len(ranked)) - starts
    more: NDArray[np.bool_] = nth >= held[own]
    return more

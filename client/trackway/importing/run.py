"""One run, brought to the server: whole, the rest of it, or what has come to it since."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from trackway import errors, types
from trackway.importing import plan, writer
from trackway.importing.files_of import FATAL, bring_files
from trackway.importing.plan import Record
from trackway.importing.report import Report
from trackway.importing.source import CHUNK_ROWS, MetricColumns, Source, SourceRun
from trackway.importing.target import Target


async def bring_run(target: Target, source: Source, run: SourceRun, experiment_id: str, report: Report) -> None:
    """Bring a run and its files. What of it cannot come is noted. Raises TrackwayError where nothing can come."""
    sent = await _send(target, run, 0, lambda: plan.whole(run, experiment_id, source.metrics(run)))
    if not sent.same:
        sent = await _bring_changes(target, source, run, experiment_id, report)
    report.count(points_sent=sent.points, records_sent=sent.records)
    for what, reason in sent.refused:
        report.miss(what, f"run {run.run_id}", reason)
    try:
        place = await asyncio.to_thread(source.files, run.artifact_uri, run.run_id)
        await bring_files(target, run.run_id, place, "", report)
    except FATAL:
        raise
    except errors.TrackwayError as error:
        report.miss("files", f"run {run.run_id}", error.message)


async def _send(target: Target, run: SourceRun, generation: int, records: writer.Records) -> writer.Sent:
    return await writer.send(target.server, run.run_id, target.workspace, generation, records)


async def _bring_changes(
    target: Target, source: Source, run: SourceRun, experiment_id: str, report: Report
) -> writer.Sent:
    """The source has other records than at the import before: send what the server lacks, as another writer."""
    tracking, loop = target.client.tracking, asyncio.get_running_loop()
    known = {each.writer_id async for each in tracking.list_writers(run.run_id)}
    generation = 1
    while writer.writer_id(run.run_id, generation) in known:
        generation += 1
    # An import that was killed may still have a message under way: no more of its writer's is taken from here on.
    await _send(target, run, generation - 1, lambda: iter(()))
    _note_conflicts(run, await tracking.get_run(run.run_id), experiment_id, report)
    while True:
        stored = await tracking.get_run(run.run_id)
        if run.name and plan.line(run.name, 500) != stored.info.run_name:
            await tracking.update_run(run.run_id, run_name=plan.line(run.name, 500))

        def held(key: str, context: dict[str, str]) -> list[types.MetricSeries]:
            reading = tracking.read_series(run.run_id, key, context=context)
            try:
                return asyncio.run_coroutine_threadsafe(reading, loop).result()
            except errors.NotFound:
                return []

        def records(stored: types.Run = stored) -> Iterator[Record]:
            yield from _new_facts(run, stored)
            yield from plan.points(_new_points(source.metrics(run), held))
            yield from _new_end(run, stored)

        if await asyncio.to_thread(lambda: next(records(), None)) is None:
            return writer.Sent()
        sent = await _send(target, run, generation, records)
        if sent.same:
            return sent
        generation += 1


def _new_facts(run: SourceRun, stored: types.Run) -> Iterator[Record]:
    params = {key: value for key, value in run.params.items() if key not in stored.data.params}
    tags = {key: value for key, value in run.tags.items() if stored.data.tags.get(key) != value}
    inputs = {(each.dataset.name, each.dataset.digest) for each in stored.inputs.dataset_inputs}
    datasets = [each for each in run.datasets if (each.dataset.name, each.dataset.digest) not in inputs]
    return plan.facts(params, tags, datasets)


def _new_end(run: SourceRun, stored: types.Run) -> Iterator[Record]:
    if (run.status, plan.end_time_us(run)) != (stored.info.status, stored.info.end_time_us or 0):
        yield from plan.end(run)


def _note_conflicts(run: SourceRun, stored: types.Run, experiment_id: str, report: Report) -> None:
    if stored.info.experiment_id != experiment_id:
        reason = f"on the server it is in experiment {stored.info.experiment_id}, where it stays"
        report.miss("experiment", f"run {run.run_id}", reason)
    for key, value in run.params.items():
        if stored.data.params.get(key, value) != value:
            report.miss(
                f"param {key!r}", f"run {run.run_id}", "it has another value on the server: params are for ever"
            )


def _new_points(chunks: Iterator[MetricColumns], held: object) -> Iterator[MetricColumns]:
    """Of each series, the points that are not held already: as many times as the source has them more."""
    assert callable(held)
    for (key, context), group in groupby(chunks, lambda each: (each.key, dict(each.context))):
        series = held(key, context)
        rows = np.concatenate([_rows(each.times, each.steps, each.values) for each in group])
        there = [_rows(each.times_us, each.steps, each.values) for each in series]
        new = rows[_beyond(rows, np.concatenate(there))] if there else rows
        for first in range(0, len(new), CHUNK_ROWS):
            part = new[first : first + CHUNK_ROWS]
            columns = (np.ascontiguousarray(part[:, column]) for column in range(3))
            times, steps, bits = columns
            yield MetricColumns(key, times, steps, bits.view(np.float64), context)


def _rows(times: NDArray[np.int64], steps: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Points as rows of three numbers; values by their bits, so that NaN is equal to NaN."""
    return np.stack([times, steps, np.ascontiguousarray(values, np.float64).view(np.int64)], axis=1)


def _beyond(rows: NDArray[np.int64], there: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows are more than those that are there, each counted as often as it comes."""
    _, kinds = np.unique(np.concatenate([there, rows]), axis=0, return_inverse=True)
    kinds = kinds.reshape(-1)
    held, own = np.bincount(kinds[: len(there)], minlength=int(kinds.max()) + 1), kinds[len(there) :]
    order = np.argsort(own, kind="stable")
    ranked = own[order]
    first = np.r_[True, ranked[1:] != ranked[:-1]]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(ranked)), 0))
    nth = np.empty(len(own), np.int64)
    nth[order] = np.arange(len(ranked)) - starts
    beyond: NDArray[np.bool_] = nth >= held[own]
    return beyond

"""One run, brought to the server: whole, the rest of it, or what has come to it since."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import groupby

import numpy as np

from trackway import errors, types
from trackway.importing import plan, writer
from trackway.importing.files_of import FATAL, bring_files
from trackway.importing.measured import MODEL_ID, beyond, chunked, points_of, rows, rows_of
from trackway.importing.plan import Record
from trackway.importing.report import Report
from trackway.importing.source import MetricColumns, Source, SourceRun
from trackway.importing.target import Target


async def bring_run(target: Target, source: Source, run: SourceRun, experiment_id: str, report: Report) -> None:
    """Bring a run and its files. What of it cannot come is noted. Raises TrackwayError where nothing can come."""
    await _check_imported(target, run)
    sent = await _send(target, run, 0, lambda: plan.whole(run, experiment_id, points_of(source, run)))
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
        report.miss("files", f"run {run.run_id}", error.message, error.reason)


async def _check_imported(target: Target, run: SourceRun) -> None:
    """Raise AlreadyExists where the server has a run of this id that no import has made: a source may name any id, and
    steers no run that is not its own."""
    try:
        writers = {each.writer_id async for each in target.client.tracking.list_writers(run.run_id)}
    except errors.NotFound:
        return
    if writer.writer_id(run.run_id, 0) not in writers:
        raise errors.AlreadyExists("the server has another run of this id, which stays as it is")


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
            """What may be the points of a series: those of models were told apart from the run's only if the source
            told them apart at that import."""
            of_model = MODEL_ID in context
            reading = tracking.read_series(run.run_id, key, context=context if of_model else None)
            try:
                found = asyncio.run_coroutine_threadsafe(reading, loop).result()
            except errors.NotFound:
                return []
            return [each for each in found if dict(each.context) == context or (MODEL_ID in each.context)]

        def records(stored: types.Run = stored) -> Iterator[Record]:
            yield from _new_facts(run, stored)
            yield from plan.points(_new_points(points_of(source, run), held))
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
    read = {each.model_id for each in stored.inputs.model_inputs}
    made = {(each.model_id, each.step) for each in stored.outputs.model_outputs}
    edges = (set(run.model_inputs) - read, set(run.model_outputs) - made)
    return plan.facts(params, tags, datasets, *edges)


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
        points = np.concatenate([rows_of(each) for each in group])
        there = [rows(each.times_us, each.steps, each.values) for each in held(key, context)]
        yield from chunked(key, points[beyond(points, np.concatenate(there))] if there else points, context)

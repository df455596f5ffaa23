"""An import from beginning to end: experiments and their runs, logged models, registered models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from trackway import errors, types
from trackway._rpc.parallel import in_parallel
from trackway.importing.files_of import FATAL, MALFORMED
from trackway.importing.logged_models import bring_logged_model
from trackway.importing.measured import model_id_here, points_of
from trackway.importing.models import Known, Models
from trackway.importing.plan import line
from trackway.importing.report import Report
from trackway.importing.run import bring_run
from trackway.importing.source import PROMPT_TAG, Source, SourceExperiment, SourceLoggedModel, SourceModel, SourceRun
from trackway.importing.tags import set_tags
from trackway.importing.target import Target

JOBS = 4
_PAGE = 64
_ID_TAG = "trackway.import.experiment_id"
_FATAL = (*FATAL, errors.PermissionDenied)


@dataclass(frozen=True, slots=True)
class Options:
    """What of the source is wanted."""

    experiments: tuple[str, ...] = ()
    """Names; empty: all, and the registered models."""
    jobs: int = JOBS
    """How many runs at a time."""


class Job:
    """One import. `run` may be repeated at will: it ends with the same."""

    def __init__(self, source: Source, target: Target, options: Options, report: Report) -> None:
        self._source = source
        self._target = target
        self._options = options
        self._report = report
        self._known = Known()
        self._wanted_runs: set[str] = set()

    async def run(self) -> None:
        """Import. Raises TrackwayError where the source or the server cannot go on."""
        self._source.refused = self._report.miss
        models = await self._listed_models()
        self._wanted_runs = {version.run_id for model in models for version in model.versions if version.run_id}
        for experiment in await asyncio.to_thread(wanted_experiments, self._source, self._options.experiments):
            await self._experiment(experiment)
        brought = Models(self._target, self._source, self._known, self._report)
        for model in models:
            await brought.bring(model)
        add_notes(self._source, self._options.experiments, self._report)

    async def _listed_models(self) -> list[SourceModel]:
        if self._options.experiments:
            return []
        return await asyncio.to_thread(lambda: list(self._source.models()))

    async def _experiment(self, experiment: SourceExperiment) -> None:
        try:
            await self._bring_experiment(experiment)
        except _FATAL:
            raise
        except errors.TrackwayError as error:
            self._report.miss("experiment", experiment.name, error.message, error.reason)

    async def _bring_experiment(self, experiment: SourceExperiment) -> None:
        there = await self._made(experiment)
        self._report.experiment_ids[experiment.experiment_id] = there.experiment_id
        runs = self._source.runs(experiment.experiment_id)

        async def bring(run: SourceRun) -> None:
            await self._run(run, experiment, there.experiment_id)

        while page := await asyncio.to_thread(lambda: list(islice(runs, _PAGE))):
            self._report.count(runs_found=len(page))
            await in_parallel(page, bring, limit=self._options.jobs)
        await self._logged_models(experiment, there.experiment_id)
        if experiment.deleted:
            await self._target.client.tracking.delete_experiment(there.experiment_id)
        self._report.count(experiments=1)

    async def _made(self, experiment: SourceExperiment) -> types.Experiment:
        """The experiment of this name, active. Raises FailedPrecondition for one that was deleted on the server."""
        tracking, tags = self._target.client.tracking, dict(experiment.tags)
        name = line(experiment.name, 500)
        try:
            there = await tracking.get_experiment(name=name)
        except errors.NotFound:
            there = await tracking.create_experiment(name)
        if there.lifecycle_stage == "deleted":
            if not experiment.deleted:
                raise errors.FailedPrecondition("it is deleted on the server: restore it there first, or rename it")
            await tracking.restore_experiment(there.experiment_id)
        if experiment.experiment_id != there.experiment_id:
            tags[_ID_TAG] = experiment.experiment_id

        async def setting(some: Mapping[str, str]) -> object:
            return await tracking.update_experiment(there.experiment_id, set_tags=some)

        await set_tags(setting, tags, there.tags, f"experiment {experiment.name}", self._report)
        return there

    async def _run(self, run: SourceRun, experiment: SourceExperiment, experiment_id: str) -> None:
        try:
            await bring_run(self._target, self._source, run, experiment_id, self._report)
            if (
                run.deleted and not experiment.deleted
            ):  # those of a deleted experiment go with it, and come back with it
                await self._target.client.tracking.delete_run(run.run_id)
        except errors.PermissionDenied as error:
            if error.reason != "WRITER_FOREIGN":
                raise
            self._report.miss("run", run.run_id, "another principal has imported it: import with a key of theirs")
            return
        except FATAL:
            raise
        except errors.TrackwayError as error:
            self._report.miss("run", run.run_id, error.message, error.reason)
            return
        except MALFORMED as error:
            self._report.miss("run", run.run_id, f"it is malformed: {type(error).__name__}")
            return
        if run.run_id in self._wanted_runs:
            self._known.artifact_uris[run.run_id] = run.artifact_uri.rstrip("/")
        self._report.count(runs=1, params=len(run.params), tags=len(run.tags), datasets=len(run.datasets))

    async def _logged_models(self, experiment: SourceExperiment, experiment_id: str) -> None:
        """Bring the logged models of an experiment, and remember which versions can be made of them."""
        models = self._source.logged_models(experiment.experiment_id)

        async def bring(model: SourceLoggedModel) -> None:
            if await bring_logged_model(self._target, self._source, model, experiment_id, self._report):
                uri = f"models:/{model_id_here(model.model_id)}"
                names = (model.model_id, model.artifact_uri.rstrip("/"))
                self._known.logged |= {name: uri for name in names if name}

        while page := await asyncio.to_thread(lambda: list(islice(models, _PAGE))):
            await in_parallel(page, bring, limit=self._options.jobs)


def wanted_experiments(source: Source, names: tuple[str, ...]) -> list[SourceExperiment]:
    """The experiments to import. Raises NotFound where one that is named is not there."""
    found = list(source.experiments())
    unknown = set(names) - {each.name for each in found}
    if unknown:
        raise errors.NotFound(f"{source.name} has no experiment {sorted(unknown)[0]!r}")
    return [each for each in found if not names or each.name in names]


def add_notes(source: Source, names: tuple[str, ...], report: Report) -> None:
    """Say what is not kept of anything."""
    report.notes += source.notes()
    report.notes.append("creation times of experiments, models and versions are those of the import; runs keep theirs")
    for name, count in {**source.left_out(), "prompts": report.counts["prompts"]}.items():
        report.leave_out(name, count)
    if names:
        report.notes.append("registered models are left out: they come with an import of all experiments")


def survey(source: Source, options: Options, report: Report) -> None:
    """What an import would read, without a server: all is read, and nothing sent."""
    source.refused = report.miss
    for experiment in wanted_experiments(source, options.experiments):
        report.count(experiments=1)
        for run in source.runs(experiment.experiment_id):
            report.count(runs_found=1)
            try:
                points = sum(len(chunk.values) for chunk in points_of(source, run))
            except FATAL:
                raise
            except errors.TrackwayError as error:
                report.miss("run", run.run_id, error.message, error.reason)
                continue
            report.count(points=points, params=len(run.params), tags=len(run.tags), datasets=len(run.datasets))
            _survey_files(source, run.artifact_uri, run.run_id, f"run {run.run_id}", report)
            report.count(runs=1)
        for model in source.logged_models(experiment.experiment_id):
            report.count(logged_models=1, logged_model_params=len(model.params))
            _survey_files(source, model.artifact_uri, "", f"logged model {model.model_id}", report)
    for each in () if options.experiments else source.models():
        is_prompt = PROMPT_TAG in each.tags
        report.count(**{"prompts": 1} if is_prompt else {"models": 1, "versions": len(each.versions)})
    add_notes(source, options.experiments, report)


def _survey_files(source: Source, uri: str, run_id: str, where: str, report: Report) -> None:
    try:
        for file in source.files(uri, run_id).walk():
            report.count(files=1, file_bytes=max(file.size, 0))
            if file.problem:
                report.miss("file", f"{where}: {file.path}", file.problem)
    except FATAL:
        raise
    except errors.TrackwayError as error:
        report.miss("files", where, error.message, error.reason)


async def import_from(
    source: Source,
    target: Target,
    options: Options | None = None,
    changed: Callable[[Report], None] | None = None,
) -> Report:
    """Bring what a source has to a server. Raises TrackwayError where the source or the server cannot go on; what could
    not come is in the report."""
    report = Report(source.name)
    if changed is not None:
        report.changed = changed
    await Job(source, target, options or Options(), report).run()
    return report

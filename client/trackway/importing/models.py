"""Registered models, brought to the server with their versions' numbers."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from functools import partial

from trackway import errors, types
from trackway.importing.files_of import FATAL, MALFORMED, bring_files
from trackway.importing.plan import line
from trackway.importing.report import Report
from trackway.importing.source import PROMPT_TAG, Source, SourceModel, SourceVersion
from trackway.importing.tags import set_tags
from trackway.importing.target import Target

HOLDER_EXPERIMENT = "Imported models"
"""Of the runs that hold the files of versions whose own run is not there."""
REASON = "trackway import"
MOST_GAPS = 1000
_SOURCE_TAG = "trackway.import.source"
_GAP = "It keeps a number free, and is about to be deleted by the import that made it."
_NOT_IN_PATH = re.compile(r"[\\%#?:]")


@dataclass(slots=True)
class Known:
    """What is known of the source's runs and logged models when its registered models come."""

    artifact_uris: dict[str, str] = field(default_factory=dict)
    """Of the runs that versions were made by, and that are on the server."""
    logged: dict[str, str] = field(default_factory=dict)
    """The logged models that are on the server (`models:/m-ID`), by id and by their place in the source."""


class Models:
    """Brings registered models of one source."""

    def __init__(self, target: Target, source: Source, known: Known, report: Report) -> None:
        self._target = target
        self._registry = target.client.registry
        self._source = source
        self._known = known
        self._report = report

    async def bring(self, model: SourceModel) -> None:
        """Bring a model. What of it cannot come is noted."""
        if PROMPT_TAG in model.tags:
            self._report.count(prompts=1)
            return
        where = f"model {model.name}"
        try:
            there = await self._made(model)
            numbers = await self._versions(model, there)
            there = await self._registry.get_model(model.name)
            for alias, number in sorted(model.aliases.items()):
                await self._alias(model, there, alias, numbers.get(number))
        except FATAL:
            raise
        except errors.TrackwayError as error:
            self._report.miss("model", where, error.message, error.reason)
            return
        except MALFORMED as error:
            self._report.miss("model", where, f"it is malformed: {type(error).__name__}")
            return
        self._report.count(models=1)

    async def _made(self, model: SourceModel) -> types.RegisteredModel:
        try:
            there = await self._registry.get_model(model.name)
        except errors.NotFound:
            there = await self._registry.create_model(model.name, description=model.description)
        if model.description and model.description != there.description:
            await self._registry.update_model(model.name, description=model.description, reason=REASON)
        setting = partial(self._registry.set_model_tags, model.name, reason=REASON)
        await set_tags(setting, model.tags, there.tags, f"model {model.name}", self._report)
        return there

    async def _versions(self, model: SourceModel, there: types.RegisteredModel) -> dict[int, int]:
        """Bring the versions in the order of their numbers; the server's number of each."""
        numbers: dict[int, int] = {}
        expected = 1
        for version in model.versions:
            where = f"version {version.number} of {model.name}"
            try:
                source = await self._files(model, version)
                gap = range(expected, version.number)
                if expected and len(gap) <= MOST_GAPS and await self._fill(model, gap, source):
                    expected = version.number
                made = await self._version(model, version, source)
            except FATAL:
                raise
            except errors.TrackwayError as error:
                self._report.miss("version", where, error.message, error.reason)
                continue
            numbers[version.number] = made
            expected = made + 1 if made == version.number else 0
            if made != version.number:
                self._report.version_numbers.setdefault(model.name, {})[version.number] = made
            self._report.count(versions=1)
        return numbers

    async def _fill(self, model: SourceModel, gap: range, source: str) -> bool:
        """Use up the numbers of versions that the source no longer has, so that those after them keep theirs; whether
        that went well. A model that has other versions here already cannot have them."""
        for number in gap:
            try:
                made = await self._gap(model, number, source)
            except errors.NotFound:
                continue  # made and deleted by an import before
            await self._registry.delete_version(model.name, made.version, reason=REASON)
            if made.version != number:
                return False
        return True

    async def _gap(self, model: SourceModel, number: int, source: str) -> types.ModelVersion:
        """A version that is there to be deleted. Raises NotFound where it has been made and deleted before."""
        try:
            return await self._create(model, f"gap {number}", source, _GAP)
        except errors.InvalidArgument:  # an import before has made it from other files
            made = await self._registry.get_version(model.name, number)
        if made.description != _GAP:
            raise errors.NotFound(f"version {number} is not the import's")
        return made

    async def _version(self, model: SourceModel, version: SourceVersion, source: str) -> int:
        tags = {
            **version.tags,
            _SOURCE_TAG: version.source,
            **({"trackway.import.user": version.user_id} if version.user_id else {}),
        }
        what, told = f"version {version.number}", (version.description, line(version.run_link, 500))
        try:
            made = await self._create(model, what, source, *told)
        except errors.InvalidArgument:  # that one came from another MLflow, whose model has the same name
            made = await self._create(model, f"{what} from {source}", source, *told)
        if version.description != made.description:
            await self._registry.update_version(
                model.name, made.version, description=version.description, reason=REASON
            )
        setting = partial(self._registry.set_version_tags, model.name, made.version, reason=REASON)
        await set_tags(setting, tags, made.tags, f"version {version.number} of {model.name}", self._report)
        if version.stage.lower() != made.current_stage.lower():
            await self._registry.transition_stage(model.name, made.version, version.stage, reason=REASON)
        return int(made.version)

    async def _create(
        self, model: SourceModel, what: str, source: str, description: str = "", run_link: str = ""
    ) -> types.ModelVersion:
        """Make a version, or answer the one that was made as this before."""
        text = f"trackway import mlflow {self._target.workspace} {model.name} {what}"
        request_id = hashlib.sha256(text.encode()).hexdigest()
        return await self._registry.create_version(
            model.name, source, description=description, run_link=run_link, request_id=request_id, reason=REASON
        )

    async def _alias(self, model: SourceModel, there: types.RegisteredModel, alias: str, number: int | None) -> None:
        if number is None:
            self._report.miss("alias", f"{model.name}@{alias}", "its version could not come")
            return
        if there.aliases.get(alias) != number:
            try:
                await self._check_alias(model, there.aliases.get(alias))
                await self._registry.set_alias(model.name, alias, number, reason=REASON)
            except FATAL:
                raise
            except errors.TrackwayError as error:
                self._report.miss("alias", f"{model.name}@{alias}", error.message, error.reason)
                return
        self._report.count(aliases=1)

    async def _check_alias(self, model: SourceModel, number: int | None) -> None:
        """Raise FailedPrecondition where an alias names a version that no import has made: what is deployed here by an
        alias is not changed by whoever has the alias there."""
        if number is not None and _SOURCE_TAG not in (await self._registry.get_version(model.name, number)).tags:
            raise errors.FailedPrecondition(
                f"here it names version {number}, which is not the import's: it stays there"
            )

    # -- files -------------------------------------------------------------------------------------------------------

    async def _files(self, model: SourceModel, version: SourceVersion) -> str:
        """Where the files of a version lie on the server, brought there if need be. Raises TrackwayError."""
        known = self._known.logged.get(version.model_id) or self._known.logged.get(version.location.rstrip("/"))
        if known:
            return known
        home = self._known.artifact_uris.get(version.run_id, "")
        path = (
            version.location.removeprefix(home).strip("/") if home and version.location.startswith(f"{home}/") else ""
        )
        if path:
            return f"runs:/{version.run_id}/{path}"
        place = await asyncio.to_thread(self._source.files, version.location)
        run_id = version.run_id if home else await self._holder(model)
        folder = f"registered_models/{_NOT_IN_PATH.sub('_', model.name)}/{version.number}-{_identity(version)}"
        if not await bring_files(self._target, run_id, place, folder, self._report):
            raise errors.NotFound(f"its files are not there: {version.location or 'it names no place'}")
        return f"runs:/{run_id}/{folder}"

    async def _holder(self, model: SourceModel) -> str:
        """The run that holds files of versions whose own run is not there."""
        text = f"trackway import mlflow {self._target.workspace} model {model.name}"
        run_id = hashlib.sha256(text.encode()).hexdigest()[:32]
        tracking = self._target.client.tracking
        try:
            await tracking.get_run(run_id)
        except errors.NotFound:
            await tracking.create_run(
                run_id=run_id, experiment_name=HOLDER_EXPERIMENT, run_name=model.name, start_time_us=1
            )
            await tracking.update_run(run_id, status="FINISHED", end_time_us=1)
        return run_id


def _identity(version: SourceVersion) -> str:
    """What tells a version from those of other MLflows, whose model, number, paths and sizes may be the same; alike by
    whichever way one MLflow is read."""
    content = [version.source, version.location, version.run_id, str(version.created_us)]
    return hashlib.sha256("\0".join(content).encode("utf-8", "replace")).hexdigest()[:16]

"""The handle of a run that this process writes."""

from __future__ import annotations

from time import time_ns

from trackway._fluent import attendants, checks
from trackway._fluent import context as tags_of
from trackway._fluent.metrics import MetricLog, patience
from trackway._fluent.open_runs import FLUSH_SECONDS, leave_run
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from os import PathLike
    from types import TracebackType
    from typing import Any

    from trackway._ingest.model_draft import ModelDraft
    from trackway._ingest.writer import SyncState, Writer
    from trackway.data import Dataset
    from trackway.flavors.model import ModelInfo
    from trackway.logged_model import LoggedModel
    from trackway.series import MetricSeries, MetricUpdate
    from trackway.types import LoggedModelInput, LoggedModelOutput, Run, RunData, RunInputs, RunOutputs

STATUS_NUMBERS = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}


class ActiveRunInfo:
    """What a run is, as far as this process knows it; the rest is asked of the server when it is read."""

    __slots__ = (
        "_experiment_id",
        "_run_name",
        "end_time",
        "lifecycle_stage",
        "run_id",
        "start_time",
        "status",
        "user_id",
    )

    def __init__(self, run_id: str, *, run_name: str, experiment_id: str, user_id: str, start_time_us: int) -> None:
        self.run_id = run_id
        self.user_id = user_id
        self.start_time = start_time_us // 1000
        self.end_time: int | None = None
        self.status = "RUNNING"
        self.lifecycle_stage = "active"
        self._run_name = run_name
        self._experiment_id = experiment_id

    @property
    def run_uuid(self) -> str:
        """MLflow's older name of `run_id`."""
        return self.run_id

    @property
    def artifact_uri(self) -> str:
        """The address of the run's artifacts."""
        return f"runs:/{self.run_id}"

    @property
    def run_name(self) -> str:
        """The name to show. Raises Unavailable for a run begun elsewhere while no server is there."""
        if not self._run_name:
            self._run_name = _recorded(self.run_id).info.run_name
        return self._run_name

    @property
    def experiment_id(self) -> str:
        """The experiment's id, which the server gives: it is not known, and reading it raises Unavailable, before the
        run has reached one."""
        if not self._experiment_id:
            self._experiment_id = _recorded(self.run_id).info.experiment_id
        return self._experiment_id

    def __repr__(self) -> str:
        return f"<RunInfo: run_id={self.run_id!r}, run_name={self._run_name!r}, status={self.status!r}>"


class ActiveRun(MetricLog):
    """A run being written. As a context manager it ends FINISHED, or FAILED with the exception's text (KILLED on
    Ctrl-C). Its methods may be called from any thread; all of them record and return, none waits for a server.
    """

    __slots__ = ("_models", "_params", "experiment", "info")

    experiment: tuple[str, str] | None
    """Name and id of the run's experiment, one of them empty (both: `Default`); None for a run begun elsewhere."""

    def __init__(
        self,
        writer: Writer,
        info: ActiveRunInfo,
        context: Mapping[str, str] | None = None,
        experiment: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(writer, context)
        self.info = info
        self.experiment = experiment
        self._params: dict[str, str] = {}
        self._models: list[dict[str, Any]] = []

    @property
    def owned(self) -> bool:
        """Whether this process ends the run: it began or resumed it, and is no fork of the one that did."""
        return self._writer.owns_run

    @property
    def data(self) -> RunData:
        """Params, metrics and tags as the server has them, after everything logged here has reached it."""
        return _recorded(self.info.run_id).data

    @property
    def inputs(self) -> RunInputs:
        """The data sets and logged models that the run read, as the server has them."""
        return _recorded(self.info.run_id).inputs

    @property
    def outputs(self) -> RunOutputs:
        """The logged models that the run made, as the server has them."""
        return _recorded(self.info.run_id).outputs

    def metric_history(self, key: str, context: Mapping[str, Any] | None = None) -> list[MetricSeries]:
        """The points of a metric as the server has them, as numpy columns, one entry for each context and writer,
        after everything logged here has reached it. `context` chooses one (`{}`: without one). Raises NotFound."""
        from trackway._fluent.reads import metric_history

        return metric_history(self.info.run_id, key, context)

    def follow(self, key: str | None = None, *, until_end: bool = True) -> Iterator[MetricUpdate]:
        """The points of a metric (None: of all) from every process, those that the server has and those that come,
        until the run has ended or, not `until_end`, for ever. What was logged here is sent first."""
        from trackway._fluent.reads import follow

        return follow(self.info.run_id, key, until_end=until_end)

    @property
    def params(self) -> Mapping[str, str]:
        """The params that this process knows of: those that it set, and those of `recall`."""
        return self._params

    def recall(self, params: Mapping[str, str]) -> None:
        """Note params that the run has already: another value of one is then refused here, not by the server."""
        self._params.update(params)

    # -- metrics of a model, on a data set ---------------------------------------------------------------------------

    def log_metric(
        self,
        key: str,
        value: float,
        step: int | None = None,
        timestamp: int | None = None,
        context: Mapping[str, Any] | None = None,
        model: str | LoggedModel | ModelInfo | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Log one point. Without `step`, the series counts its own from 0; `timestamp` is in milliseconds since 1970,
        by default now; `context` tells apart series of one key (rank, subset, …). `model` is the logged model that it
        is about, or its id, `dataset` the data it was measured on.

        Raises ValueError for a key that no server takes, TypeError for a value that is no number, InvalidArgument for
        what is no model or data set.
        """
        if timestamp is None and context is None and self._context is None and model is None and dataset is None:
            self._writer.log_metric(key, value, step)
        else:
            super().log_metric(key, value, step, timestamp, _about(context, model, dataset))

    def log_metrics(
        self,
        metrics: Mapping[str, float],
        step: int | None = None,
        timestamp: int | None = None,
        context: Mapping[str, Any] | None = None,
        model: str | LoggedModel | ModelInfo | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Log one point each of several metrics at one step, together or not at all. Otherwise as `log_metric`."""
        super().log_metrics(metrics, step, timestamp, _about(context, model, dataset))

    # -- params, tags, inputs ----------------------------------------------------------------------------------------

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Set params, each for ever. Raises InvalidArgument where one has another value already, and sets none."""
        checks.mapping("params", params)
        texts = {
            checks.key("param", key): checks.text("param", key, params[key], checks.MAX_PARAM_BYTES) for key in params
        }
        for key, value in texts.items():
            if self._params.get(key, value) != value:
                raise InvalidArgument(
                    f"Changing param values is not allowed: {key!r} of run {self.info.run_id} was logged as "
                    f"{self._params[key]!r:.80} and cannot become {value!r:.80}; use a tag for what changes"
                )
        new = {key: value for key, value in texts.items() if key not in self._params}
        if new:
            self._writer.set_params(new)
            self._params.update(new)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; the last value of a key wins."""
        checks.mapping("tags", tags)
        texts = checks.tag_texts(tags)
        if tags_of.RUN_NAME in texts:
            texts[tags_of.RUN_NAME] = checks.line(texts[tags_of.RUN_NAME], checks.MAX_RUN_NAME)
            self.info._run_name = texts[tags_of.RUN_NAME]
        if texts:
            self._writer.set_tags(texts)

    def delete_tag(self, key: str) -> None:
        """Delete a tag; one that is not there is no error."""
        self._writer.delete_tags([checks.key("tag", key)])

    def log_dataset(
        self,
        name: str,
        digest: str,
        *,
        source_type: str = "",
        source: str = "",
        schema: str = "",
        profile: str = "",
        context: str = "",
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Note a data set that the run reads: its name, a digest of its content and, as JSON, what it looks like; and
        of this use of it a context and tags. MLflow's tag `mlflow.data.context` is the context."""
        if not name or not digest:
            raise InvalidArgument("a data set needs a name and a digest of its content")
        more = checks.dataset_tags(tags or {})
        tagged = more.pop(tags_of.DATA_CONTEXT, "")
        self._writer.log_dataset(
            name=name,
            digest=digest,
            source_type=source_type,
            source=source,
            schema=schema,
            profile=profile,
            context=context or tagged,
            tags=more,
        )

    def log_input(
        self,
        dataset: Dataset | None = None,
        context: str | None = None,
        tags: Mapping[str, Any] | None = None,
        model: LoggedModelInput | LoggedModel | str | None = None,
    ) -> None:
        """Note a data set that the run reads, what for and what else is to be said of that, or a logged model, or both.

        Raises InvalidArgument where neither is given.
        """
        if dataset is None and model is None:
            raise InvalidArgument("log_input takes a data set, a model, or both")
        self.log_inputs([dataset], [context], [tags], [model])

    def log_inputs(
        self,
        datasets: Sequence[Dataset | None] | None = None,
        contexts: Sequence[str | None] | None = None,
        tags_list: Sequence[Mapping[str, Any] | None] | None = None,
        models: Sequence[LoggedModelInput | LoggedModel | str | None] | None = None,
    ) -> None:
        """Note several data sets, and logged models, that the run reads; None among them is nothing. Raises
        InvalidArgument where the first three are not of one length, and notes nothing then."""
        from trackway._fluent.model_checks import dataset_form, listed, model_id_of

        sets, nothing = listed("datasets", datasets), [None] * len(listed("datasets", datasets))
        contexts, tags_list = contexts or nothing, tags_list or nothing
        if not len(sets) == len(contexts) == len(tags_list):
            raise InvalidArgument("datasets, contexts and tags_list must be of one length")
        uses = [use for use in zip(sets, contexts, tags_list, strict=True) if use[0] is not None]
        forms = [dataset_form(dataset) for dataset, _, _ in uses]
        read = [model_id_of(model) for model in listed("models", models) if model is not None]
        for form, (_, context, tags) in zip(forms, uses, strict=True):
            self.log_dataset(**form, context=context or "", tags=tags)
        for model_id in read:
            self._writer.log_model_input(model_id)

    def log_outputs(
        self, models: Sequence[LoggedModelOutput | LoggedModel | ModelInfo | str], step: int | None = None
    ) -> None:
        """Note logged models that the run makes, at the step that each says, or at `step`. Raises InvalidArgument."""
        from trackway._fluent.model_checks import listed, model_id_of, step_of

        made = listed("models", models)
        steps = [step_of(getattr(model, "step", 0) if step is None else step) for model in made]
        for model_id, at in list(zip(map(model_id_of, made), steps, strict=True)):
            self._writer.log_model_output(model_id, at)

    # -- artifacts ---------------------------------------------------------------------------------------------------

    def log_file(self, local_path: str, artifact_path: str) -> None:
        """Snapshot a file, to be stored under `artifact_path` (its whole path within the run).

        Raises OSError where it cannot be read.
        """
        self._writer.log_artifact(local_path, checks.artifact_path(artifact_path))

    def log_bytes(self, data: bytes, artifact_path: str) -> None:
        """Store `data` as the file `artifact_path` of the run."""
        self._writer.log_artifact_bytes(data, checks.artifact_path(artifact_path))

    def make_model(self, model: ModelDraft) -> None:
        """Snapshot the files of a logged model that the run makes: it is made with all of them, or not at all."""
        from trackway._fluent import active_model

        self._writer.log_model(model)
        active_model.note(model.model_id)

    def log_checkpoints(
        self,
        checkpoints: str | PathLike[str] | Sequence[str | PathLike[str]],
        *,
        prefix: str = "",
        step_of: Callable[[str], int] | None = None,
        overwrite: bool = False,
    ) -> list[LoggedModel]:
        """Make a logged model of each checkpoint that a trainer wrote, with its files, and answer them by step.

        `checkpoints` is the folder that holds them (each file and folder in it is one, hidden ones are not), a pattern
        (`out/checkpoint-*`), or a list of paths and addresses. What is at an address (`s3://…`) stays there: its model
        has no files here, and the tag `original_artifact_path` says where they are. The name is the file's, after
        `prefix`, with `_` for what no name may hold; the step is what `step_of` answers for the file's name, by default
        the number after `step`, or else the last one in it.

        The same checkpoint (name and content) is the same model, however often and from wherever it is logged: what is
        there is not sent again, what was interrupted is completed. A checkpoint of the same name and other content is
        another model; with `overwrite` those before it are deleted. The files go to the server at once, with a bar on a
        terminal: it needs one. Raises NotFound where nothing is there, OSError where a file cannot be read,
        FailedPrecondition where one changes meanwhile, Unavailable without a server.
        """
        from trackway._fluent.checkpoints import import_checkpoints_of

        return import_checkpoints_of(self.info.run_id, checkpoints, prefix, step_of, overwrite)

    def note_model(self, entry: dict[str, Any]) -> None:
        """Add a model to the run's list of logged models, MLflow's tag `mlflow.log-model.history`."""
        import json

        self._models.append(entry)
        self.set_tags({tags_of.MODEL_HISTORY: json.dumps(self._models)})

    def console(self, last_lines: int | None = None) -> list[str]:
        """The lines that all processes of the run have written to their consoles (of each the last ones only, where
        asked for), after those of this process have reached the server. Raises Unavailable where there is none."""
        from trackway._fluent.session import server

        attendants.flush(self, patience(FLUSH_SECONDS))
        blocks = server(self.server_uri).tracking.read_console(self.info.run_id, last_lines=last_lines)
        return [line for block in blocks for line in block.lines]

    # -- state -------------------------------------------------------------------------------------------------------

    def flush(self, timeout: float = FLUSH_SECONDS) -> SyncState:
        """Wait at most `timeout` seconds until all that was logged is durable on the server; answer how far it is."""
        attendants.flush(self, patience(timeout))
        return self._writer.flush(patience(timeout))

    def mark(self, status: str, message: str = "", time_us: int | None = None) -> None:
        """Record a new state of the run, which it has since `time_us` (default: now)."""
        now = time_ns() // 1000 if time_us is None else time_us
        self.info.status = status
        self.info.end_time = None if status in ("RUNNING", "SCHEDULED") else now // 1000
        self._writer.set_status(STATUS_NUMBERS[status], message, now)

    def finish(self, timeout: float) -> SyncState:
        """End this process's part of the run and wait as `flush` does."""
        return self._writer.finish(patience(timeout))

    @property
    def spool(self) -> str:
        """The folder that holds what was logged until the server has it; empty where none could be made."""
        return self._writer.directory

    @property
    def context(self) -> Mapping[str, str]:
        """What tells this process's series apart from those of others, as given to `attach_run`."""
        return self._context or {}

    @property
    def workspace(self) -> str:
        """The workspace that the run goes to."""
        return self._writer.workspace

    @property
    def server_uri(self) -> str:
        """The server that the run goes to."""
        return self._writer.uri

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        leave_run(self, error)

    def __repr__(self) -> str:
        return f"<ActiveRun: {self.info.run_id} {self.info.status}>"


def _recorded(run_id: str) -> Run:
    from trackway._fluent.reads import get_run

    return get_run(run_id)


def _about(
    context: Mapping[str, Any] | None, model: str | LoggedModel | ModelInfo | None, dataset: Dataset | None
) -> Mapping[str, Any] | None:
    if model is None and dataset is None:
        return context
    from trackway._fluent.model_checks import measured_on

    return {**(context or {}), **measured_on(model, dataset)}

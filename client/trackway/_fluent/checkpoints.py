"""Checkpoints that a trainer wrote, as logged models of its run.

A checkpoint is known by its run, its name and its content: logging it again, from this process or another one, finds
the model that is there. Files go to the server at once and not through the spool, which would write them a second time.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trackway._fluent import active_model, checks, model_checks, session
from trackway._fluent.logged_models import EXTERNAL_TAG
from trackway._fluent.open_runs import flush_open_runs
from trackway._fluent.stack import active_run, current_run
from trackway._rpc.digests import file_digest, manifest_digest
from trackway.artifacts import SOURCE_TAG
from trackway.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, TrackwayError
from trackway.types import LoggedModelOutput, Manifest, ManifestFile

if TYPE_CHECKING:
    from os import PathLike

    from trackway.client import Client
    from trackway.logged_model import LoggedModel

    Place = str | PathLike[str]
    Told = Callable[..., None]
    """Called with the name and number of a checkpoint and, while its files are sent, the bytes done and in all."""

_STEP = re.compile(r"step[^0-9a-zA-Z]*([0-9]+)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """One checkpoint: a file or folder of this machine, or an address of another place (then without `local`)."""

    place: str
    name: str
    step: int
    local: Path | None
    files: tuple[Path, ...] = field(default=())


def log_checkpoints(
    checkpoints: Place | Sequence[Place],
    *,
    prefix: str = "",
    step_of: Callable[[str], int] | None = None,
    overwrite: bool = False,
) -> list[LoggedModel]:
    """Make a logged model of each checkpoint that a trainer wrote, of the active run. See
    `ActiveRun.log_checkpoints`."""
    return import_checkpoints_of(current_run().info.run_id, checkpoints, prefix, step_of, overwrite)


def import_checkpoints(
    checkpoint_path: Place | Sequence[Place],
    source_run_id: str | None = None,
    model_prefix: str | None = None,
    overwrite_checkpoints: bool = False,
) -> list[LoggedModel]:
    """MLflow's name of `log_checkpoints`, also for a run that has ended: `source_run_id`, by default the active run.

    Raises InvalidArgument where there is neither.
    """
    run = active_run()
    run_id = source_run_id or (run.info.run_id if run is not None else None)
    if run_id is None:
        raise InvalidArgument("import_checkpoints needs a run: give source_run_id, or call it within start_run()")
    return import_checkpoints_of(run_id, checkpoint_path, model_prefix or "", None, overwrite_checkpoints)


def import_checkpoints_of(
    run_id: str,
    checkpoints: Place | Sequence[Place],
    prefix: str,
    step_of: Callable[[str], int] | None,
    overwrite: bool,
) -> list[LoggedModel]:
    """The logged models of the checkpoints of a run, by step and name; what is missing is made first."""
    found = sorted(_found(checkpoints, prefix, step_of or step_in), key=lambda each: (each.step, each.name))
    if not found:
        warnings.warn(f"there is no checkpoint at {checkpoints!r}; nothing was logged", stacklevel=3)
        return []
    flush_open_runs()
    client = session.server()
    experiment_id = client.tracking.get_run(run_id).info.experiment_id
    models: list[LoggedModel] = []
    with _progress(len(found)) as told:
        for number, checkpoint in enumerate(found):
            told(checkpoint.name, number)
            model = _logged(client, run_id, experiment_id, checkpoint, partial(told, checkpoint.name, number))
            if model is not None:
                client.tracking.log_batch(run_id, model_outputs=[LoggedModelOutput(model.model_id, checkpoint.step)])
                active_model.note(model.model_id)
                models.append(model)
    if overwrite:
        _delete_older(client, run_id, experiment_id, models)
    return models


def step_in(name: str) -> int:
    """The step that the name of a checkpoint tells: the number after `step`, else the last number, else 0.

    `epoch=3-step=1200.ckpt` is of step 1200, `checkpoint-500` of 500, `last.ckpt` of 0.
    """
    stem = Path(name).stem
    numbers = _STEP.findall(stem) or _NUMBER.findall(stem)
    return min(int(numbers[-1]), (1 << 63) - 1) if numbers else 0


# -- what there is -----------------------------------------------------------------------------------------------------


def _found(checkpoints: Place | Sequence[Place], prefix: str, step_of: Callable[[str], int]) -> Iterator[_Checkpoint]:
    given = [checkpoints] if isinstance(checkpoints, str | os.PathLike) else list(checkpoints)
    for place in (os.fspath(each) for each in given):
        if "://" in place:
            yield _elsewhere(place, prefix, step_of)
            continue
        for path in _paths(place, several=isinstance(checkpoints, str | os.PathLike)):
            step = model_checks.step_of(step_of(path.name))
            yield _Checkpoint(str(path.absolute()), _name(prefix, path.name), step, path, tuple(_files(path)))


def _elsewhere(address: str, prefix: str, step_of: Callable[[str], int]) -> _Checkpoint:
    name = address.rstrip("/").rpartition("/")[2]
    if address.endswith("/") or "*" in address:
        raise InvalidArgument(
            f"{address!r} is a folder of another place, which is not read here: give the address of each checkpoint"
        )
    return _Checkpoint(address, _name(prefix, name), model_checks.step_of(step_of(name)), None)


def _paths(place: str, *, several: bool) -> list[Path]:
    """The checkpoints at a place: what a pattern matches, what lies in a folder; one of several is taken as it is."""
    if glob.has_magic(place) and not os.path.exists(place):
        return [Path(each) for each in sorted(glob.glob(place, recursive=True))]
    path = Path(place)
    if not path.exists():
        raise NotFound(f"there is no file or folder {place}: give the folder that holds the checkpoints, or a pattern")
    if not several or path.is_file():
        return [path]
    return sorted(each for each in path.iterdir() if not each.name.startswith("."))


def _files(path: Path) -> Iterator[Path]:
    """The files of a checkpoint. Raises OSError where one cannot be read, NotFound where there is none."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    if not files:
        raise NotFound(f"the checkpoint {path} holds no file: was it written to its end?")
    for each in files:
        with each.open("rb"):
            yield each


def _name(prefix: str, name: str) -> str:
    return model_checks.logged_model_name(model_checks.model_name_for(prefix + name))


# -- making models -----------------------------------------------------------------------------------------------------


def _logged(
    client: Client, run_id: str, experiment_id: str, checkpoint: _Checkpoint, told: Callable[[int, int], None]
) -> LoggedModel | None:
    """The model of a checkpoint, READY. None where it was deleted: what somebody has removed does not come back.

    Raises InvalidArgument for names of files that are no artifact paths.
    """
    content = _content(checkpoint)
    model = _model(client, run_id, experiment_id, checkpoint, content)
    if model.lifecycle_stage == "deleted":
        warnings.warn(f"the checkpoint {checkpoint.place} was logged before and deleted; it is left out", stacklevel=4)
        return None
    if model.status == "READY":
        return model
    models = client.logged_models
    if checkpoint.local is None:
        return models.finalize(model.model_id, "READY")
    try:
        _upload(client, model.model_id, checkpoint.local, told)
        _check(client, model.model_id, checkpoint, content)
    except (TrackwayError, OSError) as error:
        with suppress(TrackwayError):  # why it failed is what is to be told
            models.finalize(model.model_id, "UPLOAD_FAILED", message=str(error))
        raise
    return models.finalize(model.model_id, "READY")


def _model(client: Client, run_id: str, experiment_id: str, checkpoint: _Checkpoint, content: str) -> LoggedModel:
    known = hashlib.sha256("\0".join((run_id, checkpoint.name, content)).encode("utf-8", "surrogatepass"))
    model_id = f"m-{known.hexdigest()[:32]}"
    with suppress(NotFound):
        return client.logged_models.get(model_id)
    tags = {SOURCE_TAG: checkpoint.place, **({EXTERNAL_TAG: "true"} if checkpoint.local is None else {})}
    with suppress(AlreadyExists):  # another process has just made it, out of a copy
        return client.logged_models.create(
            experiment_id, name=checkpoint.name, source_run_id=run_id, tags=tags, model_id=model_id
        )
    return client.logged_models.get(model_id)


def _content(checkpoint: _Checkpoint) -> str:
    """What the content is known by: the digest that the files' manifest will have, or the address."""
    local = checkpoint.local
    if local is None:
        return checkpoint.place
    root = local if local.is_dir() else local.parent
    paths = [checks.artifact_path(each.relative_to(root).as_posix()) for each in checkpoint.files]
    files = [
        ManifestFile(path, file_digest(each), each.stat().st_size)
        for path, each in zip(paths, checkpoint.files, strict=True)
    ]
    return manifest_digest(Manifest("", 0, tuple(files)))


def _upload(client: Client, model_id: str, path: Path, told: Callable[[int, int], None]) -> None:
    if path.is_dir():
        client.artifacts.upload_folder(model_id, path, progress=told)
    else:
        client.artifacts.upload_file(model_id, path, path.name, progress=told)


def _check(client: Client, model_id: str, checkpoint: _Checkpoint, content: str) -> None:
    """Raises FailedPrecondition where other bytes were sent than were looked at before."""
    if client.artifacts.create_manifest(model_id).digest != content:
        raise FailedPrecondition(
            f"the checkpoint {checkpoint.place} changed while it was read: log it again when the trainer has written it"
        )


def _delete_older(client: Client, run_id: str, experiment_id: str, models: Iterable[LoggedModel]) -> None:
    """Delete the run's other models of the same names."""
    kept = {model.model_id for model in models}
    names = {model.name for model in models}
    wanted = f"source_run_id = '{run_id}'"
    for model in list(client.logged_models.search([experiment_id], filter=wanted, page_size=1000)):
        if model.name in names and model.model_id not in kept:
            client.logged_models.delete(model.model_id)


@contextmanager
def _progress(count: int) -> Iterator[Told]:
    """Where a person looks on, a bar: which checkpoint, and how much of it."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checkpoints", total=count)

        def show(name: str, number: int, done: int = 0, size: int = 0) -> None:
            sent = f"  {done / 1e6:,.1f} of {size / 1e6:,.1f} MB" if size else ""
            bar.update(task, completed=number + (done / size if size else 0.0), description=escape(name + sent))

        yield show

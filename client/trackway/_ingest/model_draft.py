"""A logged model on its way: what it is and where its files lie, as a training process puts both into its spool.

The note that commits the snapshots names them all, so that a process killed in the middle leaves either no model or all
of it:

    {"model": {"model_id", "name", "model_type", "params", "tags"}, "folder", "paths": […]}

The paths are relative to the model; the snapshot of the first one is `N.00000.data` beside the note `N.json`, and so
on. `folder` is where in the run the files are stored as well; empty: nowhere.
"""

from __future__ import annotations

import os
from errno import ENOENT

from trackway._ingest.bound import check_bound
from trackway._ingest.files import write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class ModelDraft:
    """A logged model that a run makes. `files` are pairs of a local path and a path within the model."""

    __slots__ = ("files", "folder", "model_id", "model_type", "name", "params", "step", "tags")

    def __init__(
        self,
        model_id: str,
        *,
        name: str,
        files: Sequence[tuple[str, str]],
        model_type: str = "",
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        step: int = 0,
        folder: str = "",
    ) -> None:
        self.model_id = model_id
        self.name = name
        self.files = files
        self.model_type = model_type
        self.params = dict(params or {})
        self.tags = dict(tags or {})
        self.step = step
        self.folder = folder

    def snapshot_into(self, root: str) -> Callable[[str], Mapping[str, object]]:
        """What takes the snapshots below a stem and answers the note. Raises OSError; it leaves no file then."""

        def snapshot(stem: str) -> Mapping[str, object]:
            taken: list[str] = []
            try:
                check_bound(root, sum(os.stat(source).st_size for source, _ in self.files))
                for number, (source, _) in enumerate(self.files):
                    taken.append(snapshot_name(stem, number))
                    _copy(source, taken[-1])
            except BaseException:
                for path in taken:
                    _remove(path)
                raise
            return self._note()

        return snapshot

    def _note(self) -> Mapping[str, object]:
        model = {"model_id": self.model_id, "name": self.name, "model_type": self.model_type}
        return {
            "model": {**model, "params": self.params, "tags": self.tags},
            "folder": self.folder,
            "paths": [path for _, path in self.files],
        }


def snapshot_name(stem: str, number: int) -> str:
    """Where a snapshot lies. A note does not say: a spool may be a copy that somebody else has made."""
    return f"{stem}.{number:05d}.data"


def _copy(source: str, target: str) -> None:
    fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        write_file(target, fd, None)
    finally:
        os.close(fd)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != ENOENT:
            raise

"""Where the files of an MLflow database or folder lie: also those below `mlflow-artifacts:`, which is no place by
itself but whatever its server was started with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trackway.errors import Unsupported
from trackway.importing.buckets import NOT_ALLOWED, Buckets, own_root
from trackway.importing.places import LocalFolder, Place, place_of

PROXIED = "mlflow-artifacts"
TRASH = ".trash"
"""Where MLflow's folder of files has deleted experiments."""


class ArtifactRoot:
    """Finds files. `root` is what MLflow's server has as --artifacts-destination, or empty; relative paths are looked
    for below `base`; `own` is the place of the source's experiment 0; `allowed` are folders and addresses in S3.

    Every user of an MLflow server may name any folder as a place of artifacts. Of this machine's those are read that
    are below `root`, `base` or an allowed one, and not hidden in `base`; of S3 those below `root`, the source's own
    root or an allowed one: nobody's keys come along because somebody has named them.
    """

    def __init__(self, root: str, base: Path | None = None, own: str = "", allowed: Sequence[str] = ()) -> None:
        self._root = root
        self._base = base
        self._buckets = Buckets([root, own_root(own), *allowed])
        self._folders = [Path(each).expanduser().resolve() for each in (root, *allowed) if each and "://" not in each]

    def place(self, uri: str) -> Place:
        """The place of an address. Raises Unsupported where it cannot, or must not, be reached from here."""
        found = self._found(uri)
        return self.checked(found) if isinstance(found, LocalFolder) else found

    def checked(self, folder: LocalFolder) -> LocalFolder:
        """A folder that may be read. Raises Unsupported for others."""
        if any(folder.root.is_relative_to(each) for each in self._folders):
            return folder
        base = None if self._base is None else self._base.resolve()
        if base is None or not folder.root.is_relative_to(base):
            told = "the source" if base is None else str(base)
            raise Unsupported(
                f"{folder.root} is not below {told}: to have it read, name a folder around it by --artifacts "
                "or --artifacts-from",
                reason=NOT_ALLOWED,
            )
        if any(part.startswith(".") and part != TRASH for part in folder.root.relative_to(base).parts):
            raise Unsupported(
                f"{folder.root} is hidden: to have it read, name a folder around it by --artifacts or --artifacts-from",
                reason=NOT_ALLOWED,
            )
        return folder

    def _found(self, uri: str) -> Place:
        parts = urlsplit(uri)
        if parts.scheme == "s3":
            return self._buckets.place(uri)
        if parts.scheme != PROXIED:
            return place_of(uri, base=self._base)
        if not self._root:
            raise Unsupported(
                "files below mlflow-artifacts: lie where MLflow's server keeps them: name that with --artifacts "
                "(its --artifacts-destination), or import from the server's address"
            )
        path = below(unquote(parts.path))
        if "://" in self._root:
            return place_of(f"{self._root.rstrip('/')}/{path}")
        return place_of(str(Path(self._root).absolute() / path))


def below(path: str) -> str:
    """A path that stays below where it is joined to. Raises Unsupported where it would not."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise Unsupported(f"the path {path!r} leads out of the artifacts")
    return "/".join(parts)

"""Where the files of an MLflow database or folder lie: also those below `mlflow-artifacts:`, which is no place by
itself but whatever its server was started with."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from trackway.errors import Unsupported
from trackway.importing.places import LocalFolder, Place, place_of

PROXIED = "mlflow-artifacts"
TRASH = ".trash"
"""Where MLflow's folder of files has deleted experiments."""


class ArtifactRoot:
    """Finds files. `root` is what MLflow's server has as --artifacts-destination, or empty; relative paths are looked
    for below `base`.

    Every user of an MLflow server may name any folder as a place of artifacts. Of this machine's those are read that
    are below `root` or `base`, and not hidden in `base`: nobody's keys come along because somebody has named them.
    """

    def __init__(self, root: str, base: Path | None = None) -> None:
        self._root = root
        self._base = base

    def place(self, uri: str) -> Place:
        """The place of an address. Raises Unsupported where it cannot, or must not, be reached from here."""
        found = self._found(uri)
        return self.checked(found) if isinstance(found, LocalFolder) else found

    def checked(self, folder: LocalFolder) -> LocalFolder:
        """A folder that may be read. Raises Unsupported for others."""
        if self._root and "://" not in self._root and folder.root.is_relative_to(Path(self._root).resolve()):
            return folder
        base = None if self._base is None else self._base.resolve()
        if base is None or not folder.root.is_relative_to(base):
            told = "the source" if base is None else str(base)
            raise Unsupported(
                f"{folder.root} is not below {told}: to have it read, name a folder around it by --artifacts"
            )
        if any(part.startswith(".") and part != TRASH for part in folder.root.relative_to(base).parts):
            raise Unsupported(f"{folder.root} is hidden: to have it read, name a folder around it by --artifacts")
        return folder

    def _found(self, uri: str) -> Place:
        parts = urlsplit(uri)
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

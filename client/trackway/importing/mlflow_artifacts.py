"""Where the files of an MLflow database or folder lie: also those below `mlflow-artifacts:`, which is no place by
itself but whatever its server was started with."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from trackway.errors import Unsupported
from trackway.importing.places import Place, place_of

PROXIED = "mlflow-artifacts"


class ArtifactRoot:
    """Finds files. `root` is what MLflow's server has as --artifacts-destination, or empty; relative paths are looked
    for below `base`."""

    def __init__(self, root: str, base: Path | None = None) -> None:
        self._root = root
        self._base = base

    def place(self, uri: str) -> Place:
        """The place of an address. Raises Unsupported where it cannot be reached from here."""
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

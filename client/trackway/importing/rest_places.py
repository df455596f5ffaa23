"""Files behind an MLflow server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import quote

from trackway.errors import InvalidArgument, Unsupported
from trackway.importing.mlflow_artifacts import below
from trackway.importing.places import FoundFile
from trackway.importing.rest_calls import API, Calls
from trackway.importing.values import Malformed, several, text, whole

_PROXY = "/api/2.0/mlflow-artifacts/artifacts"
_DEEPEST = 100
"""So many folders below one another are looked through: a server may answer of each that there is one more."""


class _Folders:
    """Folder by folder, as a server lists them."""

    def walk(self) -> Iterator[FoundFile]:
        """See Place."""
        folders, seen = [""], {""}
        while folders:
            folder = folders.pop()
            try:
                listed = several(self._list(folder).get("files"))
            except Malformed as error:
                raise InvalidArgument(f"the server lists no files of {folder or 'it'}: {error.message}") from None
            for each in listed:
                found = self._found(folder, each)
                if found.problem or not each.get("is_dir"):
                    yield found
                elif found.path not in seen and found.path.count("/") < _DEEPEST:
                    seen.add(found.path)
                    folders.append(found.path)

    def _found(self, folder: str, each: Mapping[str, Any]) -> FoundFile:
        try:
            path = below(self._path(folder, text(each.get("path"))))
            size = each.get("file_size")
            return FoundFile(path, -1 if size is None else max(whole(size), 0))
        except (Malformed, Unsupported) as error:
            return FoundFile(str(each.get("path"))[:200], 0, error.message)

    def _list(self, folder: str) -> Mapping[str, Any]:
        raise NotImplementedError

    def _path(self, folder: str, path: str) -> str:
        raise NotImplementedError


class Proxied(_Folders):
    """A folder behind the server's artifact proxy."""

    def __init__(self, calls: Calls, path: str) -> None:
        self._calls = calls
        self._at = path

    def open(self, path: str, size: int = -1) -> BinaryIO:
        """See Place."""
        return self._calls.fetch(f"{_PROXY}/{quote(_joined(self._at, path))}", {}, size)

    def _list(self, folder: str) -> Mapping[str, Any]:
        return self._calls.json("GET", _PROXY, {"path": _joined(self._at, folder)}, missing_ok=True)

    def _path(self, folder: str, path: str) -> str:
        return _joined(folder, path.rsplit("/", 1)[-1])


class RunFiles(_Folders):
    """The files of a run of a server without a proxy, which still hands them out one by one."""

    def __init__(self, calls: Calls, run_id: str) -> None:
        self._calls = calls
        self._run_id = run_id

    def open(self, path: str, size: int = -1) -> BinaryIO:
        """See Place."""
        return self._calls.fetch("/get-artifact", {"run_uuid": self._run_id, "path": path}, size)

    def _list(self, folder: str) -> Mapping[str, Any]:
        asked: dict[str, Any] = {"run_id": self._run_id, **({"path": folder} if folder else {})}
        return self._calls.json("GET", f"{API}/artifacts/list", asked)

    def _path(self, folder: str, path: str) -> str:
        return path


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)

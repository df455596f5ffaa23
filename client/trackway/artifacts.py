"""Artifacts of runs and files of models: listed, downloaded, read.

An address is `runs:/RUN_ID/PATH`, `models:/NAME/VERSION` (`/STAGE`, `@ALIAS`) or `models:/m-ID`. What this process
logged is sent first. Every download is compared with the digest that the server keeps.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackway._fluent import session
from trackway._fluent.open_runs import flush_open_runs
from trackway.client import Client
from trackway.errors import InvalidArgument, NotFound
from trackway.model_uri import LoggedModelUri, ModelUri, RunUri, parse
from trackway.types import FileInfo

SOURCE_TAG = "original_artifact_path"
"""MLflow's tag of a logged model that says where files lie that are not stored with it."""

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"]


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | os.PathLike[str] | None = None,
    tracking_uri: str | None = None,
) -> str:
    """Fetch a file or folder and answer where it lies: below `dst_path`, by default a temporary folder that is the
    caller's to delete.

    Give an address, or a run and a path in it. A path of this machine (or `file:`) is answered as it is, or copied
    where `dst_path` is given. Raises NotFound, DataLoss where bytes do not match their digest, Unavailable.
    """
    wanted = _address(artifact_uri, run_id, artifact_path)
    if isinstance(wanted, Path):
        return str(_local(wanted, dst_path))
    client = _client(tracking_uri)
    if isinstance(wanted, ModelUri):
        resolved = client.registry.resolve(str(wanted))
        return str(client.artifacts.download_manifest(resolved.manifest.digest, dst_path))
    if isinstance(wanted, LoggedModelUri):
        return str(_of_logged_model(client, wanted.model_id, dst_path))
    return str(client.artifacts.download(wanted.run_id, wanted.path, dst_path))


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """The files and folders in a folder of a run or of a logged model, or the files of a model version.

    A file's path answers nothing.
    """
    wanted = _address(artifact_uri, run_id, artifact_path)
    if isinstance(wanted, Path):
        raise InvalidArgument(f"{artifact_uri!r} is a path of this machine; list it with pathlib")
    client = _client(tracking_uri)
    if isinstance(wanted, ModelUri):
        files = client.registry.resolve(str(wanted)).manifest.files
        return [FileInfo(each.path, False, each.size_bytes, each.digest) for each in files]
    if isinstance(wanted, LoggedModelUri):
        return list(client.artifacts.list(wanted.model_id))
    return list(client.artifacts.list(wanted.run_id, wanted.path))


def load_text(artifact_uri: str) -> str:
    """The text of an artifact, in UTF-8. Raises InvalidArgument where it is no text."""
    try:
        return _content(artifact_uri).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidArgument(f"{artifact_uri} is not text in UTF-8") from None


def load_dict(artifact_uri: str) -> Any:
    """The value of a JSON or YAML artifact. Raises InvalidArgument where it is neither."""
    text = load_text(artifact_uri)
    try:
        return json.loads(text)
    except ValueError:
        return _yaml(text, artifact_uri)


def load_image(artifact_uri: str) -> Any:
    """A picture, as one of Pillow's."""
    import io

    try:
        from PIL import Image
    except ImportError:
        raise InvalidArgument("load_image needs Pillow: pip install pillow") from None
    try:
        picture = Image.open(io.BytesIO(_content(artifact_uri)))
        picture.load()
    except OSError:
        raise InvalidArgument(f"{artifact_uri} is no picture that Pillow can read") from None
    return picture


def _of_logged_model(client: Client, model_id: str, dst_path: str | os.PathLike[str] | None) -> Path:
    """All files of a logged model. Raises NotFound where it has none here."""
    if not any(True for _ in client.artifacts.list(model_id)):
        model = client.logged_models.get(model_id)
        place = model.tags.get(SOURCE_TAG)
        hint = f"they are at {place}" if place else f"its making is {model.status}, and files come before READY"
        raise NotFound(f"the logged model {model_id} ({model.name}) has no files on this server: {hint}")
    return client.artifacts.download(model_id, "", dst_path)


def _address(
    artifact_uri: str | None, run_id: str | None, path: str | None
) -> ModelUri | LoggedModelUri | RunUri | Path:
    if (artifact_uri is None) == (run_id is None):
        raise InvalidArgument("give either artifact_uri or run_id")
    if artifact_uri is None:
        return parse(f"runs:/{run_id}/{path}" if path else f"runs:/{run_id}")
    if path is not None:
        raise InvalidArgument("artifact_path goes with run_id; an address holds its path")
    scheme, colon, rest = str(artifact_uri).partition(":")
    if colon and scheme in ("runs", "models"):
        return parse(artifact_uri)
    if scheme == "file" and colon:
        return Path("/" + rest.lstrip("/")) if rest.startswith("/") else Path(rest)
    if "://" in str(artifact_uri):
        raise InvalidArgument(
            f"{artifact_uri!r} cannot be fetched: write runs:/RUN_ID/PATH, models:/NAME/VERSION or a path"
        )
    return Path(artifact_uri)


def _local(path: Path, dst_path: str | os.PathLike[str] | None) -> Path:
    if not path.exists():
        raise NotFound(f"there is no file or folder {path}")
    if dst_path is None:
        return path
    target = Path(dst_path) / path.name
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return target


def _client(tracking_uri: str | None) -> Client:
    flush_open_runs()
    return session.server(tracking_uri)


def _content(artifact_uri: str) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="trackway-") as folder:
        path = Path(download_artifacts(artifact_uri, dst_path=None if _is_local(artifact_uri) else folder))
        if path.is_dir():
            raise InvalidArgument(f"{artifact_uri} is a folder; name a file in it")
        return path.read_bytes()


def _is_local(artifact_uri: str) -> bool:
    return not artifact_uri.startswith(("runs:", "models:"))


def _yaml(text: str, artifact_uri: str) -> Mapping[str, Any] | list[Any]:
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = None
    if not isinstance(value, dict | list):
        raise InvalidArgument(f"{artifact_uri} is neither JSON nor YAML")
    return value

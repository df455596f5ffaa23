"""Where files of a source lie: a folder here, a bucket, or behind the source's own server (`rest.py`)."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import unquote, urlsplit

from trackway.errors import InvalidArgument, NotFound, TrackwayError, Unavailable, Unsupported

CHUNK_BYTES = 1 << 20
MOST_FILES = 1_000_000
"""In one place."""
_MEMORY_BYTES = 8 << 20
"""Of a file from elsewhere, what is kept in memory before it goes to a temporary file."""
_LOOK_BYTES = 64 << 20
"""After so many bytes it is looked whether there is room for more."""
_FREE_BYTES = 1 << 30
"""What is left free on this machine."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a place."""

    path: str
    """Relative to the place, with `/` between its parts."""
    size: int
    """In bytes; -1 where it is not known."""
    problem: str = ""
    """Why it cannot be taken; empty where it can."""


class Place(Protocol):
    """A folder of files. Methods block."""

    def walk(self) -> Iterator[FoundFile]:
        """All files in it and below. A place that is not there has none."""
        ...

    def open(self, path: str, size: int = -1) -> BinaryIO:
        """The bytes of a file that was found, with the size that was found. Raises TrackwayError or OSError."""
        ...


class Nowhere:
    """A place without files."""

    def walk(self) -> Iterator[FoundFile]:
        """None."""
        return iter(())

    def open(self, path: str, size: int = -1) -> BinaryIO:
        """Raises NotFound."""
        raise NotFound(f"there is no file {path!r}")


class LocalFolder:
    """A folder of this machine. Links that lead out of it are told of and not followed: what it was given is the
    folder, and not all that somebody can name from within."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    @property
    def root(self) -> Path:
        """Where it really is."""
        return self._root

    def walk(self) -> Iterator[FoundFile]:
        """See Place."""
        if self._root.is_file():
            yield FoundFile(self._root.name, self._root.stat().st_size)
            return
        for folder, folders, names in os.walk(self._root):
            folders.sort()
            for name in sorted([*names, *(each for each in folders if Path(folder, each).is_symlink())]):
                yield self._found(Path(folder, name))

    def _found(self, file: Path) -> FoundFile:
        path = _carried(file.relative_to(self._root).as_posix())
        if path is None:
            return FoundFile(ascii(str(file.relative_to(self._root)))[1:-1], 0, "its name is no text")
        real = file.resolve()
        if file.is_symlink() and not real.is_relative_to(self._root):
            return FoundFile(path, 0, "it is a link that leads out of its folder")
        if not real.is_file():
            return FoundFile(path, 0, "it is no regular file")
        return FoundFile(path, real.stat().st_size)

    def open(self, path: str, size: int = -1) -> BinaryIO:
        """See Place."""
        file = self._root if self._root.is_file() else self._root / path
        if problem := self._found(file).problem:
            raise Unsupported(problem)
        return file.open("rb")


class S3Folder:
    """A prefix of an S3 bucket, with the credentials, region and endpoint of AWS's variables and profiles."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self._bucket, self._prefix = parts.netloc, unquote(parts.path).strip("/")

    def walk(self) -> Iterator[FoundFile]:
        """See Place."""
        yield from asyncio.run(self._list())

    def open(self, path: str, size: int = -1) -> BinaryIO:
        """See Place."""
        return asyncio.run(self._fetch(f"{self._prefix}/{path}" if self._prefix else path, size))

    def _client(self) -> Any:
        from aiobotocore.session import get_session

        return get_session().create_client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL") or None)

    async def _list(self) -> list[FoundFile]:
        prefix, found = f"{self._prefix}/" if self._prefix else "", []
        with _told(f"s3://{self._bucket}/{self._prefix}"):
            async with self._client() as client:
                pages = client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
                async for page in pages:
                    for each in page.get("Contents", ()):
                        if not each["Key"].endswith("/"):
                            found.append(FoundFile(each["Key"].removeprefix(prefix), int(each["Size"])))
                    if len(found) > MOST_FILES:
                        break
        return found

    async def _fetch(self, key: str, size: int) -> BinaryIO:
        spooled = Spool(size)
        with _told(f"s3://{self._bucket}/{key}"):
            async with self._client() as client:
                answer = await client.get_object(Bucket=self._bucket, Key=key)
                async for data in answer["Body"].iter_chunks(CHUNK_BYTES):
                    spooled.write(data)
        spooled.file.seek(0)
        return spooled.file


class _told:  # noqa: N801 - used like a function
    """Names the object with which S3 has a problem, instead of a trace of its library."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, TrackwayError | OSError):
            told = f"{self._what} cannot be read: {str(error) or type(error).__name__}"
            # What S3 refuses is this object or bucket; anything else is that it does not answer at all.
            raise (NotFound if hasattr(error, "response") else Unavailable)(told) from None


class Spool:
    """Bytes on their way, in memory while they are few, then in a temporary file: no more than are expected, and not to
    the last byte of this machine's disk."""

    def __init__(self, size: int = -1) -> None:
        self.file = cast(BinaryIO, tempfile.SpooledTemporaryFile(_MEMORY_BYTES))  # noqa: SIM115 its reader closes it
        self.written = 0
        self._size = size
        self._looked = 0

    def write(self, data: bytes) -> None:
        """Append. Raises InvalidArgument for more than is expected, and OSError where there is no room."""
        self.written += len(data)
        if 0 <= self._size < self.written:
            raise InvalidArgument(f"it has more than the {self._size:,} bytes that were told of")
        if self.written - self._looked > _LOOK_BYTES:
            self._looked = self.written
            if shutil.disk_usage(tempfile.gettempdir()).free < _FREE_BYTES:
                raise OSError(errno.ENOSPC, f"no room in {tempfile.gettempdir()}")
        self.file.write(data)


def _carried(path: str) -> str | None:
    """A path, if it can be sent: names of files may be any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return None
    return path


def place_of(uri: str, *, base: Path | None = None) -> Place:
    """The place of a folder's path, `file:` or `s3:`; relative paths are looked for below `base`, then here.

    Raises Unsupported for what this machine cannot reach.
    """
    scheme = urlsplit(uri).scheme
    if not uri:
        return Nowhere()
    if scheme == "s3":
        if not _has_s3():
            raise Unsupported(f'{uri} needs S3: install it with: pip install "trackway[s3]"')
        return S3Folder(uri)
    if scheme not in {"", "file"}:
        raise Unsupported(f"{uri} cannot be reached from here: files are read from folders, s3: and MLflow's server")
    path = Path(unquote(urlsplit(uri).path) if scheme else uri).expanduser()
    if not path.is_absolute() and base is not None and (base / path).exists():
        path = base / path
    if path.exists():
        return LocalFolder(path)
    # MLflow makes the folder ROOT/EXPERIMENT/RUN/artifacts with its first file: with the root there, it is just empty.
    root = path.absolute().parents[min(2, len(path.absolute().parents) - 1)]
    if root.exists() and root != root.parent:
        return Nowhere()
    raise Unsupported(f"the folder {root} is not on this machine")


def _has_s3() -> bool:
    from importlib.util import find_spec

    return find_spec("aiobotocore") is not None

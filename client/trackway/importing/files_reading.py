"""What is in a folder of MLflow's file store, read so that whoever has written it can do no harm: no link is followed,
nothing is read without end, and what is malformed is told of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import yaml

from trackway.importing.measured import context_of
from trackway.importing.source import MetricColumns, in_order
from trackway.importing.values import Malformed, Refused, points

META = "meta.yaml"
MOST_META = 1 << 20
MOST_DATASET = 24 << 20
"""Of the meta.yaml of a data set, which has its schema and profile."""
MOST_TEXT = 7 << 20
"""Of a param or tag, what fits every server."""
MOST_FILES = 100_000
"""In the folder of a run's params, tags or metrics."""
_DEEPEST = 20
_BLOCK = 1 << 20
_LONGEST_LINE = 64 << 10
_LINES = 1 << 16
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_T = TypeVar("_T")


def folders_with_meta(folder: Path, refused: Refused) -> list[Path]:
    """The folders in a folder that have a meta.yaml, by name. Links are told of: they could lead to anything."""
    found: list[Path] = []
    for each in _listed(folder):
        try:
            if each.is_symlink() or (each / META).is_symlink():
                if (each / META).is_file():
                    refused("folder", str(each), "it is, or has, a link: put what it leads to in its place")
            elif (each / META).is_file():
                found.append(each)
        except OSError as error:
            refused("folder", str(each), f"it cannot be read: {error.strerror or error}")
    return found


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, but for links."""
    return [each for each in _listed(folder) if each.is_dir() and not each.is_symlink()]


def read_meta(folder: Path, most: int = MOST_META) -> Mapping[str, Any]:
    """A folder's meta.yaml. Raises Malformed where it is none, and where it is made to be read for ever."""
    content = _content(folder / META, most)
    try:
        depth = 0
        for event in yaml.parse(content, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > _DEEPEST:
                raise Malformed(f"its {META} has aliases, or is too deep, which MLflow's never is")
        meta = yaml.load(content, Loader=_Loader)  # noqa: S506 both are safe loaders
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError, TypeError, AttributeError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed(f"its {META} cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(meta, dict):
        raise Malformed(f"its {META} has no fields")
    return meta


def read_texts(folder: Path, what: str, where: str, refused: Refused) -> dict[str, str]:
    """Contents by name, of a folder with a file a key; keys may hold `/`."""
    found = {}
    for key, file in files_below(folder, what, where, refused):
        try:
            found[key] = _content(file, MOST_TEXT).decode("utf-8", "replace")
        except Malformed as error:
            refused(f"{what} {key!r}", where, error.message)
    return found


def files_below(folder: Path, what: str, where: str, refused: Refused) -> list[tuple[str, Path]]:
    """The files of a folder and its folders, by key: what has no key that can be sent, and links, are told of."""
    found: list[tuple[str, Path]] = []
    if folder.is_symlink():
        refused(f"{what}s", where, "their folder is a link: put what it leads to in its place")
        return found
    for at, folders, names in os.walk(folder):
        links = [name for name in folders if Path(at, name).is_symlink()]
        for name in sorted([*names, *links]):
            file = Path(at, name)
            key = file.relative_to(folder).as_posix()
            shown = ascii(key)
            if len(found) >= MOST_FILES:
                refused(f"{what}s", where, f"there are more than {MOST_FILES:,} of them")
                return sorted(found)
            if file.is_symlink():
                refused(f"{what} {shown}", where, "it is a link: put what it leads to in its place")
            elif not file.is_file():
                refused(f"{what} {shown}", where, "it is no regular file")
            elif any("\ud800" <= letter <= "\udfff" for letter in key):
                refused(f"{what} {shown}", where, "its name is no text")
            else:
                found.append((key, file))
    return sorted(found)


def read_series(
    key: str, file: Path, where: str, refused: Refused, *, of_model: str = ""
) -> Iterator[tuple[str, MetricColumns]]:
    """The points in the file of a metric, by run and data set: a line is `ms value step`, then, for a logged model
    (`of_model`), the run, and then the data set where one is named, which ends the line."""
    series: dict[tuple[str, str, str], list[Any]] = {}
    waiting: dict[tuple[str, str, str], list[list[bytes]]] = {}
    bad = 0

    def convert() -> int:
        left_out = 0
        for name, lines in waiting.items():
            columns = points(*([_plain(line[at]) if at < len(line) else "0" for line in lines] for at in (0, 2, 1)))
            left_out += columns[3]
            series.setdefault(name, []).append(columns)
        waiting.clear()
        return left_out

    after, count = (4 if of_model else 3), 0
    for line in _lines(file):
        fields = [] if line is None else line.split(b" ")
        if len(fields) < (4 if of_model else 2):
            bad += fields != [b""]
            continue
        run_id = fields[3].decode("utf-8", "replace") if of_model else ""
        dataset = fields[after:] if len(fields) >= after + 2 else []
        name = b" ".join(dataset[:-1]).decode("utf-8", "replace")
        digest = b"".join(dataset[-1:]).decode("utf-8", "replace")
        waiting.setdefault((run_id, name, digest), []).append(fields[:3])
        count += 1
        if count % _LINES == 0:
            bad += convert()
    bad += convert()
    if bad:
        refused(f"metric {key!r}", where, f"{bad} of its points are malformed")
    for (run_id, dataset_name, digest), parts in sorted(series.items()):
        times, steps, values, _ = zip(*parts, strict=True)
        columns = (np.concatenate(times), np.concatenate(steps), np.concatenate(values))
        for chunk in in_order(key, *columns, context_of(of_model, dataset_name, digest)):
            yield run_id, chunk


def read_all(folders: list[Path], what: str, read: Callable[[Path], _T], refused: Refused) -> Iterator[_T]:
    """What can be read of some folders; the others are told of."""
    for folder in folders:
        try:
            yield read(folder)
        except Malformed as error:
            refused(what, folder.name, error.message)
        except OSError as error:
            refused(what, folder.name, f"it cannot be read: {error.strerror or error}")


def _plain(field: bytes) -> str:
    return field.decode("ascii", "replace")


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []
    except OSError:
        return []


def _content(file: Path, most: int) -> bytes:
    """A file's bytes. Raises Malformed for a link, for what is no file and for what is too large."""
    try:
        with _opened(file) as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise Malformed(f"{file.name} cannot be read: {error.strerror or error}") from None
    if len(content) > most:
        raise Malformed(f"{file.name} has more than {most:,} bytes")
    return content


def _opened(file: Path) -> BinaryIO:
    """A file, unless a link or a pipe has taken its place."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(descriptor, "rb")


def _lines(file: Path) -> Iterator[bytes | None]:
    """A file's lines; None for one that is longer than any of MLflow's."""
    with _opened(file) as stream:
        rest, skipping = b"", False
        while block := stream.read(_BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                if skipping or len(line) > _LONGEST_LINE:
                    skipping = False
                    yield None
                else:
                    yield line.rstrip(b"\r")
            if len(rest) > _LONGEST_LINE:
                rest, skipping = b"", True
        if rest or skipping:
            yield None if skipping else rest

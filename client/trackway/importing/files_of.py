"""Files of a place of the source, brought to a run."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from itertools import islice

from trackway import errors, types
from trackway._mlflow_names import kept
from trackway._rpc import upload
from trackway._rpc.parallel import in_parallel
from trackway._rpc.progress import Meter
from trackway.importing.places import MOST_FILES, FoundFile, LocalFolder, Place
from trackway.importing.report import Report
from trackway.importing.target import Target

FATAL = (errors.Unavailable, errors.Unauthenticated, errors.Cancelled)
"""What is wrong with the server or the connection, and not with one file or run: the import ends."""
MALFORMED = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError)
"""What a source can still provoke after all that is looked at, in a library for instance: of that one thing alone."""
HASHED_BYTES = 16 << 20
"""Of a file here, up to which size it is compared by its content, too: that costs little beside listing it."""
_AT_ONCE = 4


async def bring_files(target: Target, run_id: str, place: Place, folder: str, report: Report) -> int:
    """Store the files of a place below a folder of a run; how many lie there then.

    A file that the run has with the same size is taken for the same, unless it lies here and is small enough to look.
    What cannot come is noted, a file each.
    """
    folder = kept(folder)
    found = await asyncio.to_thread(lambda: list(islice(place.walk(), MOST_FILES + 1)))
    if not found:
        return 0
    if len(found) > MOST_FILES:
        report.miss("files", f"{run_id}/{folder}", f"there are more than {MOST_FILES:,} of them")
        del found[MOST_FILES:]
    listed = target.client.artifacts.list(run_id, folder, recursive=True)
    there = {each.path: each async for each in listed}
    if folder and not there:  # what is listed below a file is nothing
        there = {}
    failed = await in_parallel(found, partial(_bring, target, run_id, place, folder, there, report), limit=_AT_ONCE)
    return len(found) - sum(failed)


async def _bring(
    target: Target,
    run_id: str,
    place: Place,
    folder: str,
    there: dict[str, types.FileInfo],
    report: Report,
    file: FoundFile,
) -> bool:
    """Bring one file; whether that failed."""
    path = f"{folder}/{kept(file.path)}" if folder else kept(file.path)
    if file.problem:
        report.miss("file", f"{run_id}/{path}", file.problem)
        return True
    report.count(files=1, file_bytes=max(file.size, 0))
    try:
        if path in there and await asyncio.to_thread(_same, place, file, there[path]):
            return False
    except OSError as error:
        report.miss("file", f"{run_id}/{path}", f"it cannot be read: {error.strerror or error}")
        return True
    item = upload.Upload(partial(place.open, file.path, file.size), file.size, path)
    try:
        stored = await upload.send(target.client._connection, run_id, item, Meter(None, file.size))
    except FATAL:
        raise
    except errors.TrackwayError as error:
        report.miss("file", f"{run_id}/{path}", error.message, error.reason)
        return True
    except OSError as error:
        report.miss("file", f"{run_id}/{path}", f"it cannot be read: {error.strerror or error}")
        return True
    report.count(files_sent=1, bytes_sent=stored.file_size or 0)
    return False


def _same(place: Place, file: FoundFile, stored: types.FileInfo) -> bool:
    """Whether a file is the one that is stored. Raises OSError where it cannot be read."""
    if file.size not in {-1, stored.file_size}:
        return False
    if not isinstance(place, LocalFolder) or not 0 <= file.size <= HASHED_BYTES:
        return True
    with place.open(file.path) as stream:
        return stored.digest == f"sha256:{hashlib.sha256(stream.read(HASHED_BYTES)).hexdigest()}"

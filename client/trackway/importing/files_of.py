"""Files of a place of the source, brought to a run."""

from __future__ import annotations

import asyncio
from functools import partial

from trackway import errors
from trackway._mlflow_names import kept
from trackway._rpc import upload
from trackway._rpc.parallel import in_parallel
from trackway._rpc.progress import Meter
from trackway.importing.places import FoundFile, Place
from trackway.importing.report import Report
from trackway.importing.target import Target

FATAL = (errors.Unavailable, errors.Unauthenticated, errors.Cancelled)
"""What is wrong with the server or the connection, and not with one file or run: the import ends."""
_AT_ONCE = 4


async def bring_files(target: Target, run_id: str, place: Place, folder: str, report: Report) -> int:
    """Store the files of a place below a folder of a run; how many lie there then.

    A file that the run has with the same size is taken for the same. What cannot come is noted, a file each.
    """
    folder = kept(folder)
    found = await asyncio.to_thread(lambda: list(place.walk()))
    if not found:
        return 0
    listed = target.client.artifacts.list(run_id, folder, recursive=True)
    there = {each.path: each.file_size async for each in listed}
    if folder and not there:  # what is listed below a file is nothing
        there = {}
    failed = await in_parallel(found, partial(_bring, target, run_id, place, folder, there, report), limit=_AT_ONCE)
    return len(found) - sum(failed)


async def _bring(
    target: Target,
    run_id: str,
    place: Place,
    folder: str,
    there: dict[str, int | None],
    report: Report,
    file: FoundFile,
) -> bool:
    """Bring one file; whether that failed."""
    path = f"{folder}/{kept(file.path)}" if folder else kept(file.path)
    if file.problem:
        report.miss("file", f"{run_id}/{path}", file.problem)
        return True
    report.count(files=1, file_bytes=max(file.size, 0))
    if path in there and file.size in {-1, there[path]}:
        return False
    item = upload.Upload(partial(place.open, file.path), file.size, path)
    try:
        stored = await upload.send(target.client._connection, run_id, item, Meter(None, file.size))
    except FATAL:
        raise
    except errors.TrackwayError as error:
        report.miss("file", f"{run_id}/{path}", error.message)
        return True
    except OSError as error:
        report.miss("file", f"{run_id}/{path}", f"it cannot be read: {error.strerror or error}")
        return True
    report.count(files_sent=1, bytes_sent=stored.file_size or 0)
    return False

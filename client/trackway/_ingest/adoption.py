"""Ending a spool whose process has vanished, so that its run does not stay RUNNING for ever.

What is appended depends on the spool alone: two senders that adopt the same spool, or a copy of it, write the same
bytes, and the histories do not part.
"""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

from trackway._ingest.meta import Meta
from trackway._ingest.reader import SpoolReader
from trackway._ingest.spool import HEADER, MAGIC, RECORD, Kind, segment_name
from trackway._ingest.text import to_json

KILLED = 5
_ENDS = (3, 4, 5)
_MESSAGE = "the process vanished without ending the run"


def adopt(directory: Path, meta: Meta) -> None:
    """Close the spool of a vanished process; where the process owned the run and had not ended it, mark it KILLED.

    The end is the time of the last thing recorded. A spool that is closed is left as it is. Call it only when
    `meta.writer_is_alive()` is False.
    """
    reader = SpoolReader(directory)
    last_us = meta.created_us
    try:
        while batch := reader.read():
            times = [int(block.times.max()) for block in batch.blocks]
            times += [fields.get("time_us", 0) for _, _, fields in batch.objects]
            last_us = max([last_us, *times])
        if reader.closed:
            return
        records = []
        if meta.owns_run and reader.status not in _ENDS:
            text = to_json({"status": KILLED, "time_us": last_us, "message": _MESSAGE})
            records.append(_record(Kind.RUN_STATUS, text))
        records.append(_record(Kind.CLOSE, "{}"))
        _append(reader, meta, b"".join(records))
    finally:
        reader.close()


def _record(kind: int, text: str) -> bytes:
    content = text.encode("ascii")
    payload = RECORD.pack(kind, 0) + content.ljust(-(-len(content) // 8) * 8)
    return RECORD.pack(len(payload), crc32(payload)) + payload


def _append(reader: SpoolReader, meta: Meta, records: bytes) -> None:
    """Write over the torn tail. The file is cut first: what is left of a torn record must not follow the new ones."""
    number, offset = reader.place
    path = reader.directory / segment_name(number)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(fd).st_size < HEADER.size:
            header = HEADER.pack(MAGIC, bytes.fromhex(meta.writer_id), reader.sequence, number)
            os.pwrite(fd, header, 0)
        os.ftruncate(fd, offset)
        os.pwrite(fd, records, offset)
    finally:
        os.close(fd)

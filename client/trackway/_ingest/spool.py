"""The spool: where a process records what it logs, and the wire form's source. Format version 1, byte for byte.

A spool is the folder of one *writer*, that is of one process of one run::

    ROOT/RUN_ID/WRITER_ID/
        meta.json        who writes, for which server; written once, before the first segment; with "service":
                         "registry", "run_id" is NAME/VERSION of a registered model, the folder ROOT/version-CRC/…
        00000000.seg …   segments, numbered without gaps; a new one begins where the one before ended
        state            where the sender stands (see below); written by the sender only
        prefix.json      what was deleted: {"segment": k, "sequence": n, "checksum": c, "shapes": {…}, "status": s}: the
                         records below ordinal n, whose rolling checksum is c, which defined these shapes and left the
                         run in state s, are stored on the server and gone here; k is the first segment left
        refused.jsonl    one JSON object for each record that the server refused
        artifacts/       snapshots of files to upload: N.data, and N.json, whose appearance commits it; of a logged
                         model N.00000.data …, and N.json as in `model_draft.py`

All integers are little-endian. A segment is a header of 64 bytes and then records, each on a multiple of 8 bytes::

    header   8s  magic b"TWSPOOL1"
             16s writer id
             Q   ordinal of the first record
             I   segment number
             28s zero

    record   I   length of the payload in bytes, a multiple of 8, at least 8; 0: nothing was written from here on
             I   CRC-32 (zlib) of the payload
             …   payload

    payload  I   kind
             I   id, by kind
             …   by kind

    kind  1 POINT    id: series.  q time (µs) · q step · d value
          2 ROW      id: shape.   q time (µs) · q step · d value for each series of the shape
          3 COLUMN   id: series.  I rows · I flags (1: times, 2: steps) · q first time · q first step
                                  [q times × rows] [q steps × rows] d values × rows
                                  without times all are the first; without steps they count up from the first
         16 RUN_START · 17 RUN_STATUS · 18 PARAMS · 19 TAGS · 20 DATASET · 21 SERIES · 22 SHAPE · 23 CLOSE ·
         24 MODEL_INPUT · 25 MODEL_OUTPUT · 32 CONSOLE
                     id: 0. A JSON object in ASCII, filled with spaces; the keys are those of the message of the same
                     name in metrics/v1/ingest.proto. SHAPE is {"shape_id": n, "series_ids": […]}; it and CLOSE (the
                     writer will write no more) concern the spool only.

The *ordinal* of a record is its place among all records of the writer, from 0. A record counts when its length and
CRC-32 are right and all before it count; what follows the last such record is torn and was never logged. The rolling
checksum of a prefix is the CRC-32 of its records' CRC-32 fields, in order.

Segments on a local file system are preallocated, so that a full disk shows when a segment is made and never as a
signal, and written through a memory mapping; on a network file system they are appended to with write(2), since
mappings are not coherent there. A reader need not know which.

`state` is 1,024 bytes, written whole: I magic 0x54575354 · I link (Link) · Q durable sequence · Q refused
records and files · I failed attempts to send · H length of the text · text in UTF-8 (what is wrong, for people).
"""

from __future__ import annotations

import os
import struct

MAGIC = b"TWSPOOL1"
HEADER = struct.Struct("<8s16sQI28x")
RECORD = struct.Struct("<II")
POINT = struct.Struct("<IIqqd")
ROW = struct.Struct("<IIqq")
COLUMN = struct.Struct("<IIIIqq")
STATE = struct.Struct("<IIQQIH")
STATE_MAGIC = 0x54575354
STATE_SIZE = 1024
TRACKING = "tracking"
REGISTRY = "registry"
COLUMN_HAS_TIMES = 1
COLUMN_HAS_STEPS = 2
MAX_COLUMN_ROWS = 65_536


class Kind:
    """What a record carries. Plain integers: importing `enum` would cost the training process a millisecond."""

    POINT = 1
    ROW = 2
    COLUMN = 3
    RUN_START = 16
    RUN_STATUS = 17
    PARAMS = 18
    TAGS = 19
    DATASET = 20
    SERIES = 21
    SHAPE = 22
    CLOSE = 23
    MODEL_INPUT = 24
    MODEL_OUTPUT = 25
    CONSOLE = 32


class Link:
    """How the sender stands with the server."""

    UNKNOWN = 0
    CONNECTED = 1
    UNREACHABLE = 2
    REFUSED = 3


def default_root() -> str:
    """Where spools lie: `TRACKWAY_SPOOL_DIR`, else `trackway/spool` under the user's data folder."""
    if chosen := os.environ.get("TRACKWAY_SPOOL_DIR"):
        return os.path.abspath(chosen)
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "trackway", "spool")


def waiting_artifacts(directory: str) -> list[str]:
    """The numbers, as text, of the snapshots in a spool that are not uploaded yet, in order."""
    try:
        names = os.listdir(os.path.join(directory, "artifacts"))
    except FileNotFoundError:
        return []
    return sorted(name[:-5] for name in names if name.endswith(".json"))


def segment_name(number: int) -> str:
    """The file name of a segment."""
    return f"{number:08d}.seg"


def segment_numbers(directory: str) -> list[int]:
    """The numbers of the segments in a spool, rising."""
    return sorted(int(name[:8]) for name in os.listdir(directory) if name.endswith(".seg") and name[:8].isdigit())


class State:
    """A sender's standing, as `state` holds it."""

    __slots__ = ("durable", "failures", "link", "problem", "refused")

    def __init__(
        self, link: int = Link.UNKNOWN, durable: int = 0, refused: int = 0, failures: int = 0, problem: str = ""
    ) -> None:
        self.link = link
        self.durable = durable
        self.refused = refused
        self.failures = failures
        self.problem = problem

    def encode(self) -> bytes:
        """The bytes of the file; a text that is too long is cut."""
        room = STATE_SIZE - STATE.size
        text = self.problem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore").encode()
        head = STATE.pack(STATE_MAGIC, self.link, self.durable, self.refused, self.failures, len(text))
        return (head + text).ljust(STATE_SIZE, b"\0")

    @classmethod
    def decode(cls, raw: bytes) -> State:
        """The standing in `raw`; a file not yet written gives an unknown one."""
        if len(raw) < STATE.size:
            return cls()
        magic, link, durable, refused, failures, length = STATE.unpack_from(raw)
        if magic != STATE_MAGIC:
            return cls()
        text = raw[STATE.size : STATE.size + length].decode("utf-8", "replace")
        return cls(link, durable, refused, failures, text)

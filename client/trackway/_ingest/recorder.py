"""Recording: appending records to the segments of a spool, whatever interrupts, and whether or not there is room.

The lock taken is one of this process's own threads, never one that another process can hold. A signal handler or a
destructor that logs in the middle of an append is put in line behind it.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock
from mmap import mmap
from time import monotonic, time_ns
from zlib import crc32

from trackway._ingest import doorbell, liveness
from trackway._ingest.bound import check_bound
from trackway._ingest.files import write_file
from trackway._ingest.mount import is_network
from trackway._ingest.segment import create_growing_segment, create_segment, remove_segment, segment_size
from trackway._ingest.spool import HEADER, RECORD, TRACKING, Kind, State
from trackway._ingest.text import to_json
from trackway.config import named_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_pack_record_into = RECORD.pack_into
_RETRY_SECONDS = 1.0
LOOK_AGAIN_US = 200_000
"""How soon an uplink that is still starting is told what it has not heard."""
_RESERVE = 2048
"""Bytes at the end of a mapped segment that are kept for how the writer ends, should the disk be full then."""


class Recorder:
    """One spool being written. `Writer` gives its records their meaning."""

    __slots__ = (
        "_artifacts",
        "_busy",
        "_closed",
        "_count",
        "_deferred",
        "_directory",
        "_dropped",
        "_end",
        "_ending",
        "_fd",
        "_files",
        "_growing",
        "_labels",
        "_limit",
        "_lock",
        "_look_at",
        "_memory",
        "_position",
        "_retry_at",
        "_root",
        "_segment",
        "_service",
        "_source",
        "_state_fd",
        "_token",
        "_told",
        "owns_run",
        "run_id",
        "uri",
        "workspace",
        "writer_id",
    )

    def __init__(
        self,
        run_id: str,
        uri: str,
        workspace: str,
        token: str | None,
        labels: Mapping[str, str],
        root: str,
        owns: bool,
        service: str = TRACKING,
    ) -> None:
        self.run_id = run_id
        self._service = service
        self.uri = uri
        self.workspace = workspace
        self.owns_run = owns
        self._token = token
        self._files = named_files()
        self._labels = labels
        self._root = root
        self._begin()

    @property
    def count(self) -> int:
        """How many records this writer has recorded."""
        return self._count

    @property
    def directory(self) -> str:
        """The spool's folder; empty where none could be made."""
        return self._directory

    @property
    def named(self) -> str:
        """What this writer writes, for people."""
        return f"run {self.run_id}" if self._service == TRACKING else f"the version {self.run_id}"

    def _begin(self) -> None:
        """Start an empty spool, in memory: at the beginning, and in a child after a fork."""
        self.writer_id = os.urandom(16).hex()
        self._lock = RLock()
        self._busy = False
        self._closed = False
        self._growing = False
        self._deferred: list[bytes] = []
        self._memory: mmap | None = None
        self._fd = -1
        self._state_fd = -1
        self._position = 0
        self._limit = 0
        self._end = 0
        self._ending = False
        self._segment = 0
        self._count = 0
        self._artifacts = 0
        self._dropped = 0
        self._told = 0
        self._retry_at = 0.0
        self._directory = ""
        self._source: Mapping[str, object] | None = None

    def record_source(self, source: Mapping[str, object]) -> None:
        """Have the uplink record what the run was started from; to be called before the first record."""
        self._source = source

    def _make_folder(self) -> None:
        """Make the spool's folder, at the first record: a process that logs nothing leaves nothing. Raises OSError."""
        directory = os.path.join(self._root, self._folder(), self.writer_id)
        os.makedirs(os.path.join(directory, "artifacts"), 0o700, exist_ok=True)
        self._growing = self._wants_write(directory)
        self._write_meta(directory)
        self._directory = directory

    def _folder(self) -> str:
        """The folder of all writers of one run or version; the names of models need not be names of files."""
        if self._service == TRACKING:
            return self.run_id
        return f"version-{crc32(self.run_id.encode('utf-8', 'surrogatepass')):08x}"

    def _wants_write(self, directory: str) -> bool:
        chosen = os.environ.get("TRACKWAY_SPOOL_IO", "")
        return chosen == "write" if chosen else is_network(directory)

    def _write_meta(self, directory: str) -> None:
        pid = os.getpid()
        meta = {
            "version": 1,
            "run_id": self.run_id,
            "writer_id": self.writer_id,
            "workspace": self.workspace,
            "uri": self.uri,
            "owns_run": self.owns_run,
            "labels": {"host": os.uname().nodename, "pid": str(pid), **self._labels},
            "pid": pid,
            "pid_started": liveness.start_time(pid),
            "boot": liveness.boot(),
            "machine": liveness.machine(),
            "created_us": time_ns() // 1000,
        }
        if self._service != TRACKING:
            meta["service"] = self._service
        state_path = os.path.join(directory, "state")
        write_file(state_path, -1, State().encode())
        self._state_fd = os.open(state_path, os.O_RDONLY | os.O_CLOEXEC)
        draft = os.path.join(directory, "meta.json.new")
        write_file(draft, -1, to_json(meta).encode())
        os.rename(draft, os.path.join(directory, "meta.json"))

    def _poke(self, *, flush: bool) -> bool:
        """Tell the uplink to look, and with `flush` that somebody waits; False where that is to be said again soon."""
        if not self._directory:
            return True
        message: dict[str, object] = {"spool": self._directory, "flush": flush}
        if self._token:
            message["uri"] = self.uri
            message["token"] = self._token
        if self._files:
            message["uri"] = self.uri
            message["files"] = self._files
        if self._source is not None:
            message["source"] = self._source
        is_told = doorbell.ring(self._root, message)
        if is_told:
            self._source = None
        else:
            self._look_at = time_ns() // 1000 + LOOK_AGAIN_US
        doorbell.reap()
        return is_told

    def _append(self, payload: bytes) -> None:
        """Append one record. Its header, written last, is what makes it count."""
        with self._lock:
            if self._busy:  # a signal handler or a destructor, in the middle of this same thread's append
                self._deferred.append(payload)
                return
            self._busy = True
            try:
                size = len(payload)
                position = self._position
                end = position + 8 + size
                memory = self._memory
                if memory is None or end > self._limit:
                    self._append_slowly(payload)
                else:
                    memory[position + 8 : end] = payload
                    _pack_record_into(memory, position, size, crc32(payload))
                    self._position = end
                    self._count += 1
                while self._deferred:
                    self._append_slowly(self._deferred.pop(0))
            except BaseException:
                self._repair()
                raise
            finally:
                self._busy = False

    def _append_slowly(self, payload: bytes) -> None:
        """Append where a segment must be made first, or where there is no mapping."""
        size = len(payload)
        if self._position + 8 + size > self._limit and not self._make_room(size):
            return
        position = self._position
        if self._memory is None:
            self._write_out(payload)
        else:
            self._memory[position + 8 : position + 8 + size] = payload
            _pack_record_into(self._memory, position, size, crc32(payload))
        self._position = position + 8 + size
        self._count += 1

    def _repair(self) -> None:
        """After an interruption (Ctrl-C) in the middle of an append: a record whose header stands does count."""
        memory, position = self._memory, self._position
        if memory is None or position + 8 > self._limit:
            return
        size, checksum = RECORD.unpack_from(memory, position)
        end = position + 8 + size
        if size and end <= self._limit and crc32(memory[position + 8 : end]) == checksum:
            self._position = end
            self._count += 1
        else:
            RECORD.pack_into(memory, position, 0, 0)

    def _write_out(self, payload: bytes) -> None:
        """Append to a growing segment; a partial write is taken back."""
        record = RECORD.pack(len(payload), crc32(payload)) + payload
        try:
            written = os.write(self._fd, record)
        except OSError:
            written = -1
        if written != len(record):
            os.ftruncate(self._fd, self._position)
            self._limit = 0
            raise OSError(f"the spool at {self._directory} cannot be written; is the disk full?")

    def _make_room(self, size: int) -> bool:
        """Begin a segment for a payload of `size` bytes. False where there is none to be had: the record is dropped."""
        if self._closed:
            raise ValueError(f"this process has ended its part of {self.named}; nothing more can be logged to it")
        if monotonic() < self._retry_at:
            return self._use_reserve(size) or self._count_dropped()
        try:
            if not self._directory:
                self._make_folder()
            self._next_segment(size)
        except OSError as error:
            return self._use_reserve(size) or self._drop(error)
        if self._dropped > self._told:
            self._deferred.append(self._dropped_payload())
        return True

    def _use_reserve(self, size: int) -> bool:
        """Whether a record of the writer's end fits the room that was kept for it."""
        if not self._ending or self._memory is None or self._position + 8 + size > self._end:
            return False
        remove_segment(self._directory, self._segment)
        self._limit = self._end
        return True

    def _dropped_payload(self) -> bytes:
        """The record that shows on the run how many records were dropped."""
        self._told = self._dropped
        return json_payload(Kind.TAGS, {"set": {"trackway.dropped_records": str(self._dropped)}, "delete": []})

    def _next_segment(self, size: int) -> None:
        """Replace the segment being written by a new one. Raises OSError, the old one then stays as it is."""
        check_bound(self._root, segment_size(self._segment, size + _RESERVE))
        if self._growing:
            fd = create_growing_segment(self._directory, self._segment, self.writer_id, self._count)
            memory, end = None, HEADER.size + max(4 << 20, size + RECORD.size)
        else:
            fd, end = create_segment(self._directory, self._segment, self.writer_id, self._count, size + _RESERVE)
            memory = mmap(fd, end)
        self._release()
        self._fd, self._memory, self._end = fd, memory, end
        self._limit = end if memory is None else end - _RESERVE
        self._position = HEADER.size
        self._segment += 1
        self._poke(flush=False)

    def _release(self) -> None:
        """Give back the file of the finished segment, cut to what was written.

        An exception out of a signal handler may end this at any call: what is closed is forgotten before.
        """
        memory, self._memory = self._memory, None
        fd, self._fd = self._fd, -1
        self._limit = self._end = 0
        if memory is not None:
            memory.close()
            os.ftruncate(fd, self._position)
        if fd >= 0:
            os.close(fd)

    def _count_dropped(self) -> bool:
        self._dropped += 1
        return False

    def _drop(self, error: OSError) -> bool:
        """Count a record that cannot be recorded, and say so once. Answers False, for it was not."""
        if self._dropped == self._told:
            where = self._directory or self._root
            reason = error.strerror or str(error)
            sys.stderr.write(
                f"trackway: cannot record to {where}: {reason}. Training goes on; what is logged until there is room "
                "is lost and counted. Free some space or set TRACKWAY_SPOOL_DIR.\n"
            )
        self._retry_at = monotonic() + _RETRY_SECONDS
        return self._count_dropped()

    def _append_json(self, kind: int, value: Mapping[str, object]) -> None:
        self._append(json_payload(kind, value))


def json_payload(kind: int, value: Mapping[str, object]) -> bytes:
    """The payload of a record that holds a JSON object."""
    text = to_json(value).encode("ascii")
    return RECORD.pack(kind, 0) + text.ljust(-(-len(text) // 8) * 8)

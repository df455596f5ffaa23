"""The data directory: made where it is missing, writable, and in use by one server."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trackway_server.app.options import Target
from trackway_server.core.lifecycle import StartupError


@contextmanager
def claimed_data_dir(path: Path, target: Target) -> Iterator[Path]:
    """The absolute directory, locked for this process inside the block.

    `all` owns the whole directory; single-service targets may share it, each service once. The locks are the
    kernel's, so a killed server leaves none behind. Raises StartupError where the directory cannot be used.
    """
    folder = _made(path)
    with ExitStack() as locks:
        held = [locks.enter_context(_locked(folder, file, mode)) for file, mode in _locks(folder, target)]
        for descriptor in held:
            _sign(folder, descriptor)
        yield folder


def _locks(folder: Path, target: Target) -> list[tuple[Path, int]]:
    if target is Target.ALL:
        return [(folder / "lock", fcntl.LOCK_EX)]
    return [(folder / "lock", fcntl.LOCK_SH), (folder / f"lock.{target.value}", fcntl.LOCK_EX)]


def _made(path: Path) -> Path:
    try:
        folder = path.expanduser().resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartupError(f"the data directory {folder} is not writable: change its owner, or name another --data-dir")
    return folder


@contextmanager
def _locked(folder: Path, file: Path, mode: int) -> Iterator[int]:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        _lock(folder, descriptor, mode)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(folder: Path, descriptor: int, mode: int) -> None:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        raise StartupError(
            f"the data directory {folder} is in use by another server (process {holder}):"
            " stop that one, or name another --data-dir"
        ) from None


def _sign(folder: Path, descriptor: int) -> None:
    """Write who holds the lock, over what is there: a reader that comes in between finds a number."""
    try:
        os.pwrite(descriptor, f"{os.getpid():<31}\n".encode(), 0)
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(path: Path, error: OSError) -> StartupError:
    reason = error.strerror or str(error)
    return StartupError(f"the data directory {path} cannot be used: {reason}; name another --data-dir")

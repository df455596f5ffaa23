"""How a training process reaches the uplink: a datagram to a socket that only this user can open.

The socket lies in a folder of the machine, not of the spool, since a spool may be on a network file system. It is made
with mode 0700 and refused if someone else owns it. A datagram is one JSON object: {"spool": PATH, "flush": bool} and,
where they are not in the profile, {"uri": …, "token": …, "files": {"ca_file": PATH, …}}; keys stay in the uplink's
memory, and of files (of TLS, or with a token) only the paths travel. The first of a run may have {"source": …}, what is
to be recorded of that: see `_source/starting.py`.
"""

from __future__ import annotations

import os
import stat
import sys
from zlib import crc32

from trackway._ingest.text import to_json


def runtime_folder() -> str:
    """The folder of sockets and locks of this user on this machine, made where it is missing.

    Raises PermissionError where somebody else owns it or may enter it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = os.path.join(base, "trackway") if base else f"/tmp/trackway-{os.getuid()}"  # noqa: S108 - checked below
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        os.makedirs(folder, 0o700, exist_ok=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder} must be a folder of yours with mode 0700; remove it or set XDG_RUNTIME_DIR")
    return folder


def socket_path(root: str) -> str:
    """Where the uplink of this spool root listens."""
    return os.path.join(runtime_folder(), f"uplink-{crc32(os.path.realpath(root).encode()):08x}.sock")


def ring(root: str, message: dict[str, object], *, start: bool = True) -> bool:
    """Tell the uplink of this root, and start it where none listens; False where this process is still starting one,
    which the message does not reach. It never waits and never raises OSError.

    With `TRACKWAY_UPLINK=off` in the environment nobody is told: the spool then waits for `trackway sync`.
    """
    if os.environ.get("TRACKWAY_UPLINK") == "off":
        return True
    import _socket

    try:
        path = socket_path(root)
        with_socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    except OSError:
        return True
    try:
        with_socket.setblocking(False)
        with_socket.sendto(to_json(message).encode(), path)
    except (FileNotFoundError, ConnectionRefusedError):
        reap()
        # A machine that starts processes slowly gets no more of them for that: 64 ranks once had 1,400 starters.
        if start and _children:
            return False
        if start:
            _start_uplink(root, message)
    except OSError:
        pass  # a full queue: the uplink has been told often enough and looks into the spool by itself
    finally:
        with_socket.close()
    return True


def _start_uplink(root: str, message: dict[str, object]) -> None:
    """Start the uplink, detached. Its first message travels in its environment, where only this user can read it."""
    environment = {**os.environ, "TRACKWAY_UPLINK_HELLO": to_json(message)}
    package_parent = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = f"import sys; sys.path.insert(0, {package_parent!r}); from trackway._ingest.uplink import main; main()"
    quiet = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.path.join(root, "uplink.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
    ]
    executable = sys.executable or "python3"
    try:
        child = os.posix_spawn(executable, [executable, "-P", "-c", code, root], environment, file_actions=quiet)
    except OSError:
        return  # the spool is complete without an uplink; flush() and `trackway sync` try again
    _children.append(child)


_children: list[int] = []


def reap() -> None:
    """Collect starters that have ended (an uplink detaches itself from its starter), without waiting."""
    for child in list(_children):
        try:
            ended, _ = os.waitpid(child, os.WNOHANG)
        except ChildProcessError:
            ended = child
        if ended:
            _children.remove(child)

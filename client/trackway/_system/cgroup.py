"""What a container may use, and uses: limits and counters of cgroups, version 2 and 1 (Linux, cgroups(7)).

A limit may stand at any level above the process; the tightest one counts, and usage is read where it stands. Nothing is
kept open, and whatever cannot be read counts as no limit. `root` is where the file system begins: tests have their own.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_LIMIT = 1 << 60
"""Version 1 says so as a number near 2^63."""


class CpuLimit:
    """How many cores a cgroup may use, and how many core seconds it has used."""

    __slots__ = ("_folder", "_version", "cores")

    def __init__(self, folder: str, version: int, cores: float) -> None:
        self._folder = folder
        self._version = version
        self.cores = cores

    def used_seconds(self) -> float:
        """Core seconds used since the cgroup was made. Raises OSError or ValueError where that cannot be read."""
        if self._version == 2:
            return int(_fields(os.path.join(self._folder, "cpu.stat"))["usage_usec"]) / 1e6
        return int(_read(os.path.join(self._folder, "cpuacct.usage"))) / 1e9


class MemoryLimit:
    """How many bytes a cgroup may use, and uses."""

    __slots__ = ("_folder", "_version", "bytes")

    def __init__(self, folder: str, version: int, limit: int) -> None:
        self._folder = folder
        self._version = version
        self.bytes = limit

    def used_bytes(self) -> int:
        """Bytes in use, without the part of the page cache that would be given back first. Raises as above."""
        name, cache = ("memory.current", "inactive_file") if self._version == 2 else _NAMES_OF_1
        used = int(_read(os.path.join(self._folder, name)))
        reclaimable = int(_fields(os.path.join(self._folder, "memory.stat")).get(cache, "0"))
        return max(used - reclaimable, 0)


_NAMES_OF_1 = ("memory.usage_in_bytes", "total_inactive_file")


def cpu_limit(root: str = "/") -> CpuLimit | None:
    """The tightest limit on processor time above this process; None where there is none."""
    found: list[CpuLimit] = []
    for folder in _folders(root, ""):
        quota, _, period = _read_or_nothing(os.path.join(folder, "cpu.max")).partition(" ")
        if quota.isdigit() and period.isdigit() and int(quota) and int(period):
            found.append(CpuLimit(folder, 2, int(quota) / int(period)))
    counters = next(_folders(root, "cpuacct"), "")
    for folder in _folders(root, "cpu"):
        quota = _read_or_nothing(os.path.join(folder, "cpu.cfs_quota_us"))
        period = _read_or_nothing(os.path.join(folder, "cpu.cfs_period_us"))
        if quota.isdigit() and period.isdigit() and int(quota) and int(period):
            found.append(CpuLimit(counters, 1, int(quota) / int(period)))
    return min(found, key=lambda each: each.cores, default=None)


def memory_limit(root: str = "/") -> MemoryLimit | None:
    """The tightest limit on memory above this process; None where there is none."""
    found = []
    for version, controller, name in ((2, "", "memory.max"), (1, "memory", "memory.limit_in_bytes")):
        for folder in _folders(root, controller):
            limit = _read_or_nothing(os.path.join(folder, name))
            if limit.isdigit() and int(limit) < _NO_LIMIT:
                found.append(MemoryLimit(folder, version, int(limit)))
    return min(found, key=lambda each: each.bytes, default=None)


def _folders(root: str, controller: str) -> Iterator[str]:
    """The folders of this process's cgroup and of those above it, of a controller of version 1 or, where it is empty,
    of version 2."""
    mounted = _mount(root, controller)
    if mounted is None:
        return
    mount_root, folder = mounted
    path = _own_path(root, controller)
    within = path[len(mount_root.rstrip("/")) :] if path.startswith(mount_root) else ""
    parts = [part for part in within.split("/") if part and part != ".."]
    for count in range(len(parts), -1, -1):
        candidate = os.path.join(folder, *parts[:count])
        if os.path.isdir(candidate):
            yield candidate


def _own_path(root: str, controller: str) -> str:
    for line in _read_or_nothing(os.path.join(root, "proc/self/cgroup")).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controller in controllers.split(",") and (controller or not controllers):
            return path
    return "/"


def _mount(root: str, controller: str) -> tuple[str, str] | None:
    """(what of the hierarchy is mounted, where): proc(5), mountinfo."""
    for line in _read_or_nothing(os.path.join(root, "proc/self/mountinfo")).splitlines():
        mount, _, source = line.partition(" - ")
        fields, kind = mount.split(" "), source.split(" ")
        if len(fields) < 5 or len(kind) < 3:
            continue
        is_wanted = controller in kind[2].split(",") if controller else True
        if is_wanted and kind[0] == ("cgroup" if controller else "cgroup2"):
            return fields[3], os.path.join(root, fields[4].lstrip("/"))
    return None


def _fields(path: str) -> dict[str, str]:
    """A file of names and numbers, one pair a line."""
    pairs = (line.split() for line in _read(path).splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _read_or_nothing(path: str) -> str:
    try:
        return _read(path)
    except (OSError, ValueError):
        return ""


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read().strip()

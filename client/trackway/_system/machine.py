"""Processor, memory, disk and network of this machine, or of the container that the process may use.

Read from `/proc` and from cgroups, on Linux; elsewhere nothing is measured. The names are MLflow's, a megabyte is 10^6
bytes. Network and processor are counted from the making of the object.
"""

from __future__ import annotations

import os
from time import monotonic

from trackway._system.cgroup import cpu_limit, memory_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Source = Callable[[], dict[str, float]]

_MEGA = 1e6


def sources(root: str = "/") -> list[Source]:
    """One function for each part that can be measured here; each answers values by name, and may raise."""
    found: list[Source] = []
    for make in (Processor, Memory, Disk, Network):
        try:
            source = make(root)
            source()
        except (OSError, ValueError, KeyError, IndexError, AttributeError):
            continue
        found.append(source)
    return found


class Processor:
    """How busy the processor time is that the process may use: the container's quota, else the cores that it may run
    on."""

    def __init__(self, root: str = "/") -> None:
        self._stat = os.path.join(root, "proc/stat")
        self._limit = cpu_limit(root)
        self._cores = os.sched_getaffinity(0)
        if self._limit is not None and self._limit.cores >= len(self._cores):
            self._limit = None
        self._before = self._counters()

    def __call__(self) -> dict[str, float]:
        """The share since the last time."""
        before, self._before = self._before, self._counters()
        busy, available = (now - then for now, then in zip(self._before, before, strict=True))
        if available <= 0:
            return {}
        return {"cpu_utilization_percentage": min(max(100.0 * busy / available, 0.0), 100.0)}

    def _counters(self) -> tuple[float, float]:
        """(busy, available), in one unit, since some time."""
        if self._limit is not None:
            return self._limit.used_seconds(), monotonic() * self._limit.cores
        busy = available = 0
        with open(self._stat, encoding="ascii") as file:
            for line in file:
                name, _, numbers = line.partition(" ")
                if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in self._cores:
                    times = [int(each) for each in numbers.split()[:8]]  # guest time is in user time already
                    available += sum(times)
                    busy += sum(times) - times[3] - times[4]
        return float(busy), float(available)


class Memory:
    """Memory in use: of the container where it has a limit, else of the machine."""

    def __init__(self, root: str = "/") -> None:
        self._path = os.path.join(root, "proc/meminfo")
        total, _ = self._of_machine()
        limit = memory_limit(root)
        self._limit = limit if limit is not None and limit.bytes < total else None

    def __call__(self) -> dict[str, float]:
        """Now."""
        total, used = self._of_machine()
        if self._limit is not None:
            total, used = self._limit.bytes, self._limit.used_bytes()
        return {
            "system_memory_usage_megabytes": used / _MEGA,
            "system_memory_usage_percentage": 100.0 * used / total,
        }

    def _of_machine(self) -> tuple[int, int]:
        """(all, in use) in bytes."""
        kilobytes = {}
        with open(self._path, encoding="ascii") as file:
            for line in file:
                name, _, rest = line.partition(":")
                kilobytes[name] = int(rest.split()[0])
        return kilobytes["MemTotal"] * 1024, (kilobytes["MemTotal"] - kilobytes["MemAvailable"]) * 1024


class Disk:
    """The file system at `/`."""

    def __init__(self, root: str = "/") -> None:
        self._root = root

    def __call__(self) -> dict[str, float]:
        """Now; the share is of what users may fill, as `df` says it."""
        status = os.statvfs(self._root)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        free = status.f_bavail * status.f_frsize
        return {
            "disk_usage_percentage": 100.0 * used / (used + free),
            "disk_usage_megabytes": used / _MEGA,
            "disk_available_megabytes": free / _MEGA,
        }


class Network:
    """All interfaces of the network namespace but loopback, since the beginning."""

    def __init__(self, root: str = "/") -> None:
        self._path = os.path.join(root, "proc/net/dev")
        self._first = self._counters()

    def __call__(self) -> dict[str, float]:
        """Since the beginning."""
        received, sent = (max(now - then, 0) for now, then in zip(self._counters(), self._first, strict=True))
        return {"network_receive_megabytes": received / _MEGA, "network_transmit_megabytes": sent / _MEGA}

    def _counters(self) -> tuple[int, int]:
        received = sent = 0
        with open(self._path, encoding="ascii") as file:
            for line in file.readlines()[2:]:
                name, _, rest = line.partition(":")
                if name.strip() != "lo":
                    numbers = rest.split()
                    received += int(numbers[0])
                    sent += int(numbers[8])
        return received, sent

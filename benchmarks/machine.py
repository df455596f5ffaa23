"""What the numbers were measured on. Names no path, host or user."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil


def machine_lines(work: Path) -> list[str]:
    """The machine, the versions and the state it was in, for people who compare two results."""
    memory = psutil.virtual_memory().total / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    packages = ", ".join(
        f"{name} {_version(name)}" for name in ("trackway", "grpcio", "protobuf", "numpy", "sqlalchemy")
    )
    return [
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC; load average at the start {load:.1f}",
        f"{_cpu_model()}, {cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}",
        f"data and spools on {_filesystem(work)}",
        f"Python {platform.python_version()}; {packages}",
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _filesystem(path: Path) -> str:
    """Type of the filesystem that holds `path`: an fsync on tmpfs costs nothing, so it belongs beside the numbers."""
    holders = [part for part in psutil.disk_partitions(all=True) if path.resolve().is_relative_to(part.mountpoint)]
    return max(holders, key=lambda part: len(part.mountpoint)).fstype if holders else "unknown filesystem"

"""Which process wrote a spool, and whether it still lives.

A process id alone is reused; with the start time of the process, the boot of the machine and the machine it names one
process for ever. A spool that came from another machine says nothing about its process: it counts as alive there.
"""

from __future__ import annotations

import os


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def machine() -> str:
    """This machine, as far as it can be told: its id and host name."""
    return f"{_first_line('/etc/machine-id')}/{os.uname().nodename}"


def boot() -> str:
    """This boot of this machine; empty where the system does not tell."""
    return _first_line("/proc/sys/kernel/random/boot_id")


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since boot; 0 where there is no such process or no /proc."""
    stat = _first_line(f"/proc/{pid}/stat")
    fields = stat[stat.rfind(")") + 2 :].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return 0
    return int(fields[19])


def is_alive(*, pid: int, started: int, boot_id: str, machine_id: str) -> bool:
    """Whether the process may still write. Where that cannot be known, the answer is yes."""
    if machine_id != machine():
        return True
    if boot_id != boot():
        return False
    if started:
        return start_time(pid) == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

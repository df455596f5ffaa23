"""Limits and usage of containers, from trees of files as kernels show them, and from this machine's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trackway._system.cgroup import cpu_limit, memory_limit
from trackway._system.machine import Memory, Processor, sources

MEMINFO = "MemTotal:       8000000 kB\nMemFree:        1000000 kB\nMemAvailable:   6000000 kB\n"
STAT = "cpu  10 0 10 80 0 0 0 0 0 0\n" + "".join(f"cpu{core} 10 0 10 70 10 0 0 0 0 0\n" for core in range(256))
NET = "Inter-|\n face |\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n  eth0: {} 1 0 0 0 0 0 0 {} 1 0 0 0 0 0 0\n"


def tree(root: Path, files: dict[str, str]) -> str:
    base = {"proc/meminfo": MEMINFO, "proc/stat": STAT, "proc/net/dev": NET.format(5, 6)}
    for name, text in {**base, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip("\n") + "\n")
    return str(root)


V2 = "30 23 0:26 {} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw"
V1 = "\n".join(
    f"3{number} 23 0:3{number} {{}} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}"
    for number, name in enumerate(["cpu,cpuacct", "memory"])
)


def test_a_container_of_version_2(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/"
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "0::/",
            "proc/self/mountinfo": V2.format("/"),
            folder + "memory.max": "1000000000",
            folder + "memory.current": "600000000",
            folder + "memory.stat": "anon 1\ninactive_file 100000000",
            folder + "cpu.max": "150000 100000",
            folder + "cpu.stat": "usage_usec 2500000\nuser_usec 1",
        },
    )
    memory, cpu = memory_limit(root), cpu_limit(root)
    assert memory is not None and cpu is not None
    assert (memory.bytes, memory.used_bytes(), cpu.cores, cpu.used_seconds()) == (10**9, 5 * 10**8, 1.5, 2.5)
    assert Memory(root)() == {"system_memory_usage_megabytes": 500.0, "system_memory_usage_percentage": 50.0}


def test_the_tightest_limit_above_the_process_counts(tmp_path: Path) -> None:
    step = "sys/fs/cgroup/slurm/job_1/step_0/"
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "0::/slurm/job_1/step_0",
            "proc/self/mountinfo": V2.format("/"),
            step + "memory.max": "max",
            step + "cpu.max": "max 100000",
            "sys/fs/cgroup/slurm/job_1/memory.max": "2000",
            "sys/fs/cgroup/slurm/job_1/memory.current": "500",
            "sys/fs/cgroup/slurm/job_1/memory.stat": "",
            "sys/fs/cgroup/slurm/memory.max": "3000",
        },
    )
    memory = memory_limit(root)
    assert memory is not None
    assert (memory.bytes, memory.used_bytes(), cpu_limit(root)) == (2000, 500, None)


@pytest.mark.parametrize("mount_root", ["/", "/docker/abc"])
def test_a_container_of_version_1(tmp_path: Path, mount_root: str) -> None:
    path = "/docker/abc"
    within = path.removeprefix(mount_root).strip("/")
    memory_folder, cpu_folder = f"sys/fs/cgroup/memory/{within}/", f"sys/fs/cgroup/cpu,cpuacct/{within}/"
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": f"5:memory:{path}\n4:cpu,cpuacct:{path}\n1:name=systemd:{path}",
            "proc/self/mountinfo": V1.format(mount_root, mount_root),
            memory_folder + "memory.limit_in_bytes": "1000",
            memory_folder + "memory.usage_in_bytes": "700",
            memory_folder + "memory.stat": "cache 1\ntotal_inactive_file 200",
            cpu_folder + "cpu.cfs_quota_us": "200000",
            cpu_folder + "cpu.cfs_period_us": "100000",
            cpu_folder + "cpuacct.usage": "3000000000",
        },
    )
    memory, cpu = memory_limit(root), cpu_limit(root)
    assert memory is not None and cpu is not None
    assert (memory.bytes, memory.used_bytes(), cpu.cores, cpu.used_seconds()) == (1000, 500, 2.0, 3.0)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/../..", "proc/self/mountinfo": V2.format("/")},
        {"proc/self/cgroup": "nonsense\n::\n", "proc/self/mountinfo": "a - b\n\n- \n" + V2.format("/x")},
        {
            "proc/self/cgroup": "0::/",
            "proc/self/mountinfo": V2.format("/"),
            "sys/fs/cgroup/memory.max": "x",
            "sys/fs/cgroup/cpu.max": "0 0",
        },
        {
            "proc/self/cgroup": "5:memory:/",
            "proc/self/mountinfo": V1.format("/", "/"),
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**63 - 4096),
        },
    ],
)
def test_what_says_nothing_limits_nothing(tmp_path: Path, files: dict[str, str]) -> None:
    root = tree(tmp_path, files)
    assert (memory_limit(root), cpu_limit(root)) == (None, None)
    assert Memory(root)()["system_memory_usage_percentage"] == 25.0


def test_the_processor_is_that_which_the_process_may_use(tmp_path: Path) -> None:
    root = tree(tmp_path, {})
    measure = Processor(root)
    assert measure() == {}  # no time has passed
    mine = min(os.sched_getaffinity(0))
    lines = [
        f"cpu{core} 40 0 10 110 20 0 0 0 0 0" if core == mine else f"cpu{core} 10 0 10 70 10 0 0 0 0 0"
        for core in range(256)
    ]
    (tmp_path / "proc/stat").write_text("cpu  0\n" + "\n".join(lines) + "\n")
    busy = measure()["cpu_utilization_percentage"]
    assert busy == pytest.approx(37.5)  # 30 of the 80 ticks of the only core on which time has passed


def test_a_part_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    root = tree(tmp_path, {})
    for name in ("proc/stat", "proc/net/dev"):
        (tmp_path / name).unlink()
    names = {name for source in sources(root) for name in source()}
    assert names == {
        "system_memory_usage_megabytes",
        "system_memory_usage_percentage",
        "disk_usage_percentage",
        "disk_usage_megabytes",
        "disk_available_megabytes",
    }


def test_this_machine_is_measured() -> None:
    values = {name: value for source in sources() for name, value in source().items()}
    assert {"system_memory_usage_megabytes", "disk_usage_percentage", "network_receive_megabytes"} <= set(values)
    assert 0 < values["system_memory_usage_percentage"] <= 100

"""GPUs, over the real library where no driver is, and over a library that answers as NVML would."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from trackway._system import gpu


class NVMLError(Exception):
    pass


class Driver(SimpleNamespace):
    """NVML with two GPUs; the second cannot tell its power."""

    NVMLError = NVMLError
    open = 0

    def nvmlInit(self) -> None:
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUUID(self, device: int) -> str:
        return f"GPU-{device}abc-def"

    def nvmlDeviceGetUtilizationRates(self, device: int) -> Any:
        return SimpleNamespace(gpu=30 + device)

    def nvmlDeviceGetMemoryInfo(self, device: int) -> Any:
        return SimpleNamespace(used=2_000_000, total=8_000_000)

    def nvmlDeviceGetPowerUsage(self, device: int) -> int:
        if device:
            raise NVMLError
        return 150_000

    def nvmlDeviceGetEnforcedPowerLimit(self, device: int) -> int:
        return 300_000


ALL = {
    "gpu_0_utilization_percentage": 30.0,
    "gpu_0_memory_usage_megabytes": 2.0,
    "gpu_0_memory_usage_percentage": 25.0,
    "gpu_0_power_usage_watts": 150.0,
    "gpu_0_power_usage_percentage": 50.0,
    "gpu_1_utilization_percentage": 31.0,
    "gpu_1_memory_usage_megabytes": 2.0,
    "gpu_1_memory_usage_percentage": 25.0,
}


@pytest.mark.parametrize(
    ("visible", "seen"), [(None, "01"), ("", ""), ("1", "1"), ("GPU-0abc", "0"), ("1, GPU-0abc-def", "01"), ("-1", "")]
)
def test_the_gpus_that_the_process_may_see(monkeypatch: pytest.MonkeyPatch, visible: str | None, seen: str) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    driver: Any = Driver()
    gpus = gpu.Gpus(driver)
    assert gpus() == {name: value for name, value in ALL.items() if name[4] in seen}
    gpus.close()
    assert driver.open == 0


def test_the_real_library_says_when_there_is_no_driver() -> None:
    pynvml = pytest.importorskip("pynvml")
    if gpu.driver_is_there():
        gpus = gpu.Gpus()
        assert all(name.startswith("gpu_") for name in gpus())
        gpus.close()
        return
    with pytest.raises(pynvml.NVMLError):
        gpu.Gpus()

"""NVIDIA GPUs, through `nvidia-ml-py` (the module `pynvml`), where it is installed and a driver is there.

Measured are those that the process may see (CUDA_VISIBLE_DEVICES), under the driver's numbers, so that all processes of
a machine name a GPU the same.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg")
_MEGA = 1e6


def driver_is_there() -> bool:
    """Whether this machine seems to have a driver. Asked first: importing the library costs milliseconds."""
    return any(os.path.exists(path) for path in _DRIVERS)


class Gpus:
    """The GPUs of this process. Making it raises ImportError or the library's error where there are none to ask."""

    def __init__(self, library: ModuleType | None = None) -> None:
        if library is None:
            import pynvml

            library = pynvml
        self._library: Any = library
        self._library.nvmlInit()
        self._devices = self._visible()

    def __call__(self) -> dict[str, float]:
        """What each GPU can tell now; what one cannot is left out."""
        values: dict[str, float] = {}
        for index, device in self._devices:
            for measure in (self._utilization, self._memory, self._power):
                try:
                    found = measure(device)
                except self._library.NVMLError:
                    continue
                values.update((f"gpu_{index}_{name}", value) for name, value in found.items())
        return values

    def close(self) -> None:
        """Let go of the driver."""
        self._library.nvmlShutdown()

    def _visible(self) -> list[tuple[int, Any]]:
        """(number, handle) of each GPU that the process may see."""
        count = self._library.nvmlDeviceGetCount()
        devices = [(index, self._library.nvmlDeviceGetHandleByIndex(index)) for index in range(count)]
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        if chosen is None:
            return devices
        names = [name.strip() for name in chosen.split(",") if name.strip()]
        return [(index, device) for index, device in devices if self._is_named(index, device, names)]

    def _is_named(self, index: int, device: Any, names: list[str]) -> bool:
        uuid = self._library.nvmlDeviceGetUUID(device)
        text = uuid.decode() if isinstance(uuid, bytes) else str(uuid)
        return any(name == str(index) or (name.startswith("GPU-") and text.startswith(name)) for name in names)

    def _utilization(self, device: Any) -> dict[str, float]:
        return {"utilization_percentage": float(self._library.nvmlDeviceGetUtilizationRates(device).gpu)}

    def _memory(self, device: Any) -> dict[str, float]:
        memory = self._library.nvmlDeviceGetMemoryInfo(device)
        return {
            "memory_usage_megabytes": memory.used / _MEGA,
            "memory_usage_percentage": 100.0 * memory.used / memory.total,
        }

    def _power(self, device: Any) -> dict[str, float]:
        watts = self._library.nvmlDeviceGetPowerUsage(device) / 1000
        values = {"power_usage_watts": watts}
        try:
            limit = self._library.nvmlDeviceGetEnforcedPowerLimit(device) / 1000
        except self._library.NVMLError:
            return values
        return {**values, "power_usage_percentage": 100.0 * watts / limit} if limit else values

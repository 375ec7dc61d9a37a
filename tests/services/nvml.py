"""A stand-in for the NVML binding: two cards, and any call can be made to fail."""

from types import SimpleNamespace
from typing import Any

import pynvml


class FakeNvml:
    """Answers as `pynvml` does, with its own error classes and units; `errors` is call → code."""

    NVMLError = pynvml.NVMLError
    NVML_ERROR_LIBRARY_NOT_FOUND = pynvml.NVML_ERROR_LIBRARY_NOT_FOUND
    NVML_ERROR_DRIVER_NOT_LOADED = pynvml.NVML_ERROR_DRIVER_NOT_LOADED
    NVML_CLOCK_MEM = pynvml.NVML_CLOCK_MEM

    def __init__(self, errors: dict[str, int] | None = None) -> None:
        self.errors = errors or {}
        self.is_open = False
        self.names: list[Any] = ["NVIDIA GeForce RTX 4070", b"NVIDIA T4"]
        self.total_bytes = 12 * 2**30
        self.used_bytes = 5 * 2**30
        self.memory_megahertz = 10_501
        self.bus_bits = 192

    def _check(self, call: str) -> None:
        if call in self.errors:
            raise pynvml.NVMLError(self.errors[call])

    def nvmlInit(self) -> None:
        self._check("nvmlInit")
        self.is_open = True

    def nvmlShutdown(self) -> None:
        self._check("nvmlShutdown")
        self.is_open = False

    def nvmlDeviceGetCount(self) -> int:
        self._check("nvmlDeviceGetCount")
        return len(self.names)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._check("nvmlDeviceGetHandleByIndex")
        return index

    def nvmlDeviceGetName(self, handle: int) -> Any:
        self._check("nvmlDeviceGetName")
        return self.names[handle]

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        self._check("nvmlDeviceGetUtilizationRates")
        return SimpleNamespace(gpu=37, memory=12)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        self._check("nvmlDeviceGetMemoryInfo")
        free = self.total_bytes - self.used_bytes
        return SimpleNamespace(total=self.total_bytes, used=self.used_bytes, free=free)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        self._check("nvmlDeviceGetTemperature")
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        self._check("nvmlDeviceGetPowerUsage")
        return 143_500

    def nvmlDeviceGetMaxClockInfo(self, handle: int, clock: int) -> int:
        self._check("nvmlDeviceGetMaxClockInfo")
        # the processor's own clock, 0, is another one
        return self.memory_megahertz if clock == self.NVML_CLOCK_MEM else 3_105

    def nvmlDeviceGetMemoryBusWidth(self, handle: int) -> int:
        self._check("nvmlDeviceGetMemoryBusWidth")
        return self.bus_bits

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
    NVML_ERROR_NOT_FOUND = pynvml.NVML_ERROR_NOT_FOUND

    def __init__(self, errors: dict[str, int] | None = None) -> None:
        self.errors = errors or {}
        self.is_open = False
        self.names: list[Any] = ["NVIDIA GeForce RTX 4070", b"NVIDIA T4"]
        self.total_bytes = 12 * 2**30
        self.used_bytes = 5 * 2**30
        self.memory_megahertz = 10_501
        self.bus_bits = 192
        self.computing: list[tuple[int, int | None]] = []
        """Process and its bytes on each card; a driver within a container lists none."""
        self.painting: list[tuple[int, int | None]] = []
        self.at_work: list[tuple[int, int, int]] = []
        """Stamp in microseconds, process, and the percent of the card it had."""

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

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        self._check("nvmlDeviceGetComputeRunningProcesses")
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in self.computing]

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        self._check("nvmlDeviceGetGraphicsRunningProcesses")
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in self.painting]

    def nvmlDeviceGetProcessUtilization(self, handle: int, since_us: int) -> list[SimpleNamespace]:
        self._check("nvmlDeviceGetProcessUtilization")
        new = [entry for entry in self.at_work if entry[0] > since_us]
        if not new:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return [
            SimpleNamespace(timeStamp=stamp, pid=pid, smUtil=percent) for stamp, pid, percent in new
        ]

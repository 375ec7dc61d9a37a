"""What the graphics cards say of themselves, as far as each maker's interface tells."""

import contextlib
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

NO_GPU = "No graphics card found: models run on the processor"
_WHOLE_PERCENT = 100


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """What one process takes of a card; `None` is unknown."""

    pid: int
    load_percent: float | None
    """Share of the card's time since the look before, 0 … 100."""
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One graphics card at one moment; of the whole card, not of this program. `None`: unknown."""

    name: str
    load_percent: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    """`None` also where the card shares the computer's memory."""
    temperature_c: float | None = None
    power_w: float | None = None
    bandwidth_bytes_per_s: float | None = None
    """How fast the card's memory can be read at most: worked out from its data sheet's values, not
    measured."""
    processes: tuple[GpuProcess, ...] | None = None
    """Every process that uses the card; `None` where the driver does not tell."""


class GpuReader(Protocol):
    """Reads the cards of one maker; its calls may block."""

    def read(self) -> tuple[GpuSample, ...]:
        """Return a sample of each card."""
        ...

    def close(self) -> None:
        """Give the interface back, where one is held."""
        ...


class NvidiaReader:
    """NVIDIA cards through NVML. Any call may be unsupported on any card: each is asked alone."""

    def __init__(self, library: Any) -> None:
        """Start NVML; raises `library.NVMLError` where there is no driver."""
        self._library = library
        self._seen_us: dict[str, int] = {}
        """Stamp of the newest sample of processes seen so far, by the card's place."""
        library.nvmlInit()

    def read(self) -> tuple[GpuSample, ...]:
        count = self._ask("nvmlDeviceGetCount") or 0
        handles = (self._ask("nvmlDeviceGetHandleByIndex", index) for index in range(count))
        return tuple(
            self._sample(f"NVIDIA GPU {index}", handle)
            for index, handle in enumerate(handles)
            if handle is not None
        )

    def close(self) -> None:
        self._ask("nvmlShutdown")

    def _sample(self, fallback: str, handle: Any) -> GpuSample:
        name = self._ask("nvmlDeviceGetName", handle)
        load = self._ask("nvmlDeviceGetUtilizationRates", handle)
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        # 0 is NVML_TEMPERATURE_GPU, the only sensor there is
        temperature = self._ask("nvmlDeviceGetTemperature", handle, 0)
        milliwatts = self._ask("nvmlDeviceGetPowerUsage", handle)
        return GpuSample(
            name=_text(name) or fallback,
            load_percent=None if load is None else float(load.gpu),
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            temperature_c=None if temperature is None else float(temperature),
            power_w=None if milliwatts is None else milliwatts / 1000,
            bandwidth_bytes_per_s=self._bandwidth(handle),
            processes=self._processes(fallback, handle),
        )

    def _processes(self, card: str, handle: Any) -> tuple[GpuProcess, ...] | None:
        """Return who uses the card; `None` where that is not told.

        An empty list tells nothing either: in a container the driver lists no process at all.
        Windows lists them without their memory (WDDM).
        """
        lists = [
            self._ask("nvmlDeviceGetComputeRunningProcesses", handle),
            self._ask("nvmlDeviceGetGraphicsRunningProcesses", handle),
        ]
        if None in lists:
            return None
        memory: dict[int, int | None] = {}
        for process in (process for found in lists for process in found):
            used = process.usedGpuMemory
            if used is not None or process.pid not in memory:
                # one that computes and paints is in both lists, with all it has
                memory[process.pid] = used
        loads = self._loads(card, handle)
        return (
            tuple(
                GpuProcess(pid, None if loads is None else loads.get(pid, 0.0), used)
                for pid, used in memory.items()
            )
            or None
        )

    def _loads(self, card: str, handle: Any) -> Mapping[int, float] | None:
        """Return the mean load of each process that was at work since the look before."""
        seen_us = self._seen_us.get(card, 0)
        try:
            samples = self._library.nvmlDeviceGetProcessUtilization(handle, seen_us)
        except (self._library.NVMLError, AttributeError) as error:
            # nobody was at work
            idle = getattr(self._library, "NVML_ERROR_NOT_FOUND", None)
            return {} if idle is not None and getattr(error, "value", None) == idle else None
        found: defaultdict[int, list[float]] = defaultdict(list)
        for sample in samples:
            # entries that no driver has filled in are among them
            if sample.timeStamp > seen_us and sample.smUtil <= _WHOLE_PERCENT:
                found[sample.pid].append(float(sample.smUtil))
                self._seen_us[card] = max(self._seen_us.get(card, 0), sample.timeStamp)
        return {pid: sum(loads) / len(loads) for pid, loads in found.items()}

    def _bandwidth(self, handle: Any) -> float | None:
        """Return the bandwidth of a card's memory in bytes/s: 2 × highest clock × bus width.

        Twice, because NVML gives the clock of GDDR5 to GDDR7 as if two bits came with each beat,
        however many really do, and HBM works that way:
        https://forums.developer.nvidia.com/t/rtx-3090-a100-memory-frequency/198730 for GDDR6X and
        HBM2, https://github.com/pytorch/ao/pull/4002 for HBM3e. It is the data sheet's figure, good
        for a first guess of the speed until something has run here. What is reached is less, and
        less still where a laptop or a power limit holds the clock down; some drivers told B200's
        bus as a fifteenth too wide.
        """
        megahertz = self._ask("nvmlDeviceGetMaxClockInfo", handle, self._library.NVML_CLOCK_MEM)
        bits = self._ask("nvmlDeviceGetMemoryBusWidth", handle)
        # 0 is no clock and no width either
        return 2 * megahertz * 1e6 * bits / 8 if megahertz and bits else None

    def _ask(self, call: str, *arguments: Any) -> Any:
        """Return what NVML answers, or `None` where this card or driver does not."""
        try:
            return getattr(self._library, call)(*arguments)
        except (self._library.NVMLError, AttributeError):
            # older releases of the binding lack some calls
            return None


class AmdReader:
    """AMD cards under Linux, through the amdgpu driver's files.

    https://docs.kernel.org/gpu/amdgpu/thermal.html and driver-misc.html
    """

    def __init__(self, root: Path = Path("/sys/class/drm")) -> None:
        self._devices = tuple(
            card / "device"
            for card in sorted(root.glob("card[0-9]*"))
            if (card / "device" / "gpu_busy_percent").is_file()
        )

    def read(self) -> tuple[GpuSample, ...]:
        """Return a sample of each card; one that sleeps may tell little."""
        return tuple(self._sample(device) for device in self._devices)

    def close(self) -> None:
        """Nothing is held."""

    def _sample(self, device: Path) -> GpuSample:
        power = _number(device, "hwmon/hwmon*/power1_average", "hwmon/hwmon*/power1_input")
        temperature = _number(device, "hwmon/hwmon*/temp1_input")
        used = _number(device, "mem_info_vram_used")
        total = _number(device, "mem_info_vram_total")
        return GpuSample(
            name=_line(device / "product_name") or f"AMD GPU ({device.parent.name})",
            load_percent=_number(device, "gpu_busy_percent"),
            memory_used_bytes=None if used is None else int(used),
            memory_total_bytes=None if total is None else int(total),
            temperature_c=None if temperature is None else temperature / 1000,
            power_w=None if power is None else power / 1_000_000,
        )


class AppleReader:
    """Apple silicon through `ioreg`, which needs no rights; asked rarely: each call is a process.

    The graphics share the computer's memory, so there is no total of their own.
    """

    COMMAND = ("/usr/sbin/ioreg", "-r", "-d", "1", "-w", "0", "-c", "IOAccelerator")
    INTERVAL_S = 5.0

    def __init__(self, run: Callable[[Sequence[str]], str] | None = None) -> None:
        self._run = run or _output
        self._sampled_at: float | None = None
        self._samples: tuple[GpuSample, ...] = ()

    def read(self) -> tuple[GpuSample, ...]:
        """Return a sample that is at most `INTERVAL_S` old."""
        now = time.perf_counter()
        if self._sampled_at is None or now - self._sampled_at >= self.INTERVAL_S:
            self._sampled_at = now
            self._samples = self._parsed(self._run(self.COMMAND))
        return self._samples

    def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def _parsed(text: str) -> tuple[GpuSample, ...]:
        load = re.search(r'"Device Utilization %"\s*=\s*(\d+)', text)
        used = re.search(r'"In use system memory"\s*=\s*(\d+)', text)
        name = re.search(r'"model"\s*=\s*"([^"]+)"', text)
        if load is None and used is None:
            return ()
        return (
            GpuSample(
                name=name[1] if name else "Apple GPU",
                load_percent=float(load[1]) if load else None,
                memory_used_bytes=int(used[1]) if used else None,
            ),
        )


class AllGpus:
    """Every card of this computer."""

    def __init__(self, readers: Sequence[GpuReader], note: str | None = None) -> None:
        self._readers = tuple(readers)
        self._note = note

    def read(self) -> tuple[GpuSample, ...]:
        return tuple(sample for reader in self._readers for sample in reader.read())

    def note(self, samples: tuple[GpuSample, ...]) -> str | None:
        """Return what to say where there are no `samples`."""
        return None if samples else self._note or NO_GPU

    def close(self) -> None:
        for reader in self._readers:
            reader.close()


def open_gpus() -> AllGpus:
    """Return the readers that may find something here. Loading NVML may take a moment."""
    import pynvml  # noqa: PLC0415 - only who looks at the meters pays for it

    readers: list[GpuReader] = []
    note = None
    try:
        readers.append(NvidiaReader(pynvml))
    except pynvml.NVMLError as error:
        note = nvidia_note(pynvml, error)
    if sys.platform == "linux":
        readers.append(AmdReader())
    if sys.platform == "darwin":
        readers.append(AppleReader())
    return AllGpus(readers, note)


def nvidia_note(library: Any, error: Exception) -> str | None:
    """Return what to say where a driver is there but does not answer; `None` where there is none.

    A missing library or kernel module is the usual state of a computer without an NVIDIA card.
    """
    absent = {library.NVML_ERROR_LIBRARY_NOT_FOUND, library.NVML_ERROR_DRIVER_NOT_LOADED}
    if getattr(error, "value", None) in absent:
        return None
    return f"The NVIDIA driver does not answer ({error}): models run on the processor"


def _text(value: object) -> str:
    # older releases of the binding return bytes
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _number(folder: Path, *patterns: str) -> float | None:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            with contextlib.suppress(ValueError):
                return float(_line(path) or "")
    return None


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=3, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")

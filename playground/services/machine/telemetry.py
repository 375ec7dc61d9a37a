"""One sampler of processor, memory, graphics and power for everybody who looks."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from playground.services.machine.gpu import AllGpus, GpuSample, open_gpus
from playground.services.machine.memory import main_memory


@dataclass(frozen=True, slots=True)
class GpuShare:
    """What a process takes of the graphics cards, as their drivers tell; `None` is unknown."""

    load_percent: float | None = None
    """Of the card it uses most, 0 … 100."""
    memory_bytes: int | None = None
    """Of all cards together."""


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """One process of this program; `None` is unknown."""

    name: str
    pid: int
    rss_bytes: int
    cpu_percent: float | None
    """Share of the whole processor, 0 … 100; unknown at the first look."""
    gpu: GpuShare = GpuShare()


def gpu_share(pid: int, gpus: Sequence[GpuSample]) -> GpuShare:
    """Return what the process takes, nothing only where every card names its users.

    A card that names processes of other computers, as one does within a container, names none.
    """
    told = [
        gpu.processes
        for gpu in gpus
        if gpu.processes and all(psutil.pid_exists(process.pid) for process in gpu.processes)
    ]
    own = [process for processes in told for process in processes if process.pid == pid]
    if own:
        loads = [process.load_percent for process in own]
        sizes = [process.memory_bytes for process in own]
        return GpuShare(
            None if None in loads else max(load for load in loads if load is not None),
            None if None in sizes else sum(size for size in sizes if size is not None),
        )
    return GpuShare(0.0, 0) if told and len(told) == len(gpus) else GpuShare()


@dataclass(frozen=True, slots=True)
class Sample:
    """State of the computer at one moment; `None` is unknown."""

    t_s: float
    """`time.perf_counter()`."""
    cpu_percent: float | None
    ram_used_bytes: int
    ram_total_bytes: int
    gpus: tuple[GpuSample, ...]
    gpu_note: str | None
    """What to say where `gpus` is empty."""
    program_rss_bytes: int
    program_cpu_percent: float | None
    workers: tuple[ProcessSample, ...]
    power_w: float | None
    """What the processor draws, where the computer tells (RAPL)."""
    computer_power_w: float | None = None
    """What the computer draws in all, where it tells (RAPL's `psys`)."""
    program_gpu: GpuShare = GpuShare()


class Probe:
    """Looks at the computer; rates are over the time since the look before."""

    def __init__(self, gpus: AllGpus) -> None:
        self._gpus = gpus
        self._power = PowerMeter()
        self._cores = psutil.cpu_count() or 1
        self._processes: dict[int, psutil.Process] = {}
        self._looked_at: set[int] = set()

    def sample(self, pids: Mapping[str, int]) -> Sample:
        """Return what is seen now; processes of `pids` that have ended are left out."""
        memory = main_memory()
        gpus = self._gpus.read()
        own = self._look("", os.getpid(), gpus)
        seen = (self._look(name, pid, gpus) for name, pid in pids.items())
        workers = tuple(process for process in seen if process is not None)
        for pid in self._processes.keys() - {os.getpid(), *pids.values()}:
            del self._processes[pid]
        is_first = not self._looked_at
        cpu = psutil.cpu_percent()
        self._looked_at = set(self._processes)
        power = self._power.power()
        return Sample(
            t_s=time.perf_counter(),
            cpu_percent=None if is_first else cpu,
            ram_used_bytes=memory.used_bytes,
            ram_total_bytes=memory.total_bytes,
            gpus=gpus,
            gpu_note=self._gpus.note(gpus),
            program_rss_bytes=own.rss_bytes if own else 0,
            program_cpu_percent=own.cpu_percent if own else None,
            workers=workers,
            power_w=power.processor_w,
            computer_power_w=power.computer_w,
            program_gpu=own.gpu if own else GpuShare(),
        )

    def _look(self, name: str, pid: int, gpus: Sequence[GpuSample]) -> ProcessSample | None:
        try:
            process = self._processes.get(pid)
            if process is None:
                process = self._processes[pid] = psutil.Process(pid)
            with process.oneshot():
                rss = process.memory_info().rss
                # per core, as psutil gives it, would read 800 % where the strip above reads 100
                cpu = process.cpu_percent() / self._cores
        except psutil.Error:
            self._processes.pop(pid, None)
            return None
        known_cpu = cpu if pid in self._looked_at else None
        return ProcessSample(name, pid, rss, known_cpu, gpu_share(pid, gpus))


_WHOLE_COMPUTER = "psys"


@dataclass(frozen=True, slots=True)
class Power:
    """What is drawn, in watts; `None` is unknown."""

    processor_w: float | None = None
    computer_w: float | None = None
    """Of the processor and most of what is around it (`psys`), on some laptops."""


class PowerMeter:
    """Power from RAPL's energy counters, which are readable on some Linux systems.

    https://docs.kernel.org/power/powercap/powercap.html
    """

    def __init__(self, root: Path = Path("/sys/class/powercap")) -> None:
        zones = [path for path in sorted(root.glob("intel-rapl:*")) if path.name.count(":") == 1]
        readable = [path for path in zones if _joules(path) is not None]
        # the whole computer's counter has what the packages count in it
        self._whole = tuple(path for path in readable if _zone_name(path) == _WHOLE_COMPUTER)
        self._packages = tuple(path for path in readable if path not in self._whole)
        self._before: tuple[float, dict[Path, float]] | None = None

    def power(self) -> Power:
        """Return the mean power since the call before; unknown at the first."""
        zones = (*self._packages, *self._whole)
        now = time.perf_counter()
        counts = {path: count for path in zones if (count := _joules(path)) is not None}
        before, self._before = self._before, (now, counts)
        if before is None or now <= before[0]:
            return Power()

        def watts(paths: tuple[Path, ...]) -> float | None:
            used = [_used(path, before[1].get(path), counts.get(path)) for path in paths]
            known = [joules for joules in used if joules is not None]
            if not paths or len(known) < len(used):
                return None
            return sum(known) / (now - before[0])

        return Power(watts(self._packages), watts(self._whole))


def _zone_name(zone: Path) -> str:
    try:
        return (zone / "name").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _used(zone: Path, before: float | None, now: float | None) -> float | None:
    if before is None or now is None:
        return None
    if now >= before:
        return now - before
    limit = _joules(zone, "max_energy_range_uj")  # the counter has started again at 0
    return None if limit is None else limit - before + now


def _joules(zone: Path, counter: str = "energy_uj") -> float | None:
    try:
        return int((zone / counter).read_text(encoding="ascii")) / 1_000_000
    except (OSError, ValueError):
        return None


FIRST_INTERVAL_S = 0.25
"""The processor's load is a mean over time; the first sample waits no longer than this for it."""


class Telemetry:
    """Samples while anybody listens, once for all of them; used on one asyncio loop."""

    def __init__(
        self,
        pids: Callable[[], Mapping[str, int]],
        interval_s: float = 1.0,
        *,
        gpus: Callable[[], AllGpus] = open_gpus,
    ) -> None:
        """`pids` names the processes of the program beside its own; it is called on the loop."""
        self._pids = pids
        self.interval_s = interval_s
        """Time from one sample to the next; a change holds from the next sample on."""
        self._open_gpus = gpus
        self._listeners: set[asyncio.Queue[Sample | Exception]] = set()
        self._sampler: asyncio.Task[None] | None = None
        self._latest: Sample | None = None

    @property
    def is_sampling(self) -> bool:
        """True while anybody listens."""
        return self._sampler is not None

    @property
    def gpu_note(self) -> str | None:
        """What to say where no graphics card was found; `None` before the first sample."""
        return self._latest.gpu_note if self._latest else None

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield samples, the newest where the listener is slow; the last to leave ends sampling."""
        queue: asyncio.Queue[Sample | Exception] = asyncio.Queue(maxsize=1)
        self._listeners.add(queue)
        if self._sampler is None:
            self._latest = None
            self._sampler = asyncio.create_task(self._sample_on(), name="telemetry")
        elif self._latest is not None:
            queue.put_nowait(self._latest)
        try:
            while True:
                item = await queue.get()
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self._listeners.discard(queue)
            if not self._listeners:
                await self._stop()

    async def _stop(self) -> None:
        sampler, self._sampler = self._sampler, None
        if sampler is not None:
            sampler.cancel()
            await asyncio.gather(sampler, return_exceptions=True)

    async def _sample_on(self) -> None:
        # one thread of its own: psutil keeps the counts it compares with for each thread
        thread = ThreadPoolExecutor(1, "telemetry")
        try:
            await self._sample_in(thread)
        except Exception as error:  # noqa: BLE001 - a bug: every listener raises it
            self._sampler = None
            self._tell(error)
        finally:
            await asyncio.to_thread(thread.shutdown)

    async def _sample_in(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        gpus = await loop.run_in_executor(thread, self._open_gpus)
        probe = Probe(gpus)
        try:
            await loop.run_in_executor(thread, probe.sample, dict(self._pids()))
            due = time.perf_counter() + min(self.interval_s, FIRST_INTERVAL_S)
            while True:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                self._tell(await loop.run_in_executor(thread, probe.sample, dict(self._pids())))
                # after a pause (a computer that slept) missed samples are not made up for
                due = max(due + self.interval_s, time.perf_counter())
        finally:
            thread.submit(gpus.close)

    def _tell(self, item: Sample | Exception) -> None:
        if isinstance(item, Sample):
            self._latest = item
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(item)

"""This computer as it is now: what is free, what others hold, how fast memory is read."""

import asyncio
import contextlib
import importlib.util
import json
import math
import os
import platform
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from playground.core.machine import GraphicsCard, Machine, ProgramMemory
from playground.engines.child_process import child_command, worker_environment
from playground.engines.llama.machine_load import MachineLoadMeter
from playground.services.machine.gpu import AllGpus, GpuSample, open_gpus
from playground.services.machine.memory import main_memory
from playground.store.files import read_file, write_atomically

_BUFFER_BYTES = 192 << 20
"""Larger than any cache."""
_LONGEST_S = 0.6
_AGAIN_S = 20.0
"""Before memory is measured again where other programs were at work."""
_MOST_TRIES = 3
_QUIET_SHARE = 0.1
"""Of the cores: others that take less take no more of the bandwidth."""
_LOOK_S = 0.15
_BUSY_PERCENT = 30.0


@dataclass(frozen=True, slots=True)
class BandwidthReading:
    """One measurement of the memory bandwidth."""

    bytes_per_s: float
    is_quiet: bool = True
    """False where other programs were at work: it is too low then."""


class Bandwidth:
    """The memory bandwidth of this computer, measured once and remembered in a file.

    It is measured in a process of its own (`python -m playground --memory-speed`), so that neither
    the memory it takes nor its load stays. What was measured while other programs were at work is
    too low: it is unknown then, and measured again while the program runs. Where they never rest
    the best of all measurements counts, until the next start.
    """

    def __init__(
        self,
        file: Path,
        measure: Callable[[], BandwidthReading | None] | None = None,
        *,
        is_busy: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`is_busy` is asked before a second measurement, which would slow an answer down."""
        self._file = file
        self._measure = measure or measure_in_child
        self._is_busy = is_busy or processor_is_busy
        self._clock = clock
        self.bytes_per_s: float | None = None
        """What is known without measuring."""
        self._lock = asyncio.Lock()
        self._best = 0.0
        self._tries = 0
        self._next_s = -math.inf
        self._is_settled = False

    async def get(self) -> float | None:
        """Return bytes per second, `None` for unknown; the first call measures, later ones may."""
        async with self._lock:
            if not self._is_settled and self._clock() >= self._next_s:
                await asyncio.to_thread(self._load_or_measure)
                self._next_s = self._clock() + _AGAIN_S
            return self.bytes_per_s

    def _load_or_measure(self) -> None:
        is_first = self._tries == 0
        if is_first and self._load():
            return
        self._tries += 1
        if is_first or not self._is_busy():
            reading = self._measure()
            if reading is None or not _is_speed(reading.bytes_per_s):
                self._settle()
                return
            self._best = max(self._best, reading.bytes_per_s)
            self._keep(is_quiet=reading.is_quiet)
            if reading.is_quiet:
                self._settle()
        if self._tries >= _MOST_TRIES:
            self._settle()

    def _settle(self) -> None:
        self._is_settled, self.bytes_per_s = True, self._best or None

    def _load(self) -> bool:
        """Take what an earlier start measured; True where that is all that is needed."""
        try:
            known = json.loads(read_file(self._file))
            if known["machine"] != _machine_name() or not _is_speed(float(known["bytes_per_s"])):
                return False
            self._best = float(known["bytes_per_s"])
            if known.get("is_busy"):
                # once more, and no oftener
                self._tries = _MOST_TRIES - 1
                return False
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False
        self._settle()
        return True

    def _keep(self, *, is_quiet: bool) -> None:
        kept = {
            "machine": _machine_name(),
            "bytes_per_s": self._best,
            "is_busy": not is_quiet,
        }
        with contextlib.suppress(OSError):
            # it is measured again at the next start
            write_atomically(self._file, json.dumps(kept).encode())


def _machine_name() -> str:
    return f"{platform.node()} {platform.processor() or platform.machine()}"


def processor_is_busy() -> bool:
    """Return True where programs, this one among them, keep the processor busy."""
    return psutil.cpu_percent(_LOOK_S) > _BUSY_PERCENT


def _is_speed(bytes_per_s: float) -> bool:
    return math.isfinite(bytes_per_s) and bytes_per_s > 0


def measure_in_child() -> BandwidthReading | None:
    """Return what a child process measures; `None` where it fails."""
    try:
        done = subprocess.run(
            child_command("--memory-speed"),
            env=worker_environment(os.environ),
            capture_output=True,
            text=True,
            timeout=20.0,
            check=False,
        )
        bytes_per_s, is_quiet = done.stdout.split()[-2:]
        return BandwidthReading(float(bytes_per_s), is_quiet == str(True))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def measure(threads: int) -> float:
    """Return the bytes per second that `threads` threads together read from memory."""
    import numpy as np  # noqa: PLC0415 - only in the child

    buffers = [np.ones(_BUFFER_BYTES // threads // 8, dtype=np.int64) for _ in range(threads)]
    best = 0.0
    ends_at = time.perf_counter() + _LONGEST_S
    while time.perf_counter() < ends_at:
        readers = [threading.Thread(target=np.bitwise_or.reduce, args=(b,)) for b in buffers]
        began = time.perf_counter()
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        read = sum(buffer.nbytes for buffer in buffers)
        best = max(best, read / (time.perf_counter() - began))
    return best


def main() -> int:
    """Print the memory bandwidth in bytes per second, and whether others were at rest."""
    if hasattr(os, "nice"):
        # the window that is opening meanwhile goes first
        os.nice(5)
    # all but this process and the program that started it are others
    meter, cores = MachineLoadMeter(os.getppid()), physical_cores()
    bytes_per_s = measure(cores)
    others = meter.load().other_cores
    is_quiet = others is not None and others < _QUIET_SHARE * cores
    sys.stdout.write(f"{bytes_per_s:.0f} {is_quiet}\n")
    return 0


_PROGRAMS_EVERY_S = 15.0
_SMALLEST_PROGRAM = 300_000_000
_MOST_PROGRAMS = 6
_CARD_LIBRARIES = ("ggml-cuda", "ggml-hip", "ggml-vulkan", "ggml-sycl", "ggml-metal")
_APPLE_SHARE = 0.75
"""Of the memory that graphics may take on Apple silicon by default, on machines above 32 GB; two
thirds below."""


@dataclass(frozen=True, slots=True)
class HeldMemory:
    """What the models this program has loaded give back when they are unloaded: it is free."""

    ram_bytes: int = 0
    card_bytes: int = 0


NOTHING_HELD = HeldMemory()


class MachineService:
    """Looks at this computer."""

    def __init__(
        self,
        bandwidth: Bandwidth,
        open_cards: Callable[[], AllGpus] = open_gpus,
        can_use_cards: Callable[[], bool] | None = None,
    ) -> None:
        self._bandwidth = bandwidth
        self._open_cards = open_cards
        self._can_use_cards = can_use_cards or uses_cards
        self._asking = threading.Lock()
        self._cards: AllGpus | None = None
        self._programs: tuple[ProgramMemory, ...] = ()
        self._programs_at: float | None = None
        self._looking = asyncio.Lock()

    async def machine(self, held: HeldMemory = NOTHING_HELD) -> Machine:
        """Return this computer at this moment."""
        await self._bandwidth.get()
        async with self._looking:
            return await asyncio.to_thread(
                lambda: replace(self.memory_now(held), programs=self._other_programs())
            )

    def quick(self, held: HeldMemory = NOTHING_HELD) -> Machine:
        """Return what is known at once: no cards, no programs; for where one cannot wait."""
        memory = main_memory()
        free = min(memory.total_bytes, memory.available_bytes + held.ram_bytes)
        if _is_apple():
            share = _APPLE_SHARE if memory.total_bytes > 32 << 30 else 2 / 3
            free = min(free, round(memory.total_bytes * share))
        return Machine(
            name=platform.node(),
            ram_total_bytes=memory.total_bytes,
            ram_free_bytes=free,
            is_unified=_is_apple(),
            bandwidth_bytes_per_s=self._bandwidth.bytes_per_s,
        )

    def memory_now(self, held: HeldMemory = NOTHING_HELD) -> Machine:
        """Return the memory there is at this moment, and the cards; blocks: for threads."""
        samples = self._usable_cards()
        cards = graphics_cards(samples, held.card_bytes)
        found = replace(self.quick(held), cards=cards)
        # a card that llama.cpp can use and that has no memory of its own, such as NVIDIA's GB10
        return replace(found, is_unified=found.is_unified or bool(samples and not cards))

    def close(self) -> None:
        with self._asking:
            if self._cards is not None:
                self._cards.close()
                self._cards = None

    def _usable_cards(self) -> tuple[GpuSample, ...]:
        if _is_apple() or not self._can_use_cards():
            return ()
        with self._asking:
            if self._cards is None:
                self._cards = self._open_cards()
            return self._cards.read()

    def _other_programs(self) -> tuple[ProgramMemory, ...]:
        now = time.perf_counter()
        if self._programs_at is None or now - self._programs_at > _PROGRAMS_EVERY_S:
            self._programs_at = now
            self._programs = other_programs()
        return self._programs


def graphics_cards(samples: Iterable[GpuSample], held_bytes: int = 0) -> tuple[GraphicsCard, ...]:
    """Return the cards whose memory is known, the one with most free first.

    What this program holds counts as free on that one: models run on it. Which one they are on is
    not told: it is that which has most free with them counted, as it had when they were loaded.
    """
    cards = [
        GraphicsCard(
            name=sample.name,
            total_bytes=sample.memory_total_bytes,
            free_bytes=max(0, sample.memory_total_bytes - sample.memory_used_bytes),
            bandwidth_bytes_per_s=sample.bandwidth_bytes_per_s,
        )
        for sample in samples
        if sample.memory_total_bytes is not None and sample.memory_used_bytes is not None
    ]

    def without_ours(card: GraphicsCard) -> int:
        return card.free_bytes + min(held_bytes, card.total_bytes - card.free_bytes)

    cards.sort(key=without_ours, reverse=True)
    for card in cards[:1]:
        cards[0] = replace(card, free_bytes=without_ours(card))
    return tuple(cards)


def reclaimable_bytes(memory: Any) -> int:
    """Return the bytes that become available when a process ends, from psutil's `memory_info()`.

    Pages of files, a model's weights among them, count as available already under Linux while they
    are mapped (`si_mem_available` in the kernel's `mm/show_mem.c`): only the others come on top.
    """
    shared = int(memory.shared) if sys.platform == "linux" else 0
    return max(0, int(memory.rss) - shared)


def uses_cards(find: Callable[[str], object | None] = importlib.util.find_spec) -> bool:
    """Return True where this llama.cpp was built for graphics cards.

    Told by its libraries: importing it here would load them into the window's process.
    """
    spec = find("llama_cpp")
    folders = getattr(spec, "submodule_search_locations", None) or ()
    return any(
        marker in path.name
        for folder in folders
        for path in Path(folder).joinpath("lib").glob("*")
        for marker in _CARD_LIBRARIES
    )


def other_programs() -> tuple[ProgramMemory, ...]:
    """Return the programs that hold most memory, without this one and its children.

    What processes of one name share, such as a browser's libraries, is not counted for each.
    """
    own = {os.getpid()}
    own.update(child.pid for child in psutil.Process().children(recursive=True))
    held: defaultdict[str, int] = defaultdict(int)
    for process in psutil.process_iter(["pid", "name", "memory_info"]):
        info = process.info
        if info["pid"] in own:
            continue
        memory = info["memory_info"]
        if memory is not None and info["name"]:
            held[info["name"].removesuffix(".exe").removesuffix(".EXE")] += reclaimable_bytes(
                memory
            )
    largest = sorted(held.items(), key=lambda item: -item[1])[:_MOST_PROGRAMS]
    return tuple(ProgramMemory(name, size) for name, size in largest if size >= _SMALLEST_PROGRAM)


def _is_apple() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"


def physical_cores() -> int:
    """Return how many cores this process may use, a core that runs two threads counted once."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))

"""This computer as it is now: what is free, what others hold, how fast memory is read."""

import asyncio
import importlib.util
import os
import platform
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from playground.core.machine import GraphicsCard, Machine, ProgramMemory
from playground.services.bandwidth import Bandwidth
from playground.services.machine.gpu import AllGpus, GpuSample, open_gpus

_PROGRAMS_EVERY_S = 15.0
_SMALLEST_PROGRAM = 300_000_000
_MOST_PROGRAMS = 6
_CARD_LIBRARIES = ("ggml-cuda", "ggml-hip", "ggml-vulkan", "ggml-sycl", "ggml-metal")
_APPLE_SHARE = 0.75
"""Of the memory that graphics may take on Apple silicon by default, on machines above 32 GB; two
thirds below."""


class MachineService:
    """Looks at this computer.

    `held_bytes` is what idle workers of this program would give back of main memory,
    `held_on_card_bytes` of the graphics card: both count as free.
    """

    def __init__(
        self,
        bandwidth: Bandwidth,
        held_bytes: Callable[[], int],
        open_cards: Callable[[], AllGpus] = open_gpus,
        can_use_cards: Callable[[], bool] | None = None,
        held_on_card_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._bandwidth = bandwidth
        self._held_bytes = held_bytes
        self._open_cards = open_cards
        self._can_use_cards = can_use_cards or uses_cards
        self._held_on_card_bytes = held_on_card_bytes or _nothing
        self._asking = threading.Lock()
        self._cards: AllGpus | None = None
        self._programs: tuple[ProgramMemory, ...] = ()
        self._programs_at: float | None = None
        self._looking = asyncio.Lock()

    async def machine(self) -> Machine:
        """Return this computer at this moment."""
        bandwidth = await self._bandwidth.get()
        async with self._looking:
            return await asyncio.to_thread(self._look, bandwidth)

    def quick(self) -> Machine:
        """Return what is known at once: no cards, no programs; for where one cannot wait."""
        return self._without_cards(self._bandwidth.bytes_per_s)

    def memory_now(self) -> Machine:
        """Return the memory there is at this moment, and the cards; blocks: for threads."""
        return replace(self._without_cards(self._bandwidth.bytes_per_s), cards=self._usable_cards())

    def close(self) -> None:
        """Give the cards' interfaces back."""
        with self._asking:
            if self._cards is not None:
                self._cards.close()
                self._cards = None

    def _look(self, bandwidth: float | None) -> Machine:
        return replace(
            self._without_cards(bandwidth),
            cards=self._usable_cards(),
            programs=self._other_programs(),
        )

    def _without_cards(self, bandwidth: float | None) -> Machine:
        system = psutil.virtual_memory()
        free = min(system.total, system.available + self._held_bytes())
        if _is_apple():
            share = _APPLE_SHARE if system.total > 32 << 30 else 2 / 3
            free = min(free, round(system.total * share))
        return Machine(
            name=platform.node(),
            ram_total_bytes=system.total,
            ram_free_bytes=free,
            is_unified=_is_apple(),
            bandwidth_bytes_per_s=bandwidth,
        )

    def _usable_cards(self) -> tuple[GraphicsCard, ...]:
        if _is_apple() or not self._can_use_cards():
            return ()
        with self._asking:
            if self._cards is None:
                self._cards = self._open_cards()
            samples = self._cards.read()
        return cards_of(samples, self._held_on_card_bytes())

    def _other_programs(self) -> tuple[ProgramMemory, ...]:
        now = time.perf_counter()
        if self._programs_at is None or now - self._programs_at > _PROGRAMS_EVERY_S:
            self._programs_at = now
            self._programs = other_programs()
        return self._programs


def cards_of(samples: Iterable[GpuSample], held_bytes: int = 0) -> tuple[GraphicsCard, ...]:
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


def given_back(memory: Any) -> int:
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
            held[_plain(info["name"])] += given_back(memory)
    largest = sorted(held.items(), key=lambda item: -item[1])[:_MOST_PROGRAMS]
    return tuple(ProgramMemory(name, size) for name, size in largest if size >= _SMALLEST_PROGRAM)


def _nothing() -> int:
    return 0


def _plain(name: str) -> str:
    return name.removesuffix(".exe").removesuffix(".EXE")


def _is_apple() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"

"""Which models are loaded, within which memory."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from playground.core.errors import WorkerCrashed
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.engines.base import Engine
from playground.engines.llama import LlamaEngine
from playground.engines.llama_process import LlamaWorker, WorkerState
from playground.engines.llama_silence import SilenceLimits
from playground.engines.wire import LoadOrder

DEFAULT_CONTEXT = 8_192
_UNKNOWN_CONTEXT = 4_096

Estimate = Callable[[ModelFile, LoadSettings], int]
"""Bytes a model needs with these settings; may read the file's header."""
ChooseContext = Callable[[ModelFile, LoadSettings], int]
"""Tokens of context for settings that name none; may read the file's header."""


@dataclass(frozen=True, slots=True)
class LoadedWorker:
    """A worker as it is shown: what it holds and what it does."""

    path: Path
    name: str
    pid: int | None
    state: WorkerState
    estimated_bytes: int | None
    load_s: float | None
    context: int
    settings: LoadSettings


@dataclass(slots=True)
class _Slot:
    """One model with one set of settings."""

    target: LocalTarget
    worker: LlamaWorker
    estimated_bytes: int | None = None
    last_used: int = 0

    @property
    def is_in_memory(self) -> bool:
        state = self.worker.state
        is_alive = state is WorkerState.LOADING or self.worker.pid is not None
        return is_alive and state is not WorkerState.UNLOADED


class WorkerPool:
    """Gives each target its engine and keeps what is loaded within the memory there is.

    Where a model would not fit beside the others, idle ones are unloaded, the least recently used
    first; where the others are at work, the load waits for them. A model that is too large by
    itself is tried all the same: what llama.cpp says of it is reported.
    """

    def __init__(
        self,
        *,
        budget_bytes: Callable[[], int],
        estimate: Estimate,
        on_change: Callable[[], None] | None = None,
        choose_context: ChooseContext | None = None,
        limits: SilenceLimits | None = None,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._estimate = estimate
        self._on_change = on_change
        self._choose_context = choose_context or _usual_context
        self._limits = limits
        self._slots: dict[tuple[Path, LoadSettings], _Slot] = {}
        self._loading = asyncio.Lock()
        self._changed = asyncio.Event()
        self._uses = 0
        self._is_closed = False

    def engine(self, target: LocalTarget) -> Engine:
        """Return what answers for `target`; its model is loaded when the first request comes."""
        slot = self._slot(target)

        def admission() -> AbstractAsyncContextManager[None]:
            return self._admit(slot)

        return LlamaEngine(slot.worker, admission, on_use=lambda: self._mark_used(slot))

    def loaded(self) -> tuple[LoadedWorker, ...]:
        """Return the workers there are, the most recently used first."""
        slots = sorted(self._in_memory(), key=lambda slot: slot.last_used, reverse=True)
        return tuple(
            LoadedWorker(
                path=slot.target.model.path,
                name=slot.target.model.name,
                pid=slot.worker.pid,
                state=slot.worker.state,
                estimated_bytes=slot.estimated_bytes,
                load_s=slot.worker.load_s,
                context=slot.worker.order.context,
                settings=slot.target.settings,
            )
            for slot in slots
        )

    async def unload(self, path: Path) -> None:
        """Give a model's memory back; a run that is using it fails and keeps its text."""
        slots = [slot for slot in self._slots.values() if slot.target.model.path == path]
        await asyncio.gather(*(slot.worker.close() for slot in slots))

    async def close(self) -> None:
        """End every worker; nothing is loaded from here on."""
        self._is_closed = True
        await asyncio.gather(*(slot.worker.close() for slot in self._slots.values()))

    def _slot(self, target: LocalTarget) -> _Slot:
        key = (target.model.path, target.settings)
        slot = self._slots.get(key)
        if slot is None:
            worker = LlamaWorker(_order(target), limits=self._limits, on_change=self._notify)
            slot = self._slots[key] = _Slot(target, worker)
        return slot

    def _mark_used(self, slot: _Slot) -> None:
        self._uses += 1
        slot.last_used = self._uses

    def _in_memory(self) -> Iterator[_Slot]:
        return (slot for slot in self._slots.values() if slot.is_in_memory)

    @asynccontextmanager
    async def _admit(self, slot: _Slot) -> AsyncIterator[None]:
        """Load one model at a time, after room has been made for it."""
        async with self._loading:
            if self._is_closed:
                raise WorkerCrashed("The program is closing.")
            model, settings = slot.target.model, slot.target.settings
            if settings.context is None:
                context = await asyncio.to_thread(self._choose_context, model, settings)
                settings = replace(settings, context=context)
                slot.worker.order = _order(slot.target, context)
            slot.estimated_bytes = await asyncio.to_thread(self._estimate, model, settings)
            await self._make_room(slot, slot.estimated_bytes)
            yield

    async def _make_room(self, slot: _Slot, need_bytes: int) -> None:
        for other in list(self._in_memory()):
            has_new_settings = other.target.model.path == slot.target.model.path
            if other is not slot and has_new_settings and other.worker.is_idle:
                await other.worker.close()
        while True:
            self._changed.clear()
            others = [other for other in self._in_memory() if other is not slot]
            held = sum(other.estimated_bytes or 0 for other in others)
            if not others or held + need_bytes <= self._budget_bytes():
                return
            idle = [other for other in others if other.worker.is_idle]
            if idle:
                await min(idle, key=lambda other: other.last_used).worker.close()
            else:
                await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        if self._on_change is not None:
            self._on_change()


def _order(target: LocalTarget, context: int | None = None) -> LoadOrder:
    settings = target.settings
    return LoadOrder(
        path=str(target.model.path),
        context=settings.context or context or _usual_context(target.model, settings),
        gpu_layers=settings.gpu_layers,
        kv_type=settings.kv_type,
        threads=settings.threads or physical_cores(),
        flash_attention=settings.flash_attention,
    )


def _usual_context(model: ModelFile, _settings: LoadSettings) -> int:
    return min(DEFAULT_CONTEXT, model.context_length or _UNKNOWN_CONTEXT)


def physical_cores() -> int:
    """Return how many cores this process may use, a core that runs two threads counted once."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))

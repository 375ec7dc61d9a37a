"""Which models are loaded, within which memory: the computer's, and that of its graphics card."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from playground.core.errors import WorkerCrashed
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.engines.base import Engine
from playground.engines.llama.engine import LlamaEngine
from playground.engines.llama.process import LlamaWorker, SilenceLimits, WorkerState
from playground.engines.llama.protocol import LoadRequest
from playground.services.machine.machine import physical_cores

DEFAULT_CONTEXT = 8_192
_UNKNOWN_CONTEXT = 4_096

Estimate = Callable[[ModelFile, LoadSettings], int]
"""Bytes a model needs with these settings; may read the file's header."""
ChooseContext = Callable[[ModelFile, LoadSettings], int]
"""Tokens of context for settings that name none; may read the file's header."""
ChooseLayers = Callable[[ModelFile, LoadSettings], int | None]
"""Layers on the graphics card for settings that name none, as they count them; `None` leaves it to
llama.cpp. May read the file's header and asks the card."""


@dataclass(frozen=True, slots=True)
class LoadedWorker:
    """A worker as it is shown: what it holds and what it does."""

    path: Path
    name: str
    pid: int | None
    state: WorkerState
    estimated_bytes: int | None
    """Of main memory."""
    load_s: float | None
    context: int
    settings: LoadSettings
    """As they were chosen."""
    card_bytes: int = 0
    """Estimated, of the graphics card's memory."""
    gpu_layers: int | None = None
    """Layers it was loaded onto the card with; `None`: left to llama.cpp."""


@dataclass(slots=True)
class _PoolEntry:
    """One model with one set of settings."""

    target: LocalTarget
    worker: LlamaWorker
    estimated_bytes: int | None = None
    card_bytes: int = 0
    last_used: int = 0

    @property
    def is_in_memory(self) -> bool:
        state = self.worker.state
        is_alive = state is WorkerState.LOADING or self.worker.pid is not None
        return is_alive and state is not WorkerState.UNLOADED


class WorkerPool:
    """Gives each target its engine and keeps what is loaded within the memory there is.

    Where a model would not fit beside the others, idle ones are unloaded, the least recently used
    first; where the others are at work, the load waits for them. That goes for main memory, and
    for the graphics card where its memory is known. A model that is too large by itself is tried
    all the same: what llama.cpp says of it is reported.
    """

    def __init__(
        self,
        *,
        budget_bytes: Callable[[], int],
        estimate: Estimate,
        on_change: Callable[[], None] | None = None,
        choose_context: ChooseContext | None = None,
        choose_layers: ChooseLayers | None = None,
        card_budget_bytes: Callable[[], int | None] | None = None,
        card_estimate: Estimate | None = None,
        limits: SilenceLimits | None = None,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._estimate = estimate
        self._on_change = on_change
        self._choose_context = choose_context or _usual_context
        self._choose_layers = choose_layers or _any_layers
        self._card_budget_bytes = card_budget_bytes or _unknown
        self._card_estimate = card_estimate or _nothing
        self._limits = limits
        self._slots: dict[tuple[Path, LoadSettings], _PoolEntry] = {}
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
                card_bytes=slot.card_bytes,
                gpu_layers=slot.worker.order.gpu_layers,
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

    def _slot(self, target: LocalTarget) -> _PoolEntry:
        key = (target.model.path, target.settings)
        slot = self._slots.get(key)
        if slot is None:
            worker = LlamaWorker(
                _order(target.model, target.settings), limits=self._limits, on_change=self._notify
            )
            slot = self._slots[key] = _PoolEntry(target, worker)
        return slot

    def _mark_used(self, slot: _PoolEntry) -> None:
        self._uses += 1
        slot.last_used = self._uses

    def _in_memory(self) -> Iterator[_PoolEntry]:
        # a list, because those who look at memory do so from threads
        return (slot for slot in list(self._slots.values()) if slot.is_in_memory)

    @asynccontextmanager
    async def _admit(self, slot: _PoolEntry) -> AsyncIterator[None]:
        """Load one model at a time, after room has been made for it."""
        async with self._loading:
            if self._is_closed:
                raise WorkerCrashed("The program is closing.")
            # taken over here: one who has given up changes nothing any more
            order, estimated_bytes, card_bytes = await asyncio.to_thread(self._reckoned, slot)
            slot.worker.order = order
            slot.estimated_bytes, slot.card_bytes = estimated_bytes, card_bytes
            await self._make_room(slot)
            yield

    def _reckoned(self, slot: _PoolEntry) -> tuple[LoadRequest, int | None, int]:
        """Return how it is loaded where nobody chose, and what it takes of memory and card.

        The target stays as it is: a run tells what somebody chose.
        """
        model, settings = slot.target.model, slot.target.settings
        if settings.context is None:
            settings = replace(settings, context=self._choose_context(model, settings))
        if settings.gpu_layers is None:
            settings = replace(settings, gpu_layers=self._choose_layers(model, settings))
        return (
            _order(model, settings),
            self._estimate(model, settings),
            self._card_estimate(model, settings),
        )

    async def _make_room(self, slot: _PoolEntry) -> None:
        for other in list(self._in_memory()):
            has_new_settings = other.target.model.path == slot.target.model.path
            if other is not slot and has_new_settings and other.worker.is_idle:
                await other.worker.close()
        while True:
            self._changed.clear()
            card_budget = await asyncio.to_thread(self._card_budget_bytes)
            in_the_way = self._in_the_way(slot, card_budget)
            if not in_the_way:
                return
            idle = [other for other in in_the_way if other.worker.is_idle]
            if idle:
                await min(idle, key=lambda other: other.last_used).worker.close()
            else:
                await self._changed.wait()

    def _in_the_way(self, slot: _PoolEntry, card_budget: int | None) -> list[_PoolEntry]:
        """Return the models that hold what `slot` lacks; empty where it has room."""
        others = [other for other in self._in_memory() if other is not slot]
        held = sum(other.estimated_bytes or 0 for other in others)
        if held + (slot.estimated_bytes or 0) > self._budget_bytes():
            return others
        on_card = [other for other in others if other.card_bytes]
        wanted = slot.card_bytes + sum(other.card_bytes for other in on_card)
        if slot.card_bytes and card_budget is not None and wanted > card_budget:
            return on_card
        return []

    def _notify(self) -> None:
        self._changed.set()
        if self._on_change is not None:
            self._on_change()


def _order(model: ModelFile, settings: LoadSettings) -> LoadRequest:
    return LoadRequest(
        path=str(model.path),
        context=settings.context or _usual_context(model, settings),
        gpu_layers=settings.gpu_layers,
        kv_type=settings.kv_type,
        threads=settings.threads or physical_cores(),
        flash_attention=settings.flash_attention,
    )


def _usual_context(model: ModelFile, _settings: LoadSettings) -> int:
    return min(DEFAULT_CONTEXT, model.context_length or _UNKNOWN_CONTEXT)


def _any_layers(_model: ModelFile, _settings: LoadSettings) -> None:
    return None


def _nothing(_model: ModelFile, _settings: LoadSettings) -> int:
    return 0


def _unknown() -> None:
    return None

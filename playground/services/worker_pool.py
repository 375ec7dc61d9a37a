"""Which models are loaded, within which memory: the computer's, and that of its graphics card."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from playground.core.errors import PlaygroundError, WorkerCrashed
from playground.core.targets import LoadSettings, LocalTarget
from playground.engines.base import Engine
from playground.engines.llama.engine import LlamaEngine
from playground.engines.llama.process import LlamaWorker, SilenceLimits, WorkerState
from playground.engines.llama.protocol import LoadRequest, WireError
from playground.engines.llama.work_log import WorkSpan
from playground.services.machine.machine import HeldMemory, physical_cores, reclaimable_bytes
from playground.services.memory_plan import LoadPlan, MemoryPlanner

_FOLLOW_S = 0.4
"""Between two looks at what is loaded."""


@dataclass(frozen=True, slots=True)
class LoadedWorker:
    """A worker as it is shown: what it holds and what it does."""

    path: Path
    name: str
    pid: int | None
    state: WorkerState
    estimated_bytes: int
    """Of main memory."""
    load_s: float | None
    context: int
    settings: LoadSettings
    """As they were chosen."""
    card_bytes: int
    """Estimated, of the graphics card's memory."""
    gpu_layers: int | None
    """Layers it was loaded onto the card with; `None`: left to llama.cpp."""


@dataclass(frozen=True, slots=True)
class ModelWork:
    """What one model on this computer did when."""

    name: str
    pid: int | None
    """`None` where it is not loaded any more."""
    spans: tuple[WorkSpan, ...]


@dataclass(slots=True)
class _PoolEntry:
    """One model with one set of settings."""

    target: LocalTarget
    worker: LlamaWorker
    plan: LoadPlan | None = None
    """Of the last load."""
    last_used: int = 0

    @property
    def loaded_as(self) -> LoadPlan | None:
        """The plan of what is in memory; `None` where nothing is."""
        state = self.worker.state
        is_alive = state is WorkerState.LOADING or self.worker.pid is not None
        return self.plan if is_alive and state is not WorkerState.UNLOADED else None


class WorkerPool:
    """Gives each target its engine and keeps what is loaded within the memory there is.

    Where a model would not fit beside the others, idle ones are unloaded, the least recently used
    first; where the others are at work, the load waits for them. That goes for main memory, and
    for the graphics card where its memory is known. A model that is too large by itself is tried
    all the same: what llama.cpp says of it is reported.
    """

    def __init__(self, planner: MemoryPlanner, limits: SilenceLimits | None = None) -> None:
        self._planner = planner
        self._limits = limits
        self._entries: dict[tuple[Path, LoadSettings], _PoolEntry] = {}
        self._loading = asyncio.Lock()
        self._changed = asyncio.Event()
        self._uses = 0
        self._is_closed = False

    def engine(self, target: LocalTarget) -> Engine:
        """Return what answers for `target`; its model is loaded when the first request comes."""
        entry = self._entry(target)
        return LlamaEngine(
            entry.worker, lambda: self._admit(entry), on_use=lambda: self._mark_used(entry)
        )

    async def load(self, target: LocalTarget) -> AsyncGenerator[float, None]:
        """Load a model before it is asked, and yield how much of it is there, 0 … 1.

        Raises the error that keeps it from being loaded. Leaving it early calls the load off.
        """
        entry = self._entry(target)
        async with entry.worker.turn():
            self._mark_used(entry)
            if entry.worker.is_loaded:
                return
            try:
                async with (
                    self._admit(entry) as request,
                    aclosing(entry.worker.load(request)) as fractions,
                ):
                    async for fraction in fractions:
                        yield fraction
            except WireError as error:
                await entry.worker.close()
                said = f"The model's process said something unreadable ({error})."
                raise WorkerCrashed(said) from error

    async def follow(self) -> AsyncGenerator[tuple[LoadedWorker, ...], None]:
        """Yield what is loaded, at once and after each change."""
        last: tuple[LoadedWorker, ...] | None = None
        while True:
            now = self.loaded()
            if now != last:
                last = now
                yield now
            await asyncio.sleep(_FOLLOW_S)

    def loaded(self) -> tuple[LoadedWorker, ...]:
        """Return the workers there are, the most recently used first."""
        return tuple(
            LoadedWorker(
                path=entry.target.model.path,
                name=entry.target.model.name,
                pid=entry.worker.pid,
                state=entry.worker.state,
                estimated_bytes=plan.ram_bytes,
                load_s=entry.worker.load_s,
                context=plan.context,
                settings=entry.target.settings,
                card_bytes=plan.card_bytes,
                gpu_layers=plan.gpu_layers,
            )
            for entry, plan in sorted(self._in_memory(), key=lambda found: -found[0].last_used)
        )

    def work(self, since_s: float) -> tuple[ModelWork, ...]:
        """Return what each model did from `since_s` on, by `time.perf_counter()`; any thread asks.

        Models that are loaded are there though they did nothing.
        """
        found = (
            ModelWork(entry.target.model.name, entry.worker.pid, entry.worker.work.spans(since_s))
            for entry in list(self._entries.values())
        )
        return tuple(work for work in found if work.spans or work.pid is not None)

    async def side_by_side(self, targets: Sequence[LocalTarget]) -> list[tuple[LocalTarget, ...]]:
        """Return the targets in groups whose models have room in memory together.

        One that cannot be planned takes no room: what is wrong with it is told when it is asked.
        """
        held = self.held_memory()
        groups: list[tuple[list[LocalTarget], list[LoadPlan]]] = []
        for target in targets:
            plans: list[LoadPlan] = []
            with suppress(PlaygroundError):
                plans.append(await asyncio.to_thread(self._planner.plan, target, held))
            for members, others in groups:
                if all(_has_ram(plan, others) and _has_card(plan, others) for plan in plans):
                    members.append(target)
                    others.extend(plans)
                    break
            else:
                groups.append(([target], plans))
        return [tuple(members) for members, _ in groups]

    def held_memory(self) -> HeldMemory:
        """Return what the workers give back before another model is loaded.

        Of the graphics card it is an estimate, for no card tells it of each. A model that is still
        loading may hold nothing there yet, and counts for nothing.
        """
        ram_bytes = card_bytes = 0
        for entry, plan in self._in_memory():
            pid = entry.worker.pid
            with suppress(psutil.Error):
                # one that has just ended holds nothing
                ram_bytes += reclaimable_bytes(psutil.Process(pid).memory_info()) if pid else 0
            if entry.worker.is_loaded:
                card_bytes += plan.card_bytes
        return HeldMemory(ram_bytes, card_bytes)

    async def unload(self, path: Path) -> None:
        """Give a model's memory back; a run that is using it fails and keeps its text."""
        entries = [entry for entry in self._entries.values() if entry.target.model.path == path]
        await asyncio.gather(*(entry.worker.close() for entry in entries))

    async def close(self) -> None:
        """End every worker; nothing is loaded from here on."""
        self._is_closed = True
        self._changed.set()
        await asyncio.gather(*(entry.worker.close() for entry in self._entries.values()))

    def _entry(self, target: LocalTarget) -> _PoolEntry:
        key = (target.model.path, target.settings)
        if key not in self._entries:
            worker = LlamaWorker(limits=self._limits, on_change=self._changed.set)
            self._entries[key] = _PoolEntry(target, worker)
        return self._entries[key]

    def _mark_used(self, entry: _PoolEntry) -> None:
        self._uses += 1
        entry.last_used = self._uses

    def _in_memory(self) -> list[tuple[_PoolEntry, LoadPlan]]:
        # a list, because those who look at memory do so from threads
        entries = list(self._entries.values())
        return [(entry, plan) for entry in entries if (plan := entry.loaded_as) is not None]

    @asynccontextmanager
    async def _admit(self, entry: _PoolEntry) -> AsyncIterator[LoadRequest]:
        """Load one model at a time, after room has been made for it."""
        async with self._loading:
            while True:
                if self._is_closed:
                    raise WorkerCrashed("The program is closing.")
                self._changed.clear()
                held = self.held_memory()
                # taken over here: one who has given up changes nothing any more
                plan = await asyncio.to_thread(self._planner.plan, entry.target, held)
                if await self._make_room(entry, plan):
                    break
                # memory is another by then, and it is planned anew
                await self._changed.wait()
            entry.plan = plan
            yield _request(entry.target, plan)

    async def _make_room(self, entry: _PoolEntry, plan: LoadPlan) -> bool:
        """Unload what is idle and in the way; return False where models at work are."""
        path = entry.target.model.path
        for other, _plan in self._in_memory():
            has_new_settings = other.target.model.path == path
            if other is not entry and has_new_settings and other.worker.is_idle:
                await other.worker.close()
        while in_the_way := self._in_the_way(entry, plan):
            idle = [other for other in in_the_way if other.worker.is_idle]
            if not idle:
                return False
            await min(idle, key=lambda other: other.last_used).worker.close()
        return True

    def _in_the_way(self, entry: _PoolEntry, plan: LoadPlan) -> list[_PoolEntry]:
        """Return the models that hold what `entry` lacks; empty where it has room."""
        others = [(other, held) for other, held in self._in_memory() if other is not entry]
        plans = [held for _, held in others]
        if not _has_ram(plan, plans):
            return [other for other, _held in others]
        if not _has_card(plan, plans):
            return [other for other, held in others if held.card_bytes]
        return []


def _has_ram(plan: LoadPlan, others: Iterable[LoadPlan]) -> bool:
    return plan.ram_bytes + sum(other.ram_bytes for other in others) <= plan.ram_budget_bytes


def _has_card(plan: LoadPlan, others: Iterable[LoadPlan]) -> bool:
    budget = plan.card_budget_bytes
    if not plan.card_bytes or budget is None:
        return True
    return plan.card_bytes + sum(other.card_bytes for other in others) <= budget


def _request(target: LocalTarget, plan: LoadPlan) -> LoadRequest:
    settings = target.settings
    return LoadRequest(
        path=str(target.model.path),
        context=plan.context,
        gpu_layers=plan.gpu_layers,
        kv_type=settings.kv_type,
        threads=settings.threads or physical_cores(),
        flash_attention=settings.flash_attention,
    )

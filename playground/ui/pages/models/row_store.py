"""The rows of the list: what is known of each model, brought up to date piece by piece."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.errors import EngineError, ModelFileInvalid, kinds
from playground.core.events import Failed, LoadProgress, RequestSent
from playground.core.gguf.header import ArraySummary, GgufHeader, Value
from playground.core.requirements.model import Requirements
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.services.library.service import ModelLibrary
from playground.services.machine.devices import Device
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import LoadedWorker, WorkerPool
from playground.store.local_runs import ModelUse
from playground.ui.bridge import Bridge
from playground.ui.pages.models.rows import LoadState, ModelRow


class RowStore:
    """Rows in the order of the list. One of which nothing has changed stays the very same value.

    `settings_of`, `needs_of`, `use_of` and `fraction_of` tell what is known of a model file.
    """

    def __init__(
        self,
        *,
        settings_of: Callable[[ModelFile], LoadSettings],
        needs_of: Callable[[ModelFile], Requirements | None],
        use_of: Callable[[ModelFile], ModelUse | None],
        fraction_of: Callable[[str], float | None],
    ) -> None:
        self._settings_of = settings_of
        self._needs_of = needs_of
        self._use_of = use_of
        self._fraction_of = fraction_of
        self._loaded: dict[str, LoadedWorker] = {}
        self._rows: tuple[ModelRow, ...] = ()
        self._places: dict[str, int] = {}

    @property
    def rows(self) -> tuple[ModelRow, ...]:
        """All of them."""
        return self._rows

    def row(self, key: str | None) -> ModelRow | None:
        """Return a model file's row; `None` where it is not listed."""
        place = None if key is None else self._places.get(key)
        return None if place is None else self._rows[place]

    def take(self, models: Sequence[ModelFile]) -> None:
        """List other model files; what is known of those that stay is kept."""
        rows: list[ModelRow] = []
        places: dict[str, int] = {}
        for model in models:
            key = str(model.path)
            place = self._places.get(key)
            known = None if place is None else self._rows[place]
            if known is None or known.model is not model:
                known = self._made(key, model)
            places[key] = len(rows)
            rows.append(known)
        self._rows, self._places = tuple(rows), places

    def note_loaded(self, loaded: dict[str, LoadedWorker]) -> set[str]:
        """Note which models are in memory; return the keys of those that came or went."""
        changed = {
            key for key in self._loaded.keys() | loaded if self._loaded.get(key) != loaded.get(key)
        }
        come_or_gone = self._loaded.keys() ^ loaded.keys()
        self._loaded = loaded
        self.refresh(changed)
        return come_or_gone

    def refresh(self, keys: Collection[str]) -> None:
        """Bring some rows up to date."""
        if not keys:
            return
        rows = list(self._rows)
        for key in keys:
            if (place := self._places.get(key)) is not None:
                rows[place] = self._up_to_date(key, rows[place])
        self._rows = tuple(rows)

    def refresh_uses(self) -> None:
        """Take over when each model ran last."""
        self._rows = tuple(
            row if row.use is (use := self._use_of(row.model)) else replace(row, use=use)
            for row in self._rows
        )

    def change_settings(self, key: str, settings: LoadSettings) -> None:
        """Take over how a model is loaded."""
        place = self._places[key]
        row = replace(self._rows[place], settings=settings)
        self._rows = (*self._rows[:place], row, *self._rows[place + 1 :])

    def _made(self, key: str, model: ModelFile) -> ModelRow:
        row = ModelRow(model, self._settings_of(model), self._needs_of(model), self._use_of(model))
        if key not in self._loaded and self._fraction_of(key) is None:
            return row
        return self._up_to_date(key, row)

    def _up_to_date(self, key: str, row: ModelRow) -> ModelRow:
        worker = self._loaded.get(key)
        fraction = self._fraction_of(key)
        needs = self._needs_of(row.model)
        if worker is None:
            state = LoadState.UNLOADED if fraction is None else LoadState.LOADING
            return replace(row, needs=needs, state=state, load_s=None, fraction=fraction)
        state = LoadState(worker.state.value)
        if state is not LoadState.LOADING:
            fraction = None
        return replace(row, needs=needs, state=state, load_s=worker.load_s, fraction=fraction)


WATCH_S = 0.4
_LONGEST_VALUE = 400


async def elsewhere(
    requirements: RequirementsService,
    library: ModelLibrary,
    model: ModelFile,
    settings: LoadSettings,
) -> tuple[tuple[Device, Requirements], ...]:
    """Return how a model would run on other kinds of computers; empty for a broken file."""

    def work() -> tuple[tuple[Device, Requirements], ...]:
        try:
            header = library.header(model.path)
        except ModelFileInvalid:
            return ()
        return requirements.elsewhere(header, settings, projector_bytes=model.projector_bytes)

    return await asyncio.to_thread(work)


async def watch(pool: WorkerPool) -> AsyncGenerator[tuple[LoadedWorker, ...], None]:
    """Yield what is loaded, at once and after each change."""
    last: tuple[LoadedWorker, ...] | None = None
    while True:
        now = pool.loaded()
        if now != last:
            last = now
            yield now
        await asyncio.sleep(WATCH_S)


async def load(pool: WorkerPool, target: LocalTarget) -> AsyncGenerator[float, None]:
    """Load a model and yield how much of it is there, 0 … 1; leaving it early calls the load off.

    Raises the error that kept it from being loaded. The way is a run's: what comes after the model
    is loaded is left at once.
    """
    request = ChatRequest((Message(Role.USER, "."),), SamplingParams(max_tokens=1, temperature=0))
    async with aclosing(pool.engine(target).stream(request)) as events:
        async for event in events:
            if isinstance(event, LoadProgress):
                yield event.fraction or 0.0
            elif isinstance(event, Failed):
                kind = kinds().get(event.error.kind, EngineError)
                raise kind(event.error.message, event.error.hint)
            elif isinstance(event, RequestSent):
                return


async def unload(pool: WorkerPool, model: ModelFile) -> None:
    """Give a model's memory back."""
    await pool.unload(model.path)


async def header_facts(
    library: ModelLibrary, model: ModelFile
) -> tuple[GgufHeader, tuple[tuple[str, str], ...]]:
    """Return a file's header and every entry of it as text."""
    model, header = await library.inspect(model.path)
    return header, tuple(_facts(model, header))


def _facts(model: ModelFile, header: GgufHeader) -> list[tuple[str, str]]:
    types: dict[str, int] = {}
    for tensor in header.tensors:
        types[tensor.type.name] = types.get(tensor.type.name, 0) + 1
    facts = [
        ("file", str(model.path)),
        ("size", f"{model.size_bytes:,} bytes"),
        ("weights", f"{header.weights_bytes:,} bytes"),
        ("parameters", f"{header.parameters:,}"),
        ("tensors", ", ".join(f"{count} × {name}" for name, count in sorted(types.items()))),
        ("GGUF version", f"{header.version}, {header.byte_order} endian"),
    ]
    return facts + [(key, _shown(value)) for key, value in sorted(header.metadata.items())]


def _shown(value: Value) -> str:
    if isinstance(value, ArraySummary):
        return f"[{value.length:,} {'entry' if value.length == 1 else 'entries'}]"
    text = " ".join(str(value).split("\n"))
    if len(text) > _LONGEST_VALUE:
        return f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"
    return text


Wanted = tuple[ModelFile, LoadSettings]
_AT_ONCE = 20
"""Models whose requirements are shown together."""


class CompatibilityQueue:
    """Requirements by model file; `changed` gets the keys of those that have become known."""

    def __init__(
        self,
        bridge: Bridge,
        requirements: RequirementsService,
        changed: Callable[[Collection[str]], None],
    ) -> None:
        self._bridge = bridge
        self._requirements = requirements
        self._changed = changed
        self._known: dict[str, tuple[Wanted, Requirements | None]] = {}
        self._stale: set[str] = set()
        self._ages = 0
        self._wanted: deque[Wanted] = deque()
        self._task: asyncio.Task[None] | None = None

    def of(self, model: ModelFile) -> Requirements | None:
        """Return what a model needs as far as that is known; stale figures stay until better."""
        known = self._known.get(str(model.path))
        return known[1] if known is not None and _is_same(known[0][0], model) else None

    def ask(self, wanted: Sequence[Wanted]) -> None:
        """Work out what is not known of `wanted`, in its order."""
        self._wanted = deque(wanted)
        if self._task is None or self._task.done():
            self._task = self._bridge.spawn(self._work())

    def age(self) -> None:
        """Work everything out again when it is asked for next: memory has changed."""
        self._stale = set(self._known)
        self._ages += 1

    def close(self) -> None:
        """Work nothing out any more."""
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        while todo := self._next():
            age = self._ages
            found = await self._bridge.submit(self._requirements.assess_models(todo))
            for wanted in todo:
                key = str(wanted[0].path)
                self._known[key] = (wanted, found[key])
                if age == self._ages:
                    self._stale.discard(key)
                else:
                    # worked out, at least in part, with the memory there was before
                    self._stale.add(key)
            self._changed(found.keys())

    def _next(self) -> tuple[Wanted, ...]:
        """Return the next ones that are not known."""
        todo: list[Wanted] = []
        while self._wanted and len(todo) < _AT_ONCE:
            wanted = self._wanted.popleft()
            if self._is_unknown(wanted):
                todo.append(wanted)
        return tuple(todo)

    def _is_unknown(self, wanted: Wanted) -> bool:
        key = str(wanted[0].path)
        known = self._known.get(key)
        if known is None or key in self._stale:
            return True
        return not _is_same(known[0][0], wanted[0]) or known[0][1] != wanted[1]


def _is_same(first: ModelFile, second: ModelFile) -> bool:
    # of a thousand files nearly all are the very same value
    return first is second or first == second

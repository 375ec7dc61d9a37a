"""What the Models page asks of library and pool, off Qt's thread."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.errors import EngineError, ModelFileInvalid, kinds
from playground.core.events import Failed, LoadProgress, RequestSent
from playground.core.gguf.header import ArraySummary, GgufHeader, Value
from playground.core.requirements.model import Requirements
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.services.library.service import LibraryPlace, ModelLibrary
from playground.services.machine.devices import Device
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import LoadedWorker, WorkerPool
from playground.ui.model_names import told_apart

WATCH_S = 0.4
_MOMENT_S = 0.12
_LONGEST_VALUE = 400


@dataclass(frozen=True, slots=True)
class Found:
    """What is on this computer at one moment."""

    models: tuple[ModelFile, ...]
    places: tuple[LibraryPlace, ...]
    is_scanning: bool


async def found(library: ModelLibrary) -> AsyncGenerator[Found, None]:
    """Yield what is on this computer, at once and after each change."""
    async with aclosing(library.follow()) as states:
        async for state in states:
            places = await asyncio.to_thread(library.places)
            yield Found(told_apart(state.models), places, state.is_scanning)


async def scan(library: ModelLibrary) -> Found:
    """Return every model file, looked for just now."""
    models = told_apart(await library.scan())
    library.look_again()
    return Found(models, await asyncio.to_thread(library.places), is_scanning=False)


async def refresh(requirements: RequirementsService) -> None:
    """Look at this computer's memory and at what has run here."""
    await requirements.refresh()


async def assess_some(
    requirements: RequirementsService, wanted: tuple[tuple[ModelFile, LoadSettings], ...]
) -> dict[str, Requirements | None]:
    """Return what the first of `wanted` need, as many as a moment allows; by path."""
    return await asyncio.to_thread(requirements.assess_some, wanted, _MOMENT_S)


async def elsewhere(
    requirements: RequirementsService,
    library: ModelLibrary,
    model: ModelFile,
    settings: LoadSettings,
) -> tuple[tuple[Device, Requirements], ...]:
    """Return how a model would run on other kinds of computers; empty for a broken file."""

    def work() -> tuple[tuple[Device, Requirements], ...]:
        try:
            header = library.header(model)
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

"""What the Models page asks of library and pool, off Qt's thread."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from playground.core import memory
from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.errors import EngineError, kinds
from playground.core.events import Failed, LoadProgress, RequestSent
from playground.core.gguf_header import ArraySummary, GgufHeader, Value
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.services.library import ModelLibrary
from playground.services.pool import LoadedWorker, WorkerPool
from playground.ui.namesakes import told_apart
from playground.ui.pages.models.rows import Reckoning

WATCH_S = 0.4
_MARGIN = 1.15
_LONGEST_VALUE = 400


def reckon(
    library: ModelLibrary, model: ModelFile, settings: LoadSettings, free_bytes: int
) -> Reckoning | None:
    """Return what `model` needs with `settings`; reads the header, so call it in a thread."""
    if model.problem is not None:
        return None
    need = library.need(model, settings, free_bytes)
    shortest = library.need(model, LoadSettings(context=memory.SMALLEST_CONTEXT))
    usual = library.need(model, LoadSettings())
    if need is None or shortest is None or usual is None:
        return None
    return Reckoning(
        need=need,
        fit=memory.fit(need, free_bytes),
        free_bytes=free_bytes,
        minimum_bytes=min(shortest.total_bytes, need.total_bytes),
        recommended_bytes=round(usual.total_bytes * _MARGIN),
    )


async def scan(
    library: ModelLibrary, settings_of: Callable[[ModelFile], LoadSettings], free_bytes: int
) -> tuple[tuple[ModelFile, Reckoning | None], ...]:
    """Return every model file with what it needs."""
    models = told_apart(await library.scan())

    def reckon_all() -> tuple[tuple[ModelFile, Reckoning | None], ...]:
        return tuple((m, reckon(library, m, settings_of(m), free_bytes)) for m in models)

    return await asyncio.to_thread(reckon_all)


async def reckon_again(
    library: ModelLibrary, model: ModelFile, settings: LoadSettings, free_bytes: int
) -> Reckoning | None:
    """Return what one model needs with other settings."""
    return await asyncio.to_thread(reckon, library, model, settings, free_bytes)


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

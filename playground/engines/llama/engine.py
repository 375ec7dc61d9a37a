"""Answers with a model file on this computer, through a worker process."""

import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from time import perf_counter

from playground.core.chat import ChatRequest
from playground.core.errors import PlaygroundError, WorkerCrashed
from playground.core.events import (
    Failed,
    Finished,
    InputPrepared,
    LoadProgress,
    Notice,
    PromptProgress,
    RequestSent,
    StreamEvent,
    ThinkingEnded,
)
from playground.core.runs import Provenance, TokenUsage
from playground.engines.llama import protocol as wire
from playground.engines.llama.machine_load import MachineLoadMeter
from playground.engines.llama.process import LlamaWorker

Admission = Callable[[], AbstractAsyncContextManager[wire.LoadRequest]]
"""Entered before a model is loaded: whoever shares the memory out makes room for it, and says how
it is loaded."""


class LlamaEngine:
    """Streams answers of one worker, loading its model on demand."""

    def __init__(
        self, worker: LlamaWorker, admission: Admission, on_use: Callable[[], None] = lambda: None
    ) -> None:
        self._worker = worker
        self._admission = admission
        self._on_use = on_use

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events of one run; see `playground.core.events`."""
        origin = perf_counter()
        if request.sampling.seed is None:
            drawn = replace(request.sampling, seed=secrets.randbelow(2**31))
            request = replace(request, sampling=drawn)
        try:
            async with self._worker.turn():
                self._on_use()
                async with aclosing(self._answer(request, origin)) as events:
                    async for event in events:
                        yield event
        except PlaygroundError as error:
            yield Failed(perf_counter() - origin, error.info())
        except wire.WireError as error:
            await self._worker.close()
            crash = WorkerCrashed(f"The model's process said something unreadable ({error}).")
            yield Failed(perf_counter() - origin, crash.info())

    async def _answer(
        self, request: ChatRequest, origin: float
    ) -> AsyncGenerator[StreamEvent, None]:
        worker, was_loaded = self._worker, self._worker.is_loaded
        while True:
            if not was_loaded:
                async with self._admission() as load, aclosing(worker.load(load)) as fractions:
                    async for fraction in fractions:
                        yield LoadProgress(perf_counter() - origin, fraction)
            meter = None if worker.pid is None else MachineLoadMeter(worker.pid)
            sent_s = perf_counter() - origin
            async with aclosing(worker.answer(request)) as messages:
                try:
                    await anext(messages)
                except WorkerCrashed:
                    if not was_loaded:
                        raise
                    # it died while nobody used it: that costs this run a load, not its answer
                    was_loaded = False
                    continue
                yield RequestSent(sent_s, was_loaded, None if was_loaded else worker.load_s)
                async for message in messages:
                    event = _event(message, origin)
                    if isinstance(event, Finished) and meter is not None:
                        event = replace(event, machine_load=meter.load())
                    if event is not None:
                        yield event
                return


def _event(message: wire.JsonObject, origin: float) -> StreamEvent | None:
    """Return the event a worker's message stands for; raises the error it reports."""
    kind = message["type"]
    if kind == "delta":
        return wire.read_delta(message, origin)
    if kind == "failed":
        raise wire.read_failed(message)
    try:
        stamp = message["t"] - origin if "t" in message else perf_counter() - origin
        if kind == "input":
            return InputPrepared(stamp, wire.read_model_input(message))
        if kind == "prompt":
            return PromptProgress(stamp, message["processed"], message["total"], message["kept"])
        if kind == "thinking_ended":
            return ThinkingEnded(stamp)
        if kind == "notice":
            return Notice(stamp, message["kind"], message["message"])
        if kind == "finished":
            return _finished(message, stamp)
    except (KeyError, TypeError) as error:
        raise wire.WireError(f"{kind}: {error}") from error
    return None


def _finished(message: wire.JsonObject, stamp: float) -> Finished:
    usage = TokenUsage(
        prompt_tokens=message["prompt_tokens"],
        completion_tokens=message["completion_tokens"],
        cached_tokens=message["kept"],
        reasoning_tokens=message["reasoning_tokens"],
        processed_tokens=message["prompt_tokens"] - message["kept"],
        provenance=Provenance.MEASURED,
    )
    return Finished(stamp, usage, message["reason"], message["prompt_s"])

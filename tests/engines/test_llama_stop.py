"""Stopping: while loading, while reading the prompt, while writing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from playground.core.chat import ChatRequest
from playground.core.events import LoadProgress, PromptProgress, StreamEvent, TextDelta
from playground.engines.llama.engine import LlamaEngine
from playground.engines.llama.process import LlamaWorker
from tests.engines.local_run import ask, local_engine, run

Local = tuple[LlamaEngine, LlamaWorker]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def starter(starter_model: Path) -> AsyncIterator[Local]:
    async with local_engine(starter_model, context=8192) as local:
        yield local


async def unloaded(local: Local) -> Local:
    """Return what the tests share with its worker closed."""
    _, worker = local
    await worker.close()
    return local


async def leave_at(engine: LlamaEngine, request: ChatRequest, kind: type[StreamEvent]) -> None:
    """Follow a run up to its first event of `kind`, and leave."""
    async with aclosing(engine.stream(request)) as events:
        async for event in events:
            if isinstance(event, kind):
                return
    raise AssertionError(f"no {kind.__name__} came")


async def test_leaving_while_the_model_loads_leaves_nothing_behind(starter: Local) -> None:
    engine, worker = await unloaded(starter)
    await leave_at(engine, ask("Say hello."), LoadProgress)
    answer = await run(engine, ask("Say hello."))
    assert answer.finished
    assert answer.sent.was_loaded is False
    assert worker.is_loaded


async def test_cancel_during_prompt_processing_frees_the_worker(starter: Local) -> None:
    engine, worker = starter
    short = await run(engine, ask("Say hello."))
    pid = worker.pid
    await leave_at(engine, ask("word " * 7000), PromptProgress)
    after = await run(engine, ask("Say hello."))
    assert after.text == short.text
    assert after.finished.usage == short.finished.usage
    assert worker.pid == pid


async def test_a_prompt_that_was_stopped_keeps_only_what_it_had_read(starter: Local) -> None:
    engine, _ = starter
    await run(engine, ask("Say hello."))
    text = "One two three four five six seven eight. " * 40
    async with aclosing(engine.stream(ask(text))) as events:
        async for event in events:
            if isinstance(event, PromptProgress) and event.processed:
                break
    kept = await run(engine, ask(text, keep_cache=True))
    fresh = await run(engine, ask(text))
    assert 0 < (kept.finished.usage.cached_tokens or 0) < (kept.finished.usage.prompt_tokens or 0)
    assert kept.text == fresh.text


async def test_cancel_while_writing_frees_the_worker(starter: Local) -> None:
    engine, worker = starter
    short = await run(engine, ask("Say hello."))
    pid = worker.pid
    for _ in range(3):
        await leave_at(engine, ask("Tell a long story.", max_tokens=4000), TextDelta)
        after = await run(engine, ask("Say hello."))
        assert after.text == short.text
    assert worker.pid == pid


async def test_cancelling_the_task_is_as_good_as_leaving(starter: Local) -> None:
    engine, worker = starter
    await run(engine, ask("Say hello."))
    pid = worker.pid
    writing = asyncio.Event()

    async def follow() -> None:
        async with aclosing(engine.stream(ask("Tell a story.", max_tokens=4000))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    writing.set()

    task = asyncio.create_task(follow())
    await writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await run(engine, ask("Say hello."))).finished
    assert worker.pid == pid


async def test_a_run_that_waits_for_its_turn_can_be_called_off(starter: Local) -> None:
    engine, _ = starter
    async with aclosing(engine.stream(ask("Tell a story.", max_tokens=200))) as events:
        await anext(events)
        waiting = asyncio.create_task(run(engine, ask("Say hello.")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert (await run(engine, ask("Say hello."))).finished


async def test_a_worker_closed_right_after_a_stop_ends(starter: Local) -> None:
    engine, worker = starter
    await leave_at(engine, ask("Tell a story.", max_tokens=4000), TextDelta)
    await worker.close()
    assert worker.pid is None
    assert (await run(engine, ask("Say hello."))).sent.was_loaded is False

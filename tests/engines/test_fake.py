"""The scripted engine keeps to the protocol that the real ones keep to."""

import asyncio
from contextlib import aclosing

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.errors import RateLimited
from playground.core.events import (
    Failed,
    Finished,
    LoadProgress,
    Notice,
    PromptProgress,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
)
from tests.fakes.engine import FakeEngine, Script

REQUEST = ChatRequest((Message(Role.USER, "hi"),))


async def played(engine: FakeEngine, request: ChatRequest = REQUEST) -> list[StreamEvent]:
    async with aclosing(engine.stream(request)) as events:
        return [event async for event in events]


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_it_says_what_it_was_told_to_and_counts_it() -> None:
    events = await played(FakeEngine.saying("All is well", reasoning="Is it? Yes"))
    assert text_of(events) == "All is well"
    thoughts = [event.text for event in events if isinstance(event, ReasoningDelta)]
    assert "".join(thoughts) == "Is it? Yes"
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.usage.completion_tokens == 6
    assert finished.usage.reasoning_tokens == 3


async def test_stamps_never_go_back_and_there_is_one_end() -> None:
    script = Script(((0.001, "a"), (0.0, Notice(0, "k", "m")), (0.001, "b")), load_s=0.001)
    events = await played(FakeEngine(script))
    stamps = [event.t_s for event in events]
    assert stamps == sorted(stamps)
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    kinds = [type(event) for event in events]
    sent = kinds.index(RequestSent)
    assert set(kinds[:sent]) == {LoadProgress}
    assert kinds[sent + 1 : sent + 3] == [PromptProgress, PromptProgress]


async def test_the_second_request_finds_the_model_loaded() -> None:
    engine = FakeEngine(Script(((0, "a"),), load_s=0.001))
    sent = [
        event for _ in range(2) for event in await played(engine) if isinstance(event, RequestSent)
    ]
    assert [event.was_loaded for event in sent] == [False, True]
    assert sent[0].load_s is not None
    assert sent[1].load_s is None


async def test_a_failure_comes_after_what_was_said() -> None:
    events = await played(FakeEngine.failing(RateLimited("Slow down"), after=("So ", "far")))
    assert text_of(events) == "So far"
    assert isinstance(events[-1], Failed)
    assert events[-1].error.kind == "RateLimited"


async def test_one_that_hangs_ends_only_when_it_is_left() -> None:
    engine = FakeEngine.hanging(after=("a", "b"))
    texts: list[str] = []
    said_all = asyncio.Event()

    async def listen() -> None:
        async with aclosing(engine.stream(REQUEST)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    texts.append(event.text)
                if len(texts) == 2:
                    said_all.set()

    listening = asyncio.create_task(listen())
    await said_all.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert (engine.left, engine.completed) == (1, 0)


async def test_leaving_early_is_counted_and_the_request_kept() -> None:
    engine = FakeEngine.paced(tokens_per_s=100_000, count=50)
    async with aclosing(engine.stream(REQUEST)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    await played(engine)
    assert (engine.left, engine.completed, engine.requests) == (1, 1, [REQUEST, REQUEST])


async def test_max_tokens_ends_the_answer_for_length() -> None:
    request = ChatRequest(REQUEST.messages, SamplingParams(max_tokens=3))
    events = await played(FakeEngine.paced(tokens_per_s=1e6, count=10), request)
    assert text_of(events) == "w0 w1 w2 "
    assert isinstance(events[-1], Finished)
    assert events[-1].finish_reason == "length"


@pytest.mark.parametrize("count", [0, 1, 5])
async def test_probabilities_come_with_as_many_alternatives_as_asked_for(count: int) -> None:
    request = ChatRequest(REQUEST.messages, SamplingParams(logprobs=count))
    events = await played(FakeEngine.saying("word"), request)
    (token,) = next(event.tokens for event in events if isinstance(event, TextDelta))
    assert token.probability == 0.5
    assert len(token.alternatives) == count
    assert sum(alternative.probability for alternative in token.alternatives) <= 1


async def test_as_a_provider_it_shows_no_single_tokens() -> None:
    script = Script(((0, "chunk of text"),), single_tokens=False)
    events = await played(FakeEngine(script))
    assert all(not event.tokens for event in events if isinstance(event, TextDelta))
    assert not any(isinstance(event, LoadProgress | PromptProgress) for event in events)


async def test_each_token_is_due_at_its_own_time_so_that_delays_do_not_add_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0

    async def late(delay_s: float) -> None:
        nonlocal now
        now += delay_s + 0.004  # every sleep takes longer than asked for

    monkeypatch.setattr("tests.fakes.engine.time.perf_counter", lambda: now)
    monkeypatch.setattr("tests.fakes.engine.asyncio.sleep", late)
    events = await played(FakeEngine.paced(tokens_per_s=100, count=100))
    assert events[-1].t_s == pytest.approx(1.004)

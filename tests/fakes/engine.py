"""A scripted engine: for tests and benches, where what is said and when must be known."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from playground.core.chat import ChatRequest
from playground.core.errors import PlaygroundError
from playground.core.events import (
    Alternative,
    Failed,
    Finished,
    LoadProgress,
    PromptProgress,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
    Token,
)
from playground.core.runs import HostContact, Provenance, TokenUsage

Say = str | StreamEvent
"""Text is one token of the answer; an event is sent as it is, with its own `t_s` replaced."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a `FakeEngine` does with a request."""

    steps: tuple[tuple[float, Say], ...] = ()
    """Seconds after the step before, and what to say then."""
    load_s: float | None = None
    """How long the first request loads; `None` behaves as a provider, which loads nothing."""
    prompt_s: float = 0.0
    """How long the prompt is read."""
    prompt_tokens: int = 12
    single_tokens: bool = True
    """Whether text events carry their tokens, as a local model's do."""
    finish_reason: str = "stop"
    failure: PlaygroundError | None = None
    """Said instead of finishing, after all steps."""
    hang: bool = False
    """Never ends by itself: only leaving the stream does."""
    hosts: tuple[HostContact, ...] = ()


class FakeEngine:
    """Answers every request by its script; keeps the requests it got and how streams ended.

    `max_tokens` and `logprobs` of a request are honoured. Stamps come from `time.perf_counter`, and
    each step is due at an absolute time, so that delays do not add up.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[ChatRequest] = []
        self.completed = 0
        """Streams that reached their `Finished` or `Failed`."""
        self.left = 0
        """Streams that were closed or cancelled before."""
        self._is_loaded = False

    @classmethod
    def saying(cls, text: str, *, reasoning: str = "", delay_s: float = 0.0) -> "FakeEngine":
        """Return an engine that answers `text` word by word, after thinking `reasoning`."""
        thoughts = tuple(
            (delay_s, ReasoningDelta(0.0, word, (Token(word, 0.0),))) for word in _words(reasoning)
        )
        answer = tuple((delay_s, word) for word in _words(text))
        return cls(Script(steps=thoughts + answer))

    @classmethod
    def paced(
        cls, *, tokens_per_s: float, count: int, token: Callable[[int], str] | None = None
    ) -> "FakeEngine":
        """Return an engine that makes `count` tokens at an even pace; `token` names the nth."""
        name = token or (lambda index: f"w{index} ")
        return cls(Script(steps=tuple((1 / tokens_per_s, name(i)) for i in range(count))))

    @classmethod
    def failing(cls, failure: PlaygroundError, *, after: Sequence[str] = ()) -> "FakeEngine":
        """Return an engine that says `after` and then fails."""
        return cls(Script(steps=tuple((0.0, text) for text in after), failure=failure))

    @classmethod
    def hanging(cls, *, after: Sequence[str] = ()) -> "FakeEngine":
        """Return an engine that says `after` and then nothing more."""
        return cls(Script(steps=tuple((0.0, text) for text in after), hang=True))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the script's events at their times."""
        clock = _Schedule()
        self.requests.append(request)
        is_over = False
        try:
            async with aclosing(self._events(request, clock)) as events:
                async for event in events:
                    is_over = isinstance(event, Finished | Failed)
                    self.completed += is_over
                    yield event
        finally:
            self.left += not is_over

    async def _events(
        self, request: ChatRequest, clock: "_Schedule"
    ) -> AsyncGenerator[StreamEvent, None]:
        script = self.script
        async with aclosing(self._load(clock)) as loading:
            async for event in loading:
                yield event
        if script.load_s is not None:
            yield PromptProgress(clock.now(), 0, script.prompt_tokens)
            await clock.wait(script.prompt_s)
            yield PromptProgress(clock.now(), script.prompt_tokens, script.prompt_tokens)
        else:
            await clock.wait(script.prompt_s)
        said = 0
        reasoned = 0
        limit = request.sampling.max_tokens
        finish_reason = script.finish_reason
        for delay_s, say in script.steps:
            if limit is not None and said + reasoned >= limit:
                finish_reason = "length"
                break
            await clock.wait(delay_s)
            event = self._event(say, clock.now(), request.sampling.logprobs)
            said += isinstance(event, TextDelta)
            reasoned += isinstance(event, ReasoningDelta)
            yield event
        if script.hang:
            await asyncio.Event().wait()
        usage = TokenUsage(
            prompt_tokens=script.prompt_tokens,
            completion_tokens=said + reasoned,
            reasoning_tokens=reasoned or None,
            processed_tokens=script.prompt_tokens if script.load_s is not None else None,
            provenance=Provenance.MEASURED if script.single_tokens else Provenance.REPORTED,
        )
        if script.failure is not None:
            yield Failed(clock.now(), script.failure.info(), usage, script.hosts)
            return
        prompt_s = script.prompt_s if script.load_s is not None else None
        yield Finished(clock.now(), usage, finish_reason, prompt_s, script.hosts)

    async def _load(self, clock: "_Schedule") -> AsyncGenerator[StreamEvent, None]:
        load_s = self.script.load_s
        if load_s is None:
            yield RequestSent(clock.now())
            return
        if self._is_loaded:
            yield RequestSent(clock.now(), was_loaded=True)
            return
        yield LoadProgress(clock.now(), 0.0)
        await clock.wait(load_s / 2)
        yield LoadProgress(clock.now(), 0.5)
        await clock.wait(load_s / 2)
        yield LoadProgress(clock.now(), 1.0)
        self._is_loaded = True
        yield RequestSent(clock.now(), was_loaded=False, load_s=clock.now())

    def _event(self, say: Say, t_s: float, logprobs: int | None) -> StreamEvent:
        if not isinstance(say, str):
            return _restamped(say, t_s)
        if not self.script.single_tokens:
            return TextDelta(t_s, say)
        return TextDelta(t_s, say, (_token(say, t_s, logprobs),))


class _Schedule:
    """Absolute times counted from the start of a stream."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._due_s = 0.0

    def now(self) -> float:
        """Return seconds since the start."""
        return time.perf_counter() - self._start

    async def wait(self, delay_s: float) -> None:
        """Sleep until `delay_s` after the last due time; always gives other tasks a turn."""
        self._due_s += delay_s
        await asyncio.sleep(max(0.0, self._due_s - self.now()))


def _restamped(event: StreamEvent, t_s: float) -> StreamEvent:
    if isinstance(event, TextDelta | ReasoningDelta) and event.tokens:
        tokens = tuple(replace(token, t_s=t_s) for token in event.tokens)
        return replace(event, t_s=t_s, tokens=tokens)
    return replace(event, t_s=t_s)


def _token(text: str, t_s: float, logprobs: int | None) -> Token:
    if logprobs is None:
        return Token(text, t_s)
    alternatives = (Alternative(text, 0.5), *_others(logprobs - 1))
    return Token(text, t_s, 0.5, tuple(alternatives[:logprobs]))


def _others(count: int) -> Iterable[Alternative]:
    return (Alternative(f"other{n} ", 0.25 / 2**n) for n in range(max(0, count)))


def _words(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find(" ", start) + 1 or len(text)
        yield text[start:end]
        start = end

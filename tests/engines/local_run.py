"""Short ways to run a local engine and look at what came."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.events import (
    Failed,
    Finished,
    Notice,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
    Token,
)
from playground.core.targets import FlashAttention, KvType
from playground.engines.base import Engine
from playground.engines.llama.engine import LlamaEngine
from playground.engines.llama.process import LlamaWorker, SilenceLimits
from playground.engines.llama.protocol import LoadRequest


@dataclass(frozen=True)
class Answer:
    """All events of one run."""

    events: tuple[StreamEvent, ...]

    @property
    def text(self) -> str:
        return "".join(e.text for e in self.events if isinstance(e, TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(e.text for e in self.events if isinstance(e, ReasoningDelta))

    @property
    def tokens(self) -> list[Token]:
        return [
            t for e in self.events if isinstance(e, TextDelta | ReasoningDelta) for t in e.tokens
        ]

    @property
    def finished(self) -> Finished:
        assert isinstance(self.events[-1], Finished), self.events[-1]
        return self.events[-1]

    @property
    def failed(self) -> Failed:
        assert isinstance(self.events[-1], Failed), self.events[-1]
        return self.events[-1]

    @property
    def sent(self) -> RequestSent:
        (sent,) = [e for e in self.events if isinstance(e, RequestSent)]
        return sent

    @property
    def notices(self) -> list[str]:
        return [e.kind for e in self.events if isinstance(e, Notice)]


def order(path: Path, *, context: int = 2048, **settings: object) -> LoadRequest:
    values = {
        "gpu_layers": None,
        "kv_type": KvType.F16,
        "threads": 1,  # two that wait for each other crawl while other tests run
        "flash_attention": FlashAttention.AUTO,
        **settings,
    }
    return LoadRequest(path=str(path), context=context, **values)


def ask(
    *texts: str, system: str | None = None, keep_cache: bool = False, **sampling: object
) -> ChatRequest:
    """Return a request: user and assistant texts in turn, 20 tokens, no randomness."""
    chosen = SamplingParams(**{"temperature": 0.0, "max_tokens": 20, "seed": 1, **sampling})
    roles: Sequence[Role] = (Role.USER, Role.ASSISTANT)
    messages = [Message(roles[i % 2], text) for i, text in enumerate(texts)]
    if system is not None:
        messages.insert(0, Message(Role.SYSTEM, system))
    return ChatRequest(tuple(messages), chosen, keep_cache)


async def run(engine: Engine, request: ChatRequest) -> Answer:
    async with aclosing(engine.stream(request)) as events:
        return Answer(tuple([event async for event in events]))


@asynccontextmanager
async def local_engine(
    path: Path, *, limits: SilenceLimits | None = None, context: int = 2048, **settings: object
) -> AsyncIterator[tuple[LlamaEngine, LlamaWorker]]:
    request = order(path, context=context, **settings)
    worker = LlamaWorker(limits=limits)
    try:
        yield LlamaEngine(worker, lambda: nullcontext(request)), worker
    finally:
        await worker.close()

"""A provider's model as an engine that finds its key and its address when it is asked."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from playground.core.chat import ChatRequest
from playground.core.errors import ConnectionFailed, ErrorInfo, PlaygroundError
from playground.core.events import Failed, LoadProgress, RequestSent, StreamEvent
from playground.core.targets import CloudTarget, Provider
from playground.engines.openai.client import Timeouts
from playground.engines.openai.engine import OpenAIChatEngine
from playground.services.providers.practice import RESTART_HINT

Access = tuple[Provider, str | None]
"""A provider at the address it has now, and the key to it."""


class ProviderEngine:
    """Answers for one provider's model; whatever is missing becomes `Failed`."""

    def __init__(
        self,
        target: CloudTarget,
        access: Callable[[Provider], Awaitable[Access]],
        timeouts: Timeouts,
        is_starting: Callable[[], bool],
    ) -> None:
        """`is_starting` tells whether the server has to be started first."""
        self._target = target
        self._access = access
        self._timeouts = timeouts
        self._is_starting = is_starting

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the answer's events."""
        started = time.perf_counter()
        must_start = self._is_starting()
        if must_start:
            yield LoadProgress(0.0, 0.0)
        try:
            provider, key = await self._access(self._target.provider)
        except PlaygroundError as error:
            yield Failed(time.perf_counter() - started, error.info())
            return
        load_s = time.perf_counter() - started if must_start else None
        target = CloudTarget(provider, self._target.model)
        engine = OpenAIChatEngine(target, key, self._timeouts, started=started)
        async with aclosing(engine.stream(request)) as events:
            async for event in events:
                if must_start and isinstance(event, RequestSent):
                    yield replace(event, was_loaded=False, load_s=load_s)
                elif provider.is_practice and isinstance(event, Failed):
                    yield replace(event, error=_restartable(event.error))
                else:
                    yield event


def _restartable(error: ErrorInfo) -> ErrorInfo:
    """Return the error with what helps where the practice cloud itself has gone."""
    if error.kind != ConnectionFailed.__name__:
        return error
    return replace(error, hint=RESTART_HINT)

"""A stored run, played back at its own pace."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Sequence

from playground.core.chat import ChatRequest
from playground.core.events import Failed, Finished, Notice, StreamEvent
from playground.core.runs import TokenUsage

CANCELLED = "cancelled"


class ReplayEngine:
    """Yields recorded events again, each with the `t_s` it had, so that every figure is the same.

    An event is due at `t_s` ÷ `speed` after the start; `math.inf` plays without pauses. A recording
    without an end is that of a run that was stopped: it is played as `Finished` with `cut_reason`
    after a notice, because nothing went wrong in playing it. Whoever shows it marks it as recorded.
    """

    def __init__(
        self, events: Sequence[StreamEvent], speed: float = 1.0, *, cut_reason: str = CANCELLED
    ) -> None:
        if math.isnan(speed) or speed <= 0:
            raise ValueError("speed must be above 0")
        self._events = tuple(events)
        self._speed = speed
        self._cut_reason = cut_reason

    @property
    def duration_s(self) -> float:
        """How long it takes to play."""
        return self._events[-1].t_s / self._speed if self._events else 0.0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:  # noqa: ARG002 - the recording is the answer to any request
        """Yield the recorded events at their times."""
        start = time.perf_counter()
        for event in self._events:
            due_s = event.t_s / self._speed
            await asyncio.sleep(max(0.0, start + due_s - time.perf_counter()))
            yield event
            if isinstance(event, Finished | Failed):
                return
        end_s = self._events[-1].t_s if self._events else 0.0
        yield Notice(end_s, "recording", "The recording ends here: the run was stopped.")
        yield Finished(end_s, TokenUsage(), self._cut_reason)

"""Plays a stored turn again at its own pace, as the same updates a live one gives."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from playground.core.errors import StorageFailed, UsageError
from playground.core.events import StreamEvent
from playground.core.fold import RunFold
from playground.core.runs import Comparison, Run, RunStatus, StreamCounts, Timings, TokenUsage, Turn
from playground.services.comparison import (
    RunEnded,
    RunEvent,
    RunStarted,
    TurnEnded,
    TurnStarted,
    TurnUpdate,
)
from playground.store.history import ComparisonStore

MAX_GAP_S = 5.0
"""A longer pause between two runs is a clock that was set meanwhile, not part of the turn."""


class Replayer:
    """Reads stored turns and plays them; writes nothing. `speed` 2 takes half the time."""

    def __init__(self, history: ComparisonStore, speed: float = 1.0) -> None:
        self._history = history
        self._speed = speed

    async def has_recording(self, turn: Turn) -> bool:
        """Return whether anything of the turn was recorded."""
        for run in turn.runs:
            if run.started_at is not None and await self._history.timeline(run.id):
                return True
        return False

    def replay_turn(self, comparison_id: str, turn_id: str) -> AsyncGenerator[TurnUpdate, None]:
        """Iterate what happened in the turn, each run when it started then; closing it ends it.

        Raises `StorageFailed` for what is no longer in the history, and `UsageError` where names
        are still hidden: its pace would tell who answers.
        """
        return _Playback(self._history, comparison_id, turn_id, self._speed).updates()


class _Playback:
    """One turn on its way again: a task for each run, one queue of updates."""

    _comparison: Comparison
    """With the turns before the one that is played."""
    _turn: Turn
    _timelines: Sequence[Sequence[StreamEvent]]
    _start_s: float

    def __init__(
        self, history: ComparisonStore, comparison_id: str, turn_id: str, speed: float
    ) -> None:
        self._history = history
        self._comparison_id = comparison_id
        self._turn_id = turn_id
        self._speed = speed
        self._queue: asyncio.Queue[TurnUpdate | None] = asyncio.Queue()

    async def updates(self) -> AsyncGenerator[TurnUpdate, None]:
        """Yield the turn's updates; closing it ends every task."""
        await self._read()
        blank = replace(self._turn, runs=tuple(_blank(run) for run in self._turn.runs))
        yield TurnStarted(self._comparison, blank)
        self._start_s = time.perf_counter()
        conductor = asyncio.create_task(self._conduct())
        try:
            while (update := await self._queue.get()) is not None:
                yield update
            await conductor
            turns = (*self._comparison.turns, self._turn)
            yield TurnEnded(replace(self._comparison, turns=turns), self._turn)
        finally:
            conductor.cancel()
            await asyncio.gather(conductor, return_exceptions=True)

    async def _read(self) -> None:
        comparison = await self._history.load(self._comparison_id)
        turns = comparison.turns
        number = next((n for n, turn in enumerate(turns) if turn.id == self._turn_id), None)
        if number is None:
            raise StorageFailed("This prompt is no longer in the history.", "")
        if comparison.names_hidden:
            raise UsageError(
                "This comparison's names are still hidden.", "Say which answer is better first."
            )
        self._comparison = replace(comparison, turns=turns[:number])
        self._turn = turns[number]
        self._timelines = [await self._history.timeline(run.id) for run in self._turn.runs]

    async def _conduct(self) -> None:
        durations = [
            _duration(run, events)
            for run, events in zip(self._turn.runs, self._timelines, strict=True)
        ]
        starts = start_offsets(self._turn.runs, durations)
        parts = list(zip(self._turn.runs, self._timelines, starts, durations, strict=True))
        try:
            for place in sorted({run.order for run in self._turn.runs}):
                # what ran one after the other does so again, however late the clock fires
                async with asyncio.TaskGroup() as group:
                    for run, events, start_s, duration_s in parts:
                        if run.order == place and start_s is not None:
                            group.create_task(self._play(run, events, start_s, duration_s))
            for run, _events, start_s, _duration_s in parts:
                if start_s is None:
                    self._queue.put_nowait(RunEnded(run))
        finally:
            self._queue.put_nowait(None)

    async def _play(
        self, run: Run, events: Sequence[StreamEvent], start_s: float, duration_s: float
    ) -> None:
        await _until(self._start_s + start_s / self._speed)
        begun = replace(_blank(run), status=RunStatus.LOADING, started_at=run.started_at)
        self._queue.put_nowait(RunStarted(begun))
        fold = RunFold(begun)
        begun_s = time.perf_counter()
        for event in events:
            await _until(begun_s + event.t_s / self._speed)
            fold.add(event)
            self._queue.put_nowait(RunEvent(run.id, event, fold))
        await _until(self._start_s + (start_s + duration_s) / self._speed)
        self._queue.put_nowait(RunEnded(run))


async def _until(due_s: float) -> None:
    await asyncio.sleep(max(0.0, due_s - time.perf_counter()))


def start_offsets(runs: Sequence[Run], durations: Sequence[float]) -> list[float | None]:
    """Return when each run starts in seconds after the first; `None` for one that never began.

    Runs that share a number of `order` start as they did then; the next group follows its
    predecessor's end with the pause that was recorded, if that can be true.
    """
    begun = [(run.started_at, run.order, n) for n, run in enumerate(runs) if run.started_at]
    offsets: list[float | None] = [None] * len(runs)
    if not begun:
        return offsets
    origin = min(started for started, _order, _n in begun)
    end_s = 0.0
    for place in sorted({order for _started, order, _n in begun}):
        members = [(started, n) for started, order, n in begun if order == place]
        first = min(started for started, _n in members)
        recorded_s = (first - origin).total_seconds()
        begin_s = recorded_s if 0.0 <= recorded_s - end_s <= MAX_GAP_S else end_s
        for started, n in members:
            offsets[n] = begin_s + min((started - first).total_seconds(), MAX_GAP_S)
        end_s = max((offsets[n] or 0.0) + durations[n] for _started, n in members)
    return offsets


def _duration(run: Run, events: Sequence[StreamEvent]) -> float:
    """Return how long `run` took from its start, the wait before it was stopped included."""
    ends = [event.t_s for event in events[-1:]]
    if run.timings.total_s is not None:
        ends.append((run.sent_t_s or 0.0) + run.timings.total_s)
    return max(ends, default=0.0)


def _blank(run: Run) -> Run:
    return replace(
        run,
        status=RunStatus.WAITING,
        text="",
        reasoning="",
        finish_reason=None,
        usage=TokenUsage(),
        timings=Timings(),
        counts=StreamCounts(),
        was_loaded=None,
        sent_t_s=None,
        hosts=(),
        reported_cost_usd=None,
        cost=None,
        notices=(),
        error=None,
        started_at=None,
    )

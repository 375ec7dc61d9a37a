"""Plays a stored turn again at its own pace, as the same updates a live one gives."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from playground.core.errors import StorageFailed, UsageError
from playground.core.events import StreamEvent
from playground.core.fold import RunFold
from playground.core.runs import Comparison, Run, RunStatus, Turn
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
        for run in turn.runs:
            if run.started_at is not None and await self._history.timeline(run.id):
                return True
        return False

    async def replay_turn(
        self, comparison_id: str, turn_id: str
    ) -> AsyncGenerator[TurnUpdate, None]:
        """Yield what happened in the turn, each run when it started then; closing it ends it.

        Raises `StorageFailed` for what is no longer in the history, and `UsageError` where names
        are still hidden: its pace would tell who answers.
        """
        before, turn = await self._read(comparison_id, turn_id)
        timelines = [await self._history.timeline(run.id) for run in turn.runs]
        yield TurnStarted(before, replace(turn, runs=tuple(_blank(run) for run in turn.runs)))
        playback = _Playback(turn.runs, timelines, self._speed)
        playing = asyncio.create_task(playback.play())
        try:
            while (update := await playback.queue.get()) is not None:
                yield update
            await playing
            yield TurnEnded(replace(before, turns=(*before.turns, turn)), turn)
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    async def _read(self, comparison_id: str, turn_id: str) -> tuple[Comparison, Turn]:
        """Return the comparison with the turns before the one to play, and that one."""
        comparison = await self._history.load(comparison_id)
        turns = comparison.turns
        number = next((n for n, turn in enumerate(turns) if turn.id == turn_id), None)
        if number is None:
            raise StorageFailed("This prompt is no longer in the history.", "")
        if comparison.names_hidden:
            raise UsageError(
                "This comparison's names are still hidden.", "Say which answer is better first."
            )
        return replace(comparison, turns=turns[:number]), turns[number]


class _Playback:
    """One turn's runs, played from now on: a task for each, one queue of updates."""

    def __init__(
        self, runs: Sequence[Run], timelines: Sequence[Sequence[StreamEvent]], speed: float
    ) -> None:
        durations = [
            whole_duration(run, events) for run, events in zip(runs, timelines, strict=True)
        ]
        starts = start_offsets(runs, durations)
        self._parts = list(zip(runs, timelines, starts, durations, strict=True))
        self._speed = speed
        self._start_s = time.perf_counter()
        self.queue: asyncio.Queue[TurnUpdate | None] = asyncio.Queue()
        """The updates; `None` ends them."""

    async def play(self) -> None:
        """Play every run; what ran one after the other does so again, however late the clock is."""
        try:
            for place in sorted({run.order for run, *_ in self._parts}):
                async with asyncio.TaskGroup() as group:
                    for run, events, start_s, duration_s in self._parts:
                        if run.order == place and start_s is not None:
                            group.create_task(self._play_run(run, events, start_s, duration_s))
            for run, _events, start_s, _duration_s in self._parts:
                if start_s is None:
                    self.queue.put_nowait(RunEnded(run))
        finally:
            self.queue.put_nowait(None)

    async def _play_run(
        self, run: Run, events: Sequence[StreamEvent], start_s: float, duration_s: float
    ) -> None:
        await _until(self._start_s + start_s / self._speed)
        begun = replace(_blank(run), status=RunStatus.LOADING, started_at=run.started_at)
        self.queue.put_nowait(RunStarted(begun))
        fold = RunFold(begun)
        begun_s = time.perf_counter()
        for event in events:
            await _until(begun_s + event.t_s / self._speed)
            fold.add(event)
            self.queue.put_nowait(RunEvent(run.id, event, fold))
        await _until(self._start_s + (start_s + duration_s) / self._speed)
        self.queue.put_nowait(RunEnded(run))


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


def whole_duration(run: Run, events: Sequence[StreamEvent]) -> float:
    """Return how long `run` took from its start, the wait before it was stopped included."""
    ends = [event.t_s for event in events[-1:]]
    if run.timings.total_s is not None:
        ends.append((run.sent_t_s or 0.0) + run.timings.total_s)
    return max(ends, default=0.0)


def _blank(run: Run) -> Run:
    """Return the run as it was before it began."""
    return Run(run.id, run.target, run.request, run.order, shared_machine=run.shared_machine)

"""Runs the targets of a turn in order, folds their events into runs and keeps them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from playground.core.errors import EngineError, ErrorInfo, PlaygroundError
from playground.core.events import Failed, Finished, StreamEvent
from playground.core.fold import RunFold
from playground.core.planning import is_shared, new_turn
from playground.core.runs import Comparison, Cost, Run, RunOrder, Turn, Verdict
from playground.core.targets import Target
from playground.engines.base import Engine
from playground.services.recording import RunRecorder
from playground.store.comparisons import ComparisonStore


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The turn and its waiting runs are known."""

    comparison: Comparison
    turn: Turn


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run has left the queue."""

    run: Run


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An engine reported something."""

    run_id: str
    event: StreamEvent


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run is final; its cost is known as far as it can be."""

    run: Run


@dataclass(frozen=True, slots=True)
class StorageTrouble:
    """The history could not be written; the runs go on."""

    error: ErrorInfo


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """Every run of the turn is final."""

    comparison: Comparison
    turn: Turn


TurnUpdate = TurnStarted | RunStarted | RunEvent | RunEnded | StorageTrouble | TurnEnded


class ComparisonService:
    """Sends one prompt to several targets; leaving `run_turn` ends whatever still runs."""

    def __init__(
        self,
        engine_for: Callable[[Target], Engine],
        store: ComparisonStore | None = None,
        cost_of: Callable[[Run], Cost | None] | None = None,
    ) -> None:
        self._engine_for = engine_for
        self._store = store
        self._cost_of = cost_of
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run_turn(
        self,
        comparison: Comparison,
        prompt: str,
        order: RunOrder,
        *,
        hidden_names: bool = False,
    ) -> AsyncGenerator[TurnUpdate, None]:
        """Yield what happens until every run of the new turn is final."""
        turn = new_turn(comparison, prompt, order, hidden_names=hidden_names)
        turn_runner = _TurnRunner(
            comparison,
            turn,
            engine_for=self._engine_for,
            store=self._store,
            cost_of=self._cost_of,
            tasks=self._tasks,
        )
        async with aclosing(turn_runner.updates()) as updates:
            async for update in updates:
                yield update

    def stop(self, run_id: str) -> None:
        """Stop one run; what it has written is kept. Call it on the I/O loop."""
        task = self._tasks.get(run_id)
        if task is not None:
            task.cancel()

    def stop_all(self) -> None:
        """Stop every run, those that wait included. Call it on the I/O loop."""
        for task in list(self._tasks.values()):
            task.cancel()

    async def vote(
        self,
        turn_id: str,
        winner_run_id: str | None,
        verdict: Verdict | None,
        *,
        hidden_names: bool,
    ) -> None:
        """Keep what the person said of a turn's answers."""
        if self._store is not None:
            await self._store.vote(turn_id, winner_run_id, verdict, hidden_names)


class _TurnRunner:
    """One turn on its way: a task for each run, one queue of updates."""

    def __init__(
        self,
        comparison: Comparison,
        turn: Turn,
        *,
        engine_for: Callable[[Target], Engine],
        store: ComparisonStore | None,
        cost_of: Callable[[Run], Cost | None] | None,
        tasks: dict[str, asyncio.Task[None]],
    ) -> None:
        self._comparison = comparison
        self._turn = turn
        self._engine_for = engine_for
        self._store = store
        self._cost_of = cost_of
        self._tasks = tasks
        self._queue: asyncio.Queue[TurnUpdate | None] = asyncio.Queue()
        self._final: dict[str, Run] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._trouble: ErrorInfo | None = None

    async def updates(self) -> AsyncGenerator[TurnUpdate, None]:
        """Yield the turn's updates; closing it cancels the runs and keeps what they wrote."""
        await self._keep_turn()
        yield TurnStarted(self._comparison, self._turn)
        gates = _gates(self._turn)
        tasks = [
            asyncio.create_task(self._run(run, gates[run.order]), name=run.id)
            for run in self._turn.runs
        ]
        self._tasks.update({task.get_name(): task for task in tasks})
        conductor = asyncio.create_task(_conduct(self._turn, tasks, gates, self._queue))
        try:
            while (update := await self._queue.get()) is not None:
                yield update
            self._turn = replace(self._turn, runs=tuple(self._ended(r) for r in self._turn.runs))
            turns = (*self._comparison.turns, self._turn)
            yield TurnEnded(replace(self._comparison, turns=turns), self._turn)
            await conductor
        finally:
            conductor.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(conductor, *tasks, return_exceptions=True)
            await asyncio.gather(*self._endings, return_exceptions=True)
            for task in tasks:
                self._tasks.pop(task.get_name(), None)

    def _ended(self, run: Run) -> Run:
        return self._final.get(run.id, run)

    async def _run(self, run: Run, gate: asyncio.Event) -> None:
        fold = RunFold(run)
        started = time.perf_counter()
        recorder = RunRecorder(self._store, self._turn.id, run.id, self.trouble)
        try:
            await gate.wait()
            fold.start(shared_machine=is_shared(self._turn, run))
            await recorder.run(fold.run)
            self._queue.put_nowait(RunStarted(fold.run))
            started = time.perf_counter()
            await self._stream(run, fold, recorder)
        except asyncio.CancelledError:
            fold.cancel(time.perf_counter() - started)
        except PlaygroundError as error:
            fold.fail(error.info(), time.perf_counter() - started)
        except Exception as error:
            fold.fail(_bug(error), time.perf_counter() - started)
            raise
        finally:
            ending = asyncio.create_task(self._end(fold, recorder))
            self._endings.add(ending)
            await asyncio.shield(ending)

    async def _stream(self, run: Run, fold: RunFold, recorder: RunRecorder) -> None:
        engine = self._engine_for(run.target)
        async with aclosing(engine.stream(run.request)) as events:
            async for event in events:
                fold.add(event)
                recorder.event(event)
                self._queue.put_nowait(RunEvent(run.id, event))
                if isinstance(event, Finished | Failed):
                    return
        raise EngineError("The answer ended without saying that it was finished.")

    async def _end(self, fold: RunFold, recorder: RunRecorder) -> None:
        run = fold.run
        if self._cost_of is not None and run.started_at is not None:
            # the first price asked for reads a table from disk
            run = replace(run, cost=await asyncio.to_thread(self._cost_of, run))
        self._final[run.id] = run
        await recorder.close(run)
        self._queue.put_nowait(RunEnded(run))

    async def _keep_turn(self) -> None:
        if self._store is None:
            return
        try:
            await self._store.save_comparison(self._comparison)
            await self._store.save_turn(self._comparison.id, self._turn)
            for run in self._turn.runs:
                await self._store.save_run(self._turn.id, run)
        except PlaygroundError as error:
            self.trouble(error)

    def trouble(self, error: PlaygroundError) -> None:
        """Tell once that the history cannot be written."""
        if self._trouble is None:
            self._trouble = error.info()
            self._queue.put_nowait(StorageTrouble(self._trouble))


def _gates(turn: Turn) -> dict[int, asyncio.Event]:
    return {run.order: asyncio.Event() for run in turn.runs}


async def _conduct(
    turn: Turn,
    tasks: Sequence[asyncio.Task[None]],
    gates: dict[int, asyncio.Event],
    queue: asyncio.Queue[TurnUpdate | None],
) -> None:
    """Open the gates one after the other; the next opens when all before it have ended."""
    bugs: list[BaseException] = []
    try:
        for place in sorted(gates):
            gates[place].set()
            group = [task for task, run in zip(tasks, turn.runs, strict=True) if run.order == place]
            await asyncio.wait(group)
            for task in group:
                if not task.cancelled() and (error := task.exception()) is not None:
                    bugs.append(error)
    finally:
        queue.put_nowait(None)
    if bugs:
        raise bugs[0]


def _bug(error: Exception) -> ErrorInfo:
    return ErrorInfo(
        "InternalError",
        f"The program made a mistake ({type(error).__name__}).",
        "What was written so far is kept. Please report it.",
    )

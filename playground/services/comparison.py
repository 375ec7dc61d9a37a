"""Runs the targets of a turn in order, folds their events into runs and keeps them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from playground.core.checks.scoring import CheckResult, check_results
from playground.core.errors import EngineError, ErrorInfo, PlaygroundError, explained
from playground.core.events import Failed, Finished, PromptProgress, StreamEvent, TextDelta, Token
from playground.core.expected import Check
from playground.core.fold import RunFold
from playground.core.runs import Comparison, Cost, Run, RunOrder, Turn
from playground.core.targets import Target
from playground.core.turns import is_shared, new_turn, with_run_again
from playground.engines.base import Engine
from playground.store.history import ComparisonStore

SAVE_INTERVAL_S = 0.25
"""How much of an answer a sudden end of the program may cost."""


class RunRecorder:
    """Writes one run's events to the history, gathered over a quarter of a second."""

    def __init__(
        self,
        store: ComparisonStore | None,
        turn_id: str,
        run_id: str,
        on_trouble: Callable[[PlaygroundError], None],
    ) -> None:
        self._store = store
        self._turn_id = turn_id
        self._run_id = run_id
        self._on_trouble = on_trouble
        self._pending: list[StreamEvent] = []
        self._flusher: asyncio.Task[None] | None = None

    def event(self, event: StreamEvent) -> None:
        """Take an event; it is on disk a moment later."""
        if self._store is None:
            return
        self._pending.append(event)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush_soon())

    async def run(self, run: Run) -> None:
        if self._store is None:
            return
        try:
            await self._store.save_run(self._turn_id, run)
        except PlaygroundError as error:
            self._on_trouble(error)

    async def close(self, run: Run) -> None:
        """Write what is left, then the finished run."""
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.gather(self._flusher, return_exceptions=True)
        await self._flush()
        await self.run(run)

    async def _flush_soon(self) -> None:
        await asyncio.sleep(SAVE_INTERVAL_S)
        await self._flush()

    async def _flush(self) -> None:
        if self._store is None or not self._pending:
            return
        events, self._pending = self._pending, []
        try:
            await asyncio.shield(self._store.append_events(self._run_id, events))
        except PlaygroundError as error:
            self._on_trouble(error)


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
    fold: RunFold = field(repr=False, compare=False)
    """What the run's events amount to by now; to be read on the loop that runs the turn."""


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


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A run as its events so far describe it, in place of the events."""

    run: Run
    load_fraction: float | None = None
    prompt_progress: PromptProgress | None = None
    tokens: tuple[Token, ...] = ()
    """Those of the events it stands for, where probabilities were asked for."""


def with_progress(updates: Sequence[TurnUpdate]) -> list[TurnUpdate | RunProgress]:
    """Return the updates with one `RunProgress` in place of each run's events.

    Called on the loop that runs the turn, when the updates are passed on: events are folded there
    and nowhere else.
    """
    last = {update.run_id: n for n, update in enumerate(updates) if isinstance(update, RunEvent)}
    tokens: dict[str, list[Token]] = {run_id: [] for run_id in last}
    passed_on: list[TurnUpdate | RunProgress] = []
    for n, update in enumerate(updates):
        if not isinstance(update, RunEvent):
            passed_on.append(update)
            continue
        run_id, event, fold = update.run_id, update.event, update.fold
        if isinstance(event, TextDelta):
            tokens[run_id].extend(t for t in event.tokens if t.probability is not None)
        if last[run_id] == n:
            known = (fold.run, fold.load_fraction, fold.prompt_progress)
            passed_on.append(RunProgress(*known, tuple(tokens[run_id])))
    return passed_on


async def checked(turn: Turn) -> dict[str, tuple[CheckResult, ...]]:
    """Return what the checks say of each answer, by run id; worked out in a thread of its own."""

    def work_out() -> dict[str, tuple[CheckResult, ...]]:
        return {run.id: check_results(turn.checks, run) for run in turn.runs}

    return await asyncio.to_thread(work_out)


class ComparisonService:
    """Sends one prompt to several targets; leaving `run_turn` ends whatever still runs."""

    def __init__(
        self,
        engine_for: Callable[[Target], Engine],
        store: ComparisonStore | None = None,
        cost_of: Callable[[Run], Cost | None] | None = None,
    ) -> None:
        self.engine_for = engine_for
        self.store = store
        self.cost_of = cost_of
        self.tasks: dict[str, asyncio.Task[None]] = {}
        """The runs on their way, by id; to be used on the I/O loop."""

    def run_turn(
        self,
        comparison: Comparison,
        prompt: str,
        order: RunOrder,
        *,
        hidden_names: bool = False,
        checks: tuple[Check, ...] = (),
    ) -> AsyncGenerator[TurnUpdate, None]:
        """Iterate what happens until every run of the new turn is final."""
        turn = new_turn(comparison, prompt, order, hidden_names=hidden_names, checks=checks)
        return _TurnRunner(self, comparison, turn).updates()

    async def run_again(
        self, comparison: Comparison, run_id: str, *, continues: bool = False
    ) -> AsyncGenerator[TurnUpdate, None]:
        """Yield what happens while one run of the last turn is made anew; a vote is taken back.

        With `continues` it goes on with what the run has written.
        """
        *before, last = comparison.turns
        if last.is_voted and self.store is not None:
            await self.store.vote(last.id, None, None, last.hidden_names)
        turn = with_run_again(last, run_id, continues=continues)
        runner = _TurnRunner(self, replace(comparison, turns=tuple(before)), turn)
        async with aclosing(runner.updates()) as updates:
            async for update in updates:
                yield update

    def stop(self, run_id: str) -> None:
        """Stop one run; what it has written is kept. Call it on the I/O loop."""
        if (task := self.tasks.get(run_id)) is not None:
            task.cancel()

    def stop_all(self) -> None:
        """Stop every run, those that wait included. Call it on the I/O loop."""
        for task in list(self.tasks.values()):
            task.cancel()


class _TurnRunner:
    """One turn on its way: an attempt for each run, which may be stopped, and what ends it."""

    def __init__(self, service: ComparisonService, comparison: Comparison, turn: Turn) -> None:
        self._service = service
        self._comparison = comparison
        self._turn = turn
        self._queue: asyncio.Queue[TurnUpdate | None] = asyncio.Queue()
        self._final = {run.id: run for run in turn.runs if run.status.is_final}
        self._bugs: list[BaseException] = []
        self._trouble: ErrorInfo | None = None

    async def updates(self) -> AsyncGenerator[TurnUpdate, None]:
        """Yield the turn's updates; closing it cancels the runs and keeps what they wrote."""
        await self._keep_turn()
        yield TurnStarted(self._comparison, self._turn)
        waiting = [run for run in self._turn.runs if not run.status.is_final]
        gates = {run.order: asyncio.Event() for run in waiting}
        attempts = [self._attempt(run, gates[run.order]) for run in waiting]
        self._service.tasks.update({attempt.run.id: attempt.task for attempt in attempts})
        conductor = asyncio.create_task(self._conduct(attempts, gates))
        try:
            while (update := await self._queue.get()) is not None:
                yield update
            runs = tuple(self._final[run.id] for run in self._turn.runs)
            self._turn = replace(self._turn, runs=runs)
            turns = (*self._comparison.turns, self._turn)
            yield TurnEnded(replace(self._comparison, turns=turns), self._turn)
        finally:
            for attempt in attempts:
                attempt.task.cancel()
            await asyncio.shield(conductor)
            for attempt in attempts:
                self._service.tasks.pop(attempt.run.id, None)
        if self._bugs:
            raise self._bugs[0]

    async def _conduct(
        self, attempts: Sequence["_Attempt"], gates: dict[int, asyncio.Event]
    ) -> None:
        """Open the gates one after the other; the next opens when all before it have ended."""
        try:
            for place in sorted(gates):
                gates[place].set()
                group = [attempt for attempt in attempts if attempt.run.order == place]
                await asyncio.gather(*(self._end(attempt) for attempt in group))
        finally:
            self._queue.put_nowait(None)

    def _attempt(self, run: Run, gate: asyncio.Event) -> "_Attempt":
        recorder = RunRecorder(self._service.store, self._turn.id, run.id, self.trouble)
        attempt = _Attempt(run, recorder)
        attempt.task = asyncio.create_task(self._stream(attempt, gate), name=f"run {run.id}")
        return attempt

    async def _stream(self, attempt: "_Attempt", gate: asyncio.Event) -> None:
        await gate.wait()
        run, fold = attempt.run, attempt.fold
        fold.start(shared_machine=is_shared(self._turn, run))
        await attempt.recorder.run(fold.run)
        self._queue.put_nowait(RunStarted(fold.run))
        attempt.started = time.perf_counter()
        engine = self._service.engine_for(run.target)
        async with aclosing(engine.stream(run.request)) as events:
            async for event in events:
                fold.add(event)
                attempt.recorder.event(event)
                self._queue.put_nowait(RunEvent(run.id, event, fold))
                if isinstance(event, Finished | Failed):
                    return
        raise EngineError("The answer ended without saying that it was finished.")

    async def _end(self, attempt: "_Attempt") -> None:
        """Wait for an attempt, however it goes, and keep what came of it."""
        await asyncio.wait([attempt.task])
        elapsed = time.perf_counter() - attempt.started
        is_stopped = attempt.task.cancelled()
        failure = None if is_stopped else attempt.task.exception()
        error = None if failure is None else explained(failure)
        if error is not None and not isinstance(error, PlaygroundError):
            self._bugs.append(error)
        # a stop or a fault while the engine tidies up takes nothing from a finished answer
        if not attempt.fold.run.status.is_final:
            if is_stopped:
                attempt.fold.cancel(elapsed)
            elif error is not None:
                attempt.fold.fail(_info(error), elapsed)
        run = await self._with_cost(attempt.fold.run)
        self._final[run.id] = run
        await attempt.recorder.close(run)
        self._queue.put_nowait(RunEnded(run))

    async def _with_cost(self, run: Run) -> Run:
        """Return the run with what it cost; a bug in the reckoning costs nothing but the price."""
        cost_of = self._service.cost_of
        if cost_of is None or run.started_at is None:
            return run
        try:
            # the first price asked for reads a table from disk
            return replace(run, cost=await asyncio.to_thread(cost_of, run))
        except Exception as error:  # noqa: BLE001 - raised when the turn is over
            self._bugs.append(error)
            return run

    async def _keep_turn(self) -> None:
        store = self._service.store
        if store is None:
            return
        for saving in (
            store.save_comparison(self._comparison),
            store.save_turn(self._comparison.id, self._turn),
            *(
                store.save_run(self._turn.id, run)
                for run in self._turn.runs
                if run.id not in self._final
            ),
        ):
            try:
                await saving
            except PlaygroundError as error:
                # the store writes it with what follows, once it can
                self.trouble(error)

    def trouble(self, error: PlaygroundError) -> None:
        """Tell once that the history cannot be written."""
        if self._trouble is None:
            self._trouble = error.info()
            self._queue.put_nowait(StorageTrouble(self._trouble))


class _Attempt:
    """A run on its way and the task that may be stopped."""

    task: asyncio.Task[None]

    def __init__(self, run: Run, recorder: RunRecorder) -> None:
        self.run = run
        self.fold = RunFold(run)
        self.recorder = recorder
        self.started = time.perf_counter()


def _info(error: BaseException) -> ErrorInfo:
    if isinstance(error, PlaygroundError):
        return error.info()
    return ErrorInfo(
        "InternalError",
        f"The program made a mistake ({type(error).__name__}).",
        "What was written so far is kept. Please report it.",
    )

"""Stored turns played again, from a real history."""

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from playground.core.chat import ChatRequest
from playground.core.errors import RateLimited, StorageFailed, UsageError
from playground.core.events import Finished, Notice, StreamEvent, TextDelta
from playground.core.runs import Comparison, Run, RunOrder, RunStatus, Turn, VoteOutcome
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Target
from playground.core.turns import new_comparison, new_turn
from playground.engines.base import Engine
from playground.services.comparison import (
    ComparisonService,
    RunEnded,
    RunEvent,
    RunStarted,
    TurnEnded,
    TurnStarted,
    TurnUpdate,
)
from playground.services.replay import Replayer, start_offsets
from playground.store.database import Database
from playground.store.history import ComparisonStore
from tests.fakes.engine import FakeEngine

HERE = LocalTarget(ModelFile(Path("/models/small.gguf"), "Small", 1000, "Starter"))
THERE = LocalTarget(ModelFile(Path("/models/other.gguf"), "Other", 1000, "Starter"))
CLOUD = CloudTarget(Provider("example", "Example", "https://api.example.com/v1"), "large-1")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database, None]:
    database = Database(tmp_path / "history.sqlite3")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def history(database: Database) -> ComparisonStore:
    return ComparisonStore(database)


def answering(target: Target) -> Engine:
    return FakeEngine.saying(f"the answer of {target.label}", reasoning="hm well")


async def compared(
    history: ComparisonStore,
    *prompts: str,
    engine_for: object = answering,
    hidden_names: bool = False,
) -> Comparison:
    service = ComparisonService(engine_for, history)  # type: ignore[arg-type]  # a function
    comparison = new_comparison((HERE, CLOUD, THERE))
    for prompt in prompts:
        turn = service.run_turn(comparison, prompt, RunOrder.FAIR, hidden_names=hidden_names)
        async for update in turn:
            if isinstance(update, TurnEnded):
                comparison = update.comparison
    return comparison


async def played(history: ComparisonStore, comparison: Comparison, turn: Turn) -> list[TurnUpdate]:
    replay = Replayer(history, speed=math.inf).replay_turn(comparison.id, turn.id)
    async with aclosing(replay) as updates:
        return [update async for update in updates]


async def test_a_replay_says_the_same_in_the_same_order_with_the_same_figures(
    history: ComparisonStore,
) -> None:
    comparison = await compared(history, "first", "second")
    turn = comparison.turns[1]
    updates = await played(history, comparison, turn)

    begun = updates[0]
    assert isinstance(begun, TurnStarted)
    assert [t.prompt for t in begun.comparison.turns] == ["first"]
    assert {run.status for run in begun.turn.runs} == {RunStatus.WAITING}
    assert {run.text for run in begun.turn.runs} == {""}
    assert [u.run.target.label for u in updates if isinstance(u, RunStarted)] == [
        "large-1",
        "Small",
        "Other",
    ]
    for run in turn.runs:
        events = [u.event for u in updates if isinstance(u, RunEvent) and u.run_id == run.id]
        assert events == await history.timeline(run.id)
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == run.text
    ended = {u.run.id: u.run for u in updates if isinstance(u, RunEnded)}
    assert tuple(ended[run.id] for run in turn.runs) == turn.runs
    last = updates[-1]
    assert isinstance(last, TurnEnded)
    assert last.turn == turn
    assert last.comparison == comparison


async def test_runs_of_a_fair_turn_do_not_overlap_when_they_are_replayed(
    history: ComparisonStore,
) -> None:
    comparison = await compared(history, "first")
    turn = comparison.turns[0]
    async with aclosing(Replayer(history).replay_turn(comparison.id, turn.id)) as updates:
        order = [
            (type(u).__name__, u.run.target.label)
            async for u in updates
            if isinstance(u, RunStarted | RunEnded)
        ]
    assert order == [
        ("RunStarted", "large-1"),
        ("RunEnded", "large-1"),
        ("RunStarted", "Small"),
        ("RunEnded", "Small"),
        ("RunStarted", "Other"),
        ("RunEnded", "Other"),
    ]


async def test_a_replay_leaves_the_history_as_it_is(
    history: ComparisonStore, database: Database
) -> None:
    comparison = await compared(history, "first")
    before = await database.read(lambda connection: list(connection.iterdump()))
    await played(history, comparison, comparison.turns[0])
    assert await database.read(lambda connection: list(connection.iterdump())) == before


async def test_a_failed_run_fails_again_with_what_it_had_written(
    history: ComparisonStore,
) -> None:
    def failing(target: Target) -> Engine:
        if target == CLOUD:
            return FakeEngine.failing(RateLimited("Too many."), after=("half ", "an answer"))
        return answering(target)

    comparison = await compared(history, "first", engine_for=failing)
    updates = await played(history, comparison, comparison.turns[0])
    ended = [u.run for u in updates if isinstance(u, RunEnded) and u.run.target == CLOUD]
    assert [run.text for run in ended] == ["half an answer"]
    assert [run.error.message for run in ended if run.error] == ["Too many."]


async def test_a_stopped_run_ends_where_it_was_stopped_and_one_that_never_began_stays_so(
    history: ComparisonStore,
) -> None:
    def hanging(target: Target) -> Engine:
        return FakeEngine.hanging(after=("so ", "far")) if target == HERE else answering(target)

    service = ComparisonService(hanging, history)
    comparison = new_comparison((HERE, THERE))
    async for update in service.run_turn(comparison, "first", RunOrder.FAIR):
        if isinstance(update, RunEvent) and getattr(update.event, "text", "") == "far":
            service.stop_all()
        if isinstance(update, TurnEnded):
            comparison = update.comparison
    updates = await played(history, comparison, comparison.turns[0])
    stopped, never = comparison.turns[0].runs
    events = [u.event for u in updates if isinstance(u, RunEvent) and u.run_id == stopped.id]
    assert not any(isinstance(event, Finished | Notice) for event in events)
    assert [u.run.target for u in updates if isinstance(u, RunStarted)] == [HERE]
    ended = [u.run for u in updates if isinstance(u, RunEnded)]
    assert ended == [stopped, never]
    assert stopped.status is never.status is RunStatus.CANCELLED


async def test_names_that_are_hidden_are_not_given_away_by_pace(history: ComparisonStore) -> None:
    comparison = await compared(history, "first", hidden_names=True)
    turn = comparison.turns[0]
    with pytest.raises(UsageError):
        await played(history, comparison, turn)
    await history.vote(turn.id, None, VoteOutcome.TIE, True)
    assert isinstance((await played(history, comparison, turn))[-1], TurnEnded)


async def test_what_was_deleted_cannot_be_replayed(history: ComparisonStore) -> None:
    comparison = await compared(history, "first")
    await history.delete(comparison.id)
    with pytest.raises(StorageFailed):
        await played(history, comparison, comparison.turns[0])


def _run(order: int, started: datetime | None) -> Run:
    return Run(f"{order}-{started}", HERE, ChatRequest(()), order, started_at=started)


def test_recorded_pauses_are_kept_and_a_clock_that_was_set_is_not_believed() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    runs = [_run(1, noon + timedelta(seconds=3)), _run(0, noon), _run(2, None)]
    assert start_offsets(runs, [1.0, 2.5, 0.0]) == [3.0, 0.0, None]
    for wrong in (timedelta(hours=1), timedelta(hours=-1)):
        runs[0] = replace(runs[0], started_at=noon + wrong)
        offsets = start_offsets(runs, [1.0, 2.5, 0.0])
        assert offsets == [2.5, 0.0, None]


@pytest.mark.parametrize("speed", [1.0, 2.0, 0.5])
async def test_events_are_due_at_their_own_time_even_where_sleeps_are_late(
    history: ComparisonStore, monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    events: list[StreamEvent] = [TextDelta(float(number), "x") for number in range(1, 40)]
    comparison = new_comparison((HERE,))
    turn = new_turn(comparison, "Hi", RunOrder.FAIR, hidden_names=False)
    run = replace(turn.runs[0], status=RunStatus.FINISHED, started_at=datetime.now(UTC))
    await history.save_comparison(comparison)
    await history.save_turn(comparison.id, turn)
    await history.save_run(turn.id, run)
    await history.append_events(run.id, events)
    now, sleep = 50.0, asyncio.sleep

    async def late(delay_s: float) -> None:
        nonlocal now
        await sleep(0)
        now += delay_s + 0.01

    monkeypatch.setattr("playground.services.replay.time.perf_counter", lambda: now)
    monkeypatch.setattr("playground.services.replay.asyncio.sleep", late)
    shown: list[float] = []
    async with aclosing(Replayer(history, speed).replay_turn(comparison.id, turn.id)) as updates:
        async for update in updates:
            if isinstance(update, RunStarted):
                begun = now
            elif isinstance(update, RunEvent):
                shown.append(now - begun)
    assert shown == pytest.approx([event.t_s / speed + 0.01 for event in events])

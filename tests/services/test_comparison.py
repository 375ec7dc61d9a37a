"""A turn's runs, in order, kept while they happen. Engines are scripted; the history is real."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground.core.chat import ChatRequest
from playground.core.errors import RateLimited, StorageFailed
from playground.core.events import Finished, RequestSent, StreamEvent, TextDelta
from playground.core.runs import (
    Comparison,
    Cost,
    Provenance,
    Run,
    RunOrder,
    RunStatus,
    TokenUsage,
    Turn,
)
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Target
from playground.core.turns import new_comparison
from playground.engines.base import Engine
from playground.engines.openai.engine import OpenAIChatEngine
from playground.services.comparison import (
    ComparisonService,
    RunEnded,
    RunEvent,
    RunStarted,
    StorageTrouble,
    TurnEnded,
    TurnStarted,
    TurnUpdate,
)
from playground.store.database import Database
from playground.store.history import ComparisonStore
from tests.fakes.engine import FakeEngine, Script
from tests.servers.scripted_openai import ScriptedOpenAI, Stream, halves, text

HERE = LocalTarget(ModelFile(Path("/models/a.gguf"), "a", 1, "Starter"))
THERE = LocalTarget(ModelFile(Path("/models/b.gguf"), "b", 1, "Starter"))
CLOUD = CloudTarget(Provider("far", "Far", "https://api.example.com/v1"), "large")


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[ComparisonStore]:
    database = Database(tmp_path / "history.sqlite3")
    await database.open()
    yield ComparisonStore(database)
    await database.close()


def service(
    engines: dict[Target, Engine], history: ComparisonStore | None = None
) -> ComparisonService:
    return ComparisonService(
        lambda target: engines[target],
        history,
        lambda run: Cost(0.5, "api", Provenance.REPORTED) if run.text else None,
    )


async def collect(
    comparisons: ComparisonService, comparison: Comparison, order: RunOrder = RunOrder.FAIR
) -> list[TurnUpdate]:
    async with aclosing(comparisons.run_turn(comparison, "hello", order)) as updates:
        return [update async for update in updates]


def final_turn(updates: list[TurnUpdate]) -> Turn:
    last = updates[-1]
    assert isinstance(last, TurnEnded)
    return last.turn


def marks(updates: list[TurnUpdate], runs: tuple[Run, ...]) -> list[str]:
    names = {run.id: run.target.label for run in runs}
    shown = []
    for update in updates:
        if isinstance(update, RunStarted):
            shown.append(f"{names[update.run.id]} starts")
        elif isinstance(update, RunEnded):
            shown.append(f"{names[update.run.id]} ends")
    return shown


async def test_fair_gives_each_local_run_the_machine_after_the_clouds() -> None:
    engines: dict[Target, Engine] = {
        HERE: FakeEngine.saying("one two"),
        CLOUD: FakeEngine.saying("three four"),
        THERE: FakeEngine.saying("five six"),
    }
    updates = await collect(service(engines), new_comparison([HERE, CLOUD, THERE]))
    turn = final_turn(updates)
    assert marks(updates, turn.runs) == [
        "large starts", "large ends", "a starts", "a ends", "b starts", "b ends",
    ]  # fmt: skip
    assert [run.text for run in turn.runs] == ["one two", "three four", "five six"]
    assert all(run.cost is not None and run.cost.usd == 0.5 for run in turn.runs)


async def test_race_starts_every_run_before_any_ends() -> None:
    engines: dict[Target, Engine] = {
        HERE: FakeEngine.saying("one two", delay_s=0.02),
        THERE: FakeEngine.saying("five six", delay_s=0.02),
    }
    updates = await collect(service(engines), new_comparison([HERE, THERE]), RunOrder.RACE)
    shown = marks(updates, final_turn(updates).runs)
    assert {"a starts", "b starts"} == set(shown[:2])
    assert all(run.shared_machine for run in final_turn(updates).runs)


async def test_a_run_that_fails_keeps_its_text_and_leaves_its_siblings_alone() -> None:
    engines: dict[Target, Engine] = {
        HERE: FakeEngine.saying("fine"),
        CLOUD: FakeEngine.failing(RateLimited("Slow down."), after=["half an "]),
    }
    turn = final_turn(await collect(service(engines), new_comparison([HERE, CLOUD])))
    good, bad = turn.runs
    assert good.status is RunStatus.FINISHED
    assert bad.status is RunStatus.FAILED
    assert bad.text == "half an "
    assert bad.error is not None
    assert bad.error.kind == "RateLimited"


async def test_stopping_one_run_keeps_what_it_wrote_and_the_next_still_runs() -> None:
    engines: dict[Target, Engine] = {
        HERE: FakeEngine.hanging(after=["begun "]),
        THERE: FakeEngine.saying("done"),
    }
    comparisons = service(engines)
    async with aclosing(
        comparisons.run_turn(new_comparison([HERE, THERE]), "hi", RunOrder.FAIR)
    ) as updates:
        async for update in updates:
            match update:
                case RunEvent(run_id=run_id, event=TextDelta(text="begun ")):
                    comparisons.stop(run_id)
            last = update
    assert isinstance(last, TurnEnded)
    first, second = last.turn.runs
    assert (first.status, first.text) == (RunStatus.CANCELLED, "begun ")
    assert (second.status, second.text) == (RunStatus.FINISHED, "done")


async def test_stop_all_ends_running_and_waiting_runs() -> None:
    engines: dict[Target, Engine] = {
        HERE: FakeEngine.hanging(after=["begun "]),
        THERE: FakeEngine.saying("never said"),
    }
    comparisons = service(engines)
    async with aclosing(
        comparisons.run_turn(new_comparison([HERE, THERE]), "hi", RunOrder.FAIR)
    ) as updates:
        async for update in updates:
            if isinstance(update, RunEvent) and isinstance(update.event, TextDelta):
                comparisons.stop_all()
            last = update
    assert isinstance(last, TurnEnded)
    assert [run.status for run in last.turn.runs] == [RunStatus.CANCELLED, RunStatus.CANCELLED]
    assert last.turn.runs[1].text == ""


async def test_leaving_the_turn_ends_its_streams_and_keeps_their_text(
    history: ComparisonStore,
) -> None:
    engine = FakeEngine.hanging(after=["kept "])
    comparisons = service({HERE: engine}, history)
    comparison = new_comparison([HERE])
    async with aclosing(comparisons.run_turn(comparison, "hi", RunOrder.FAIR)) as updates:
        async for update in updates:
            if isinstance(update, RunEvent) and isinstance(update.event, TextDelta):
                break
    assert engine.left == 1
    (turn,) = (await history.load(comparison.id)).turns
    assert turn.runs[0].status is RunStatus.CANCELLED
    assert turn.runs[0].text == "kept "


async def test_what_was_streamed_is_in_the_history_word_for_word(history: ComparisonStore) -> None:
    comparisons = service({HERE: FakeEngine.saying("one two three")}, history)
    updates = await collect(comparisons, new_comparison([HERE]))
    started = updates[0]
    assert isinstance(started, TurnStarted)
    loaded = await history.load(started.comparison.id)
    assert loaded.turns[0].runs == final_turn(updates).runs
    timeline = await history.timeline(loaded.turns[0].runs[0].id)
    streamed = [update.event for update in updates if isinstance(update, RunEvent)]
    assert timeline == streamed


async def test_a_history_that_cannot_be_written_is_told_once_and_runs_go_on(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path / "history.sqlite3")
    await database.open()
    await database.close()
    engine = FakeEngine.saying("one two")
    updates = await collect(
        service({HERE: engine}, ComparisonStore(database)), new_comparison([HERE])
    )
    assert sum(isinstance(update, StorageTrouble) for update in updates) == 1
    assert final_turn(updates).runs[0].text == "one two"


class BusyAtFirst(Database):
    """A history that another program keeps busy just when a turn begins."""

    is_busy = True

    async def write(
        self, change: Callable[[sqlite3.Connection], Any], *, durable: bool = False
    ) -> Any:
        if self.is_busy:
            self.is_busy = False
            raise StorageFailed("Another program keeps the file busy.")
        return await super().write(change, durable=durable)


async def test_a_history_that_was_busy_for_a_moment_costs_no_answer(tmp_path: Path) -> None:
    database = BusyAtFirst(tmp_path / "history.sqlite3")
    await database.open()
    comparisons = service({HERE: FakeEngine.saying("one two")}, ComparisonStore(database))
    updates = await collect(comparisons, new_comparison([HERE]))
    assert final_turn(updates).runs[0].status is RunStatus.FINISHED
    assert sum(isinstance(update, StorageTrouble) for update in updates) == 1
    started = updates[0]
    assert isinstance(started, TurnStarted)
    store = ComparisonStore(database)
    assert (await store.load(started.comparison.id)).turns[0].runs == final_turn(updates).runs
    await database.close()


class BrokenEngine:
    """An engine with a bug."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[TextDelta]:
        yield TextDelta(0.0, "before ")
        raise ZeroDivisionError


async def test_a_bug_in_an_engine_ends_its_run_and_is_reported_after_the_others_finished() -> None:
    engines: dict[Target, Engine] = {HERE: BrokenEngine(), THERE: FakeEngine.saying("done")}  # type: ignore[dict-item]
    comparisons = service(engines)
    seen: list[TurnUpdate] = []

    async def watch() -> None:
        async for update in comparisons.run_turn(
            new_comparison([HERE, THERE]), "hi", RunOrder.FAIR
        ):
            seen.append(update)

    with pytest.raises(ZeroDivisionError):
        await watch()
    broken, fine = final_turn(seen).runs
    assert (broken.status, broken.text) == (RunStatus.FAILED, "before ")
    assert fine.status is RunStatus.FINISHED


class SlowToLeave:
    """An engine that has said everything, but whose connection takes its time to close."""

    def __init__(self) -> None:
        self.is_leaving = asyncio.Event()

    async def stream(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
        try:
            yield RequestSent(0.0)
            yield TextDelta(0.1, "all of it")
            yield Finished(0.2, TokenUsage(1, 3), "stop")
        finally:
            self.is_leaving.set()
            await asyncio.sleep(3600)


async def test_a_stop_that_comes_after_the_last_word_leaves_a_finished_answer() -> None:
    engine = SlowToLeave()
    comparisons = service({HERE: engine})  # type: ignore[dict-item]

    async def stop_late() -> None:
        await engine.is_leaving.wait()
        comparisons.stop_all()

    stopping = asyncio.create_task(stop_late())
    (run,) = final_turn(await collect(comparisons, new_comparison([HERE]))).runs
    await stopping
    assert (run.status, run.finish_reason, run.text) == (RunStatus.FINISHED, "stop", "all of it")


async def test_a_bug_in_the_price_costs_no_answer() -> None:
    def broken(run: Run) -> Cost | None:
        raise ZeroDivisionError

    engines = {HERE: FakeEngine.saying("one"), THERE: FakeEngine.saying("two")}
    comparisons = ComparisonService(engines.__getitem__, None, broken)
    seen: list[TurnUpdate] = []

    async def watch() -> None:
        async for update in comparisons.run_turn(
            new_comparison([HERE, THERE]), "hi", RunOrder.FAIR
        ):
            seen.append(update)

    with pytest.raises(ZeroDivisionError):
        await watch()
    assert [run.text for run in final_turn(seen).runs] == ["one", "two"]


async def test_stopping_before_anything_has_begun_ends_every_run() -> None:
    engine = FakeEngine.saying("never said")
    comparisons = service({HERE: engine, THERE: engine})
    async with aclosing(
        comparisons.run_turn(new_comparison([HERE, THERE]), "hi", RunOrder.FAIR)
    ) as updates:
        async for update in updates:
            comparisons.stop_all()
            last = update
    assert isinstance(last, TurnEnded)
    assert {run.status for run in last.turn.runs} == {RunStatus.CANCELLED}


async def test_halves_of_a_character_are_kept_whole_and_the_conversation_goes_on(
    history: ComparisonStore,
) -> None:
    with ScriptedOpenAI() as cloud:
        target = CloudTarget(Provider("lab", "Lab", cloud.base_url), "m")
        comparisons = service({target: OpenAIChatEngine(target, None)}, history)
        cloud.script(Stream(text("Hi ", *halves("😀"), " bye" + halves("😀")[0])))
        begun = await collect(comparisons, new_comparison([target]))
        ended = begun[-1]
        assert isinstance(ended, TurnEnded)
        (first,) = ended.turn.runs
        assert first.text == "Hi 😀 bye\ufffd"
        kept = await history.load(ended.comparison.id)
        assert kept.turns[0].runs[0].text == first.text
        assert [found.id for found in await history.search("😀")] == [kept.id]
        followed = final_turn(await collect(comparisons, kept))
        assert followed.runs[0].status is RunStatus.FINISHED
        said = [message["content"] for message in cloud.requests[-1].body["messages"]]
        assert said == ["hello", first.text, "hello"]


async def test_half_a_character_of_an_older_version_lets_the_conversation_go_on() -> None:
    with ScriptedOpenAI() as cloud:
        target = CloudTarget(Provider("lab", "Lab", cloud.base_url), "m")
        comparisons = service({target: OpenAIChatEngine(target, None)})
        ended = (await collect(comparisons, new_comparison([target])))[-1]
        assert isinstance(ended, TurnEnded)
        half = replace(ended.turn.runs[0], text="a" + halves("😀")[0])
        older = replace(ended.turn, prompt=halves("😀")[1], runs=(half,))
        kept = replace(ended.comparison, system_prompt=halves("😀")[0], turns=(older,))
        followed = final_turn(await collect(comparisons, kept))
        assert followed.runs[0].status is RunStatus.FINISHED
        said = [message["content"] for message in cloud.requests[-1].body["messages"]]
        assert said == ["\ufffd", "\ufffd", "a\ufffd", "hello"]
        assert said == [message.content for message in followed.runs[0].request.messages]


async def test_one_answer_alone_is_asked_for_again_and_the_one_before_is_kept(
    history: ComparisonStore,
) -> None:
    first = FakeEngine(Script(((0.0, "first"),)))
    engines: dict[Target, Engine] = {HERE: first, CLOUD: FakeEngine(Script(((0.0, "cloud"),)))}
    comparisons = service(engines, history)
    comparison = new_comparison((HERE, CLOUD))
    turn = final_turn(await collect(comparisons, comparison))
    await history.vote(turn.id, turn.runs[0].id, None, False)
    voted = replace(turn, winner_run_id=turn.runs[0].id)
    engines[HERE] = FakeEngine(Script(((0.0, "second"),)))
    again = comparisons.run_again(replace(comparison, turns=(voted,)), turn.runs[0].id)
    async with aclosing(again) as updates:
        ended = final_turn([update async for update in updates])
    assert [run.text for run in ended.runs] == ["second", "cloud"]
    assert ended.runs[1] == turn.runs[1], "the other one has not run"
    (kept,) = (await history.load(comparison.id)).turns
    assert [run.text for run in kept.runs] == ["second", "cloud"]
    assert [run.text for run in kept.replaced] == ["first"]
    assert not kept.is_voted, "the vote was for another answer"

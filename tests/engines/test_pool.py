"""Which models are loaded, within which memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from time import perf_counter

import psutil
import pytest

from playground.core.chat import SamplingParams
from playground.core.errors import ModelFileInvalid
from playground.core.events import Failed, LoadProgress, TextDelta
from playground.core.runs import Cost, Provenance, Run
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.services.evaluation import EvaluationService, EvaluationStarted
from playground.services.machine.machine import HeldMemory
from playground.services.memory_plan import LoadPlan
from playground.services.worker_pool import WorkerPool
from playground.store.database import Database
from playground.store.evaluations import EvaluationStore
from tests.engines.local_run import ask, run
from tests.engines.scripted_model import write_scripted_model
from tests.fakes.planner import FixedPlanner
from tests.services.evaluating import number_set

SIZE = 100
LAYERS = 9
ON_CARD = 10 * LAYERS
ONE_THREAD = LoadSettings(threads=1)
"""Two threads that wait for each other crawl while other tests keep the processor busy."""


@asynccontextmanager
async def pool_of(budget: int, *, card_budget: int | None = None) -> AsyncIterator[WorkerPool]:
    """A pool in which every model is reckoned to take 100 bytes, and 10 of the card for a layer.

    Nine layers go on the card where nobody chose otherwise.
    """
    planner = FixedPlanner(
        budget_bytes=budget,
        ram_bytes=SIZE,
        layers=(None if card_budget is None else LAYERS,),
        layer_bytes=10,
        card_budget_bytes=card_budget,
    )
    pool = WorkerPool(planner)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
def targets(tmp_path: Path) -> list[LocalTarget]:
    """Three small models, each of which says its own name for ever."""
    made = []
    for name in ("ann", "bob", "cyd"):
        path = write_scripted_model(tmp_path / f"{name}.gguf", [name, " again"], ends=False)
        model = ModelFile(path, name, path.stat().st_size, "test", context_length=1024)
        made.append(LocalTarget(model, ONE_THREAD))
    return made


def names(pool: WorkerPool) -> list[str]:
    return [worker.name for worker in pool.loaded()]


async def test_models_that_fit_together_stay_loaded(targets: list[LocalTarget]) -> None:
    async with pool_of(budget=3 * SIZE) as pool:
        for target in targets:
            answer = await run(pool.engine(target), ask("?", max_tokens=2))
            assert answer.text.startswith(target.label)
        assert names(pool) == ["cyd", "bob", "ann"]
        again = await run(pool.engine(targets[0]), ask("?"))
        assert again.sent.was_loaded is True
        for worker in pool.loaded():
            assert worker.pid is not None
            assert (worker.state, worker.estimated_bytes) == ("ready", SIZE)
            assert worker.context == 1024
            assert worker.load_s is not None


async def test_the_least_recently_used_model_makes_room(targets: list[LocalTarget]) -> None:
    ann, bob, cyd = targets
    async with pool_of(budget=2 * SIZE) as pool:
        for target in (ann, bob, ann):
            await run(pool.engine(target), ask("?"))
        await run(pool.engine(cyd), ask("?"))
        assert names(pool) == ["cyd", "ann"]


async def test_a_model_too_large_by_itself_is_tried(targets: list[LocalTarget]) -> None:
    ann, bob, _ = targets
    async with pool_of(budget=SIZE // 2) as pool:
        assert (await run(pool.engine(ann), ask("?"))).finished
        assert (await run(pool.engine(bob), ask("?"))).finished
        assert names(pool) == ["bob"]


async def test_a_load_waits_for_a_model_at_work_to_make_room(targets: list[LocalTarget]) -> None:
    ann, bob, _ = targets
    async with pool_of(budget=SIZE) as pool:
        answers = await asyncio.gather(
            *(run(pool.engine(target), ask("?", max_tokens=200)) for target in (ann, bob))
        )
        assert [answer.finished.usage.completion_tokens for answer in answers] == [200, 200]
        assert names(pool) == ["bob"]


async def test_models_that_fit_together_answer_at_the_same_time(
    targets: list[LocalTarget],
) -> None:
    ann, bob, _ = targets
    async with pool_of(budget=2 * SIZE) as pool:
        first = pool.engine(ann).stream(ask("?", max_tokens=None))
        second = pool.engine(bob).stream(ask("?", max_tokens=None))
        for events in (first, second):
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        assert {worker.state for worker in pool.loaded()} == {"busy"}
        await first.aclose()
        await second.aclose()


async def test_unloading_gives_the_memory_back(starter_model: Path) -> None:
    model = ModelFile(starter_model, "starter", 1, "Starter", context_length=2048)
    async with pool_of(budget=SIZE) as pool:
        await run(pool.engine(LocalTarget(model, ONE_THREAD)), ask("Say hello."))
        (worker,) = pool.loaded()
        process = psutil.Process(worker.pid)
        assert process.memory_info().rss > 50e6
        await pool.unload(starter_model)
        assert not process.is_running()
        assert pool.loaded() == ()
        assert (await run(pool.engine(LocalTarget(model, ONE_THREAD)), ask("Say hello."))).finished


async def test_unloading_a_model_at_work_ends_its_run_and_keeps_the_text(
    targets: list[LocalTarget],
) -> None:
    async with pool_of(budget=SIZE) as pool:
        text, last = "", None
        async with aclosing(pool.engine(targets[0]).stream(ask("?", max_tokens=None))) as events:
            async for event in events:
                last = event
                if isinstance(event, TextDelta):
                    text += event.text
                    await pool.unload(targets[0].model.path)
        assert isinstance(last, Failed)
        assert last.error.kind == "WorkerCrashed"
        assert "unloaded" in last.error.message
        assert text.startswith("ann")


async def test_new_settings_load_the_model_again(targets: list[LocalTarget]) -> None:
    first = targets[0]
    second = replace(first, settings=replace(ONE_THREAD, context=512))
    async with pool_of(budget=3 * SIZE) as pool:
        await run(pool.engine(first), ask("?"))
        answer = await run(pool.engine(second), ask("?", max_tokens=None))
        assert answer.sent.was_loaded is False
        assert [worker.context for worker in pool.loaded()] == [512]
        usage = answer.finished.usage
        assert (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) == 512


async def test_closing_ends_every_worker_and_loads_nothing_more(
    targets: list[LocalTarget],
) -> None:
    async with pool_of(budget=3 * SIZE) as pool:
        await run(pool.engine(targets[1]), ask("?"))
        async with aclosing(pool.engine(targets[0]).stream(ask("?", max_tokens=None))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
            processes = [psutil.Process(worker.pid) for worker in pool.loaded()]
            assert len(processes) == 2
            await pool.close()
        assert not any(process.is_running() for process in processes)
        assert (await run(pool.engine(targets[2]), ask("?"))).failed
        assert pool.loaded() == ()


async def test_what_a_worker_does_is_listed(targets: list[LocalTarget]) -> None:
    seen = []
    async with pool_of(budget=SIZE) as pool:

        def note() -> None:
            seen.append([str(worker.state) for worker in pool.loaded()])

        async with aclosing(pool.engine(targets[0]).stream(ask("?", max_tokens=3))) as events:
            async for event in events:
                if isinstance(event, LoadProgress | TextDelta):
                    note()
        note()
        await pool.unload(targets[0].model.path)
        note()
    assert [state for state, _ in groupby(seen)] == [["loading"], ["busy"], ["ready"], []]


async def test_an_idle_worker_that_dies_is_no_longer_listed(targets: list[LocalTarget]) -> None:
    async with pool_of(budget=SIZE) as pool:
        await run(pool.engine(targets[0]), ask("?"))
        psutil.Process(pool.loaded()[0].pid).kill()
        async with asyncio.timeout(10):
            while pool.loaded():
                await asyncio.sleep(0.01)
        assert (await run(pool.engine(targets[0]), ask("?"))).sent.was_loaded is False


async def test_a_card_that_is_full_makes_room_as_well(targets: list[LocalTarget]) -> None:
    ann, bob, cyd = targets
    async with pool_of(budget=9 * SIZE, card_budget=2 * ON_CARD) as pool:
        for target in (ann, bob, ann):
            await run(pool.engine(target), ask("?"))
        assert [worker.card_bytes for worker in pool.loaded()] == [ON_CARD, ON_CARD]
        await run(pool.engine(cyd), ask("?"))
        assert names(pool) == ["cyd", "ann"]


async def test_a_model_beside_the_card_is_not_unloaded_for_it(targets: list[LocalTarget]) -> None:
    ann, bob, cyd = targets
    beside = replace(ann, settings=replace(ONE_THREAD, gpu_layers=0))
    async with pool_of(budget=9 * SIZE, card_budget=ON_CARD) as pool:
        for target in (beside, bob, cyd):
            await run(pool.engine(target), ask("?"))
        # the least recently used one would give back nothing of the card
        assert names(pool) == ["cyd", "ann"]


async def test_a_model_that_needs_no_card_does_not_wait_for_one(
    targets: list[LocalTarget],
) -> None:
    ann, bob, _ = targets
    beside = replace(bob, settings=replace(ONE_THREAD, gpu_layers=0))
    async with pool_of(budget=9 * SIZE, card_budget=ON_CARD // 2) as pool:
        for target in (ann, beside):
            await run(pool.engine(target), ask("?"))
        assert names(pool) == ["bob", "ann"]


async def test_a_load_waits_for_a_model_at_work_on_the_card(targets: list[LocalTarget]) -> None:
    ann, bob, _ = targets
    async with pool_of(budget=9 * SIZE, card_budget=ON_CARD) as pool:
        answers = await asyncio.gather(
            *(run(pool.engine(target), ask("?", max_tokens=200)) for target in (ann, bob))
        )
        assert [answer.finished.usage.completion_tokens for answer in answers] == [200, 200]
        assert names(pool) == ["bob"]


async def test_layers_are_chosen_anew_at_each_load(targets: list[LocalTarget]) -> None:
    layers = (LAYERS, LAYERS - 1)
    pool = WorkerPool(FixedPlanner(budget_bytes=SIZE, ram_bytes=SIZE, layers=layers))
    try:
        for expected in layers:
            await run(pool.engine(targets[0]), ask("?"))
            assert [worker.gpu_layers for worker in pool.loaded()] == [expected]
            await pool.unload(targets[0].model.path)
    finally:
        await pool.close()


async def test_what_each_model_did_when_is_told_for_the_charts(targets: list[LocalTarget]) -> None:
    ann, bob, _ = targets
    async with pool_of(budget=SIZE) as pool:
        began_s = perf_counter()
        await run(pool.engine(ann), ask("?", max_tokens=5))
        (told,) = pool.work(began_s)
        assert (told.name, told.pid) == ("ann", pool.loaded()[0].pid)
        loading, reading, writing = told.spans
        assert [span.kind for span in told.spans] == ["loading", "reading", "writing"]
        assert (loading.tokens, reading.tokens, writing.tokens) == (0, 0, 5)
        stamps = [began_s]
        for span in told.spans:
            assert span.ended_s is not None
            stamps += [span.began_s, span.ended_s]
        stamps.append(perf_counter())
        assert stamps == sorted(stamps)
        # one that made room is told as long as what it did is asked for
        await run(pool.engine(bob), ask("?", max_tokens=1))
        assert [(told.name, told.pid is None) for told in pool.work(began_s)] == [
            ("ann", True),
            ("bob", False),
        ]
        assert [told.name for told in pool.work(perf_counter())] == ["bob"]


async def test_work_that_goes_on_or_was_stopped_has_its_end(targets: list[LocalTarget]) -> None:
    async with pool_of(budget=SIZE) as pool:
        stream = pool.engine(targets[0]).stream(ask("?", max_tokens=None))
        async with aclosing(stream):
            async for event in stream:
                if isinstance(event, TextDelta):
                    break
            (told,) = pool.work(0.0)
            assert (told.spans[-1].kind, told.spans[-1].ended_s) == ("writing", None)
        while pool.work(0.0)[0].spans[-1].ended_s is None:
            await asyncio.sleep(0.01)


async def test_models_are_grouped_by_what_fits_side_by_side(targets: list[LocalTarget]) -> None:
    for budget, expected in (
        (3, ["ann bob cyd"]),
        (2, ["ann bob", "cyd"]),
        (0, ["ann", "bob", "cyd"]),
    ):
        async with pool_of(budget=budget * SIZE) as pool:
            groups = await pool.side_by_side(targets)
            assert [" ".join(target.label for target in group) for group in groups] == expected
    async with pool_of(budget=3 * SIZE, card_budget=2 * ON_CARD) as pool:
        assert [len(group) for group in await pool.side_by_side(targets)] == [2, 1]


@pytest.mark.parametrize(("budget", "loads"), [(2 * SIZE, 2), (SIZE, 3)])
async def test_an_evaluation_loads_models_that_do_not_fit_together_once_a_block(
    targets: list[LocalTarget], tmp_path: Path, budget: int, loads: int
) -> None:
    database = Database(tmp_path / "history.sqlite3")
    await database.open()
    store = EvaluationStore(database)
    prompts = replace(number_set(6), sampling=SamplingParams(max_tokens=2))
    async with pool_of(budget=budget) as pool:
        service = EvaluationService(
            pool.engine, store, no_cost, lambda _: None, side_by_side=pool.side_by_side
        )
        evaluation = await service.begin(prompts, targets[:2], 1)
        async with aclosing(service.run(evaluation)) as updates:
            (plan,) = [u.plan async for u in updates if isinstance(u, EvaluationStarted)]
    results = await store.results(evaluation.id)
    await database.close()
    assert len(results) == 12
    assert [result.was_loaded for result in results].count(False) == plan.loads == loads
    assert plan.block == (3 if loads == 3 else None)


async def test_a_model_that_cannot_be_planned_takes_no_room(targets: list[LocalTarget]) -> None:
    class Broken(FixedPlanner):
        def plan(self, target: LocalTarget, held: HeldMemory) -> LoadPlan:
            if target.label == "bob":
                raise ModelFileInvalid("broken")
            return super().plan(target, held)

    pool = WorkerPool(Broken(budget_bytes=2 * SIZE, ram_bytes=SIZE))
    assert [len(group) for group in await pool.side_by_side(targets)] == [3]


def no_cost(_run: Run) -> Cost:
    return Cost(0.0, "electricity", Provenance.ESTIMATED)
